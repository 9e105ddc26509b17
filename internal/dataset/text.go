package dataset

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/printable"
)

// shown is how many names stand in a sentence.
const shown = 10

// count returns a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listed returns the first of some texts, made printable, as an enumeration.
func listed(texts []string) string { return listedOf(texts, len(texts)) }

// listedOf is listed for the beginning of n texts.
func listedOf(texts []string, n int) string {
	var b strings.Builder
	for i, text := range texts {
		if i == shown {
			b.WriteString(", …")
			return b.String()
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(printable.Text(text))
	}
	if len(texts) < n {
		b.WriteString(", …")
	}
	return b.String()
}

// some is listed with the number of texts where they are not all shown.
func some(texts []string) string {
	if len(texts) <= shown {
		return listed(texts)
	}
	return fmt.Sprintf("%s (%d)", listed(texts), len(texts))
}
