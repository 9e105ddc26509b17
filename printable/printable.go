// Package printable makes text from outside safe to print: names of files, rows and classes
// that somebody else wrote may hold control characters, which a terminal obeys, and marks that
// change the direction of what follows.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with everything that does not print, or prints as something else than it is,
// escaped as Go escapes it: control characters, DEL, C1, marks of direction and of no width,
// and bytes that are no UTF-8.
func Text(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hidden(r):
			q := fmt.Sprintf("%+q", r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// Check returns an error that shows the first character of s that Text would escape.
func Check(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("expected UTF-8, found %.40q", s)
	}
	for _, r := range s {
		if hidden(r) {
			return fmt.Errorf("expected text that prints, found the character %U", r)
		}
	}
	return nil
}

func clean(s string) bool { return Check(s) == nil }

// hidden reports whether a character acts on what prints it rather than print.
func hidden(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) }
