package registry

import (
	"fmt"
	"strconv"
	"strings"
)

// An Own is a row of one's own as it is written: like another, for a file of one's own.
type Own struct {
	Name, Base string
	Classes    int      // 0: those of the base
	ClassNames []string // empty: those of the base, if it has as many classes
	Weights    Weights  // URL, Digest, Size and Recipe are written
}

// Row returns the text of the row, which can be added to a zoo.toml that has rows like Base, or is
// read after one. The error says what no row can have.
func (o *Own) Row(known *Registry) (string, error) {
	if err := CheckName(o.Name); err != nil {
		return "", fmt.Errorf("registry: name %q: %w", o.Name, err)
	}
	if known.Has(o.Name) {
		return "", fmt.Errorf("registry: there is a row %q already: choose another name", o.Name)
	}
	if row, ok := known.Alias(o.Name); ok {
		return "", fmt.Errorf("registry: %q is an alias of %s already: choose another name", o.Name, row)
	}
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, value) }
	header := headerOf(o.Name)
	fmt.Fprintf(&b, "[%s]\n", header)
	line("base", strconv.Quote(o.Base))
	if len(o.ClassNames) > 0 {
		quoted := make([]string, len(o.ClassNames))
		for i, name := range o.ClassNames {
			quoted[i] = strconv.Quote(name) // of texts that print, TOML and Go have the same
		}
		line("class_names", "["+strings.Join(quoted, ", ")+"]")
	} else if o.Classes > 0 {
		line("classes", strconv.Itoa(o.Classes))
	}
	w := &o.Weights
	fmt.Fprintf(&b, "[%s.weights]\n", header)
	line("url", strconv.Quote(w.URL))
	line("sha256", strconv.Quote(w.Digest.String()))
	line("size", strconv.FormatInt(w.Size, 10))
	if w.Recipe != "" {
		line("recipe", strconv.Quote(w.Recipe))
	}
	r, err := known.Merge("the new row", []byte(b.String()))
	if err == nil {
		_, err = r.Lookup(o.Name)
	}
	return b.String(), err
}
