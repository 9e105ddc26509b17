package dataset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A way is how the lines of a list are written.
type way struct {
	r       *listReader
	comma   byte // what divides the columns; 0: the last space, since paths may hold spaces
	path    int  // column of the path
	label   int  // column of the label
	words   bool // the label is the first word of its column
	numbers bool // lines hold a number of the development kit and nothing else
}

// way tells how a list is written by some of its lines: the way in which most of them, a
// heading aside, give a path and a label; the first of several.
func (r *listReader) way(sample []string) way {
	if !slices.ContainsFunc(sample, func(line string) bool { _, err := strconv.Atoi(line); return err != nil }) {
		return way{r: r, numbers: true}
	}
	spaces := way{r: r}
	best, most := spaces, spaces.fits(sample)
	for _, comma := range []byte{'\t', ',', ';'} {
		for _, words := range []bool{false, true} {
			for _, columns := range [][2]int{{0, 1}, {1, 2}, {1, 0}} {
				w := way{r: r, comma: comma, path: columns[0], label: columns[1], words: words}
				n := w.fits(sample)
				if n == len(sample) {
					return w
				}
				if n > most {
					best, most = w, n
				}
			}
		}
	}
	return best // that of spaces where no other is better
}

// fits counts the lines that can be read in a way.
func (w way) fits(sample []string) int {
	n := 0
	for i, line := range sample {
		e, err := w.read(line)
		switch {
		case err == nil && (w.path == 0 || IsImage(e.path)): // a column before it may be anything
			n++
		case err != nil && i == 0 && len(sample) > 1 && !listsImage(line):
			n++ // a heading
		}
	}
	return n
}

// listsImage reports whether a line names an image, so that it is no heading.
func listsImage(line string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t,;\"", r) }), IsImage)
}

// columns divides a line, and takes quotation marks off.
func (w way) columns(line string) []string {
	var columns []string
	for {
		line = strings.TrimLeft(line, " ")
		if strings.HasPrefix(line, `"`) {
			if text, rest, ok := quoted(line); ok && (rest == "" || rest[0] == w.comma) {
				columns = append(columns, text)
				if rest == "" {
					return columns
				}
				line = rest[1:]
				continue
			}
		}
		at := strings.IndexByte(line, w.comma)
		if at < 0 {
			return append(columns, strings.TrimSpace(line))
		}
		columns = append(columns, strings.TrimSpace(line[:at]))
		line = line[at+1:]
	}
}

// quoted takes a text in quotation marks, in which two stand for one, from the beginning of a
// line.
func quoted(line string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		if line[i] != '"' {
			b.WriteByte(line[i])
			continue
		}
		if i+1 == len(line) || line[i+1] != '"' {
			return b.String(), strings.TrimLeft(line[i+1:], " "), true
		}
		b.WriteByte('"')
		i++
	}
	return "", "", false
}

// read returns what a line lists.
func (w way) read(line string) (listEntry, error) {
	if w.numbers {
		if _, err := strconv.Atoi(line); err != nil {
			return listEntry{}, fmt.Errorf("expected a number of the development kit, found %.100q", line)
		}
		return listEntry{label: line}, nil
	}
	if w.comma == 0 {
		return w.spaced(line)
	}
	columns := w.columns(line)
	if len(columns) <= max(w.path, w.label) {
		return listEntry{}, fmt.Errorf("expected a path and a label, found %.100q", line)
	}
	label := columns[w.label]
	if w.words {
		label, _, _ = strings.Cut(label, " ")
	}
	if !w.r.isLabel(label) {
		return listEntry{}, fmt.Errorf("expected a label, found %.100q", label)
	}
	if columns[w.path] == "" {
		return listEntry{}, fmt.Errorf("expected the path of an image, found %.100q", line)
	}
	return listEntry{path: clean(columns[w.path]), label: label}, nil
}

// spaced reads "PATH LABEL".
func (w way) spaced(line string) (listEntry, error) {
	if strings.HasPrefix(line, `"`) {
		if text, rest, ok := quoted(line); ok && rest != "" {
			return listEntry{path: clean(text), label: strings.Trim(rest, `"`)}, w.check(strings.Trim(rest, `"`))
		}
	}
	at := strings.LastIndexAny(line, " \t")
	if at < 0 {
		return listEntry{}, fmt.Errorf("expected PATH LABEL, found %.100q", line)
	}
	label := line[at+1:]
	return listEntry{path: clean(line[:at]), label: label}, w.check(label)
}

func (w way) check(label string) error {
	if !w.r.isLabel(label) {
		return fmt.Errorf("expected a whole number as label, or a WordNet id or the name of a class, found %.100q", label)
	}
	return nil
}
