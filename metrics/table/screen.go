package table

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/gozoo/zoo/printable"
)

// A Screen is where people read. The zero Screen is a file: it is as wide as need be, and has no
// colours.
type Screen struct {
	Width   int    // columns, that no line is wider than; 0: without end
	Colours bool   // whether it shows colours; the writer has to let them through
	All     string // what to do to see what is left out, such as "--wide prints them"
}

// gap is what stands between two columns.
const gap = "  "

// Narrowest that a column becomes: four columns tell a number from another, and eight a name.
const (
	leastCell = 4
	leastName = 8
)

// Human writes the table aligned, without borders, two spaces between columns, so that it fits a
// screen: see Begin. A header may have several lines.
func (t Table) Human(w io.Writer, s Screen) error {
	var b bytes.Buffer
	out, err := t.Begin(&b, s)
	if err != nil {
		return err
	}
	for _, row := range t.Rows {
		if err := out.Row(row); err != nil {
			return err
		}
	}
	if err := out.End(); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// A Stream writes the rows of a table as they come.
type Stream struct {
	w       io.Writer
	t       Table
	screen  Screen
	columns []int // that are written, as the header counts them
	widths  []int // of the table's columns
	left    []string
	remarks bool // whether the last column stands under its row
}

// Begin lays a table's columns out for its rows, which are those that will come, or as wide, and
// writes the header. On a screen that is too narrow, columns are left out in the order of
// Drop; where that is not enough, cells are shortened, names last.
func (t Table) Begin(w io.Writer, s Screen) (*Stream, error) {
	out := &Stream{w: w, t: t, screen: s, remarks: t.Remarks && s.Width > 0}
	out.layOut()
	if t.Style == Bare {
		return out, nil
	}
	lines := make([][]string, len(t.Header)) // of each column
	height := 0
	for _, c := range out.columns {
		lines[c] = strings.Split(t.Header[c], "\n")
		height = max(height, len(lines[c]))
	}
	for i := range height {
		cells := make([]string, len(t.Header))
		for c := range lines {
			if i < len(lines[c]) {
				cells[c] = lines[c][i]
			}
		}
		if err := out.line(cells, nil); err != nil {
			return nil, err
		}
	}
	if t.Style == Plain {
		return out, nil
	}
	rule := out.total()
	if s.Width == 0 {
		rule += len(gap) // behind the last column too
	}
	_, err := fmt.Fprintln(w, strings.Repeat("-", rule))
	return out, err
}

// layOut decides which columns are written, and how wide.
func (s *Stream) layOut() {
	s.widths = make([]int, len(s.t.Header))
	for c, h := range s.t.Header {
		s.columns = append(s.columns, c)
		if s.t.Style != Bare {
			for line := range strings.SplitSeq(h, "\n") {
				s.widths[c] = max(s.widths[c], textWidth(printable.Text(line)))
			}
		}
	}
	for _, row := range s.t.Rows {
		if s.t.Remarks { // no column stands behind them
			row = row[:len(row)-1]
		}
		for c, cell := range row {
			s.widths[c] = max(s.widths[c], textWidth(printable.Text(cell)))
		}
	}
	if s.remarks {
		s.columns = s.columns[:len(s.columns)-1]
	}
	if s.screen.Width == 0 {
		return
	}
	for _, name := range s.t.Drop {
		if s.over() <= 0 {
			return
		}
		at := slices.IndexFunc(s.columns, func(c int) bool { return columnName(s.t.Header[c]) == name })
		if at >= 0 {
			s.columns = slices.Delete(s.columns, at, at+1)
			s.left = append(s.left, name)
		}
	}
	// Texts first, from the right, then names, and numbers, which say nothing where they are cut.
	for _, cut := range []struct {
		least int
		of    func(c int) bool
	}{
		{leastCell, func(c int) bool { return c != s.t.Name && !s.t.IsRight(c) }},
		{leastName, func(c int) bool { return c == s.t.Name }},
		{leastCell, func(c int) bool { return c != s.t.Name && s.t.IsRight(c) }},
	} {
		for _, c := range slices.Backward(s.columns) {
			if cut.of(c) {
				s.widths[c] -= min(max(s.over(), 0), max(s.widths[c]-cut.least, 0))
			}
		}
	}
}

// over returns by how much a line is wider than the screen.
func (s *Stream) over() int { return s.total() - s.screen.Width }

// total returns the width of a line.
func (s *Stream) total() int {
	width := len(gap) * (len(s.columns) - 1)
	for _, c := range s.columns {
		width += s.widths[c]
	}
	return width
}

// columnName is what a column is called: the first line of its header.
func columnName(header string) string {
	name, _, _ := strings.Cut(header, "\n")
	return name
}

// Row writes one row.
func (s *Stream) Row(cells []string) error {
	colour := s.t.Colour
	if !s.screen.Colours {
		colour = nil
	}
	if err := s.line(cells, colour); err != nil || !s.remarks || cells[len(cells)-1] == "" {
		return err
	}
	_, err := fmt.Fprintln(s.w, s.screen.Wrap("    "+printable.Text(cells[len(cells)-1]), 4))
	return err
}

func (s *Stream) line(cells []string, colour func(int, string) printable.Colour) error {
	var b strings.Builder
	room := 0 // that the columns before leave, and the gap
	for _, c := range s.columns {
		cell := printable.Text(cells[c])
		if s.screen.Width > 0 {
			cell = shorten(cell, s.widths[c])
		}
		free := max(s.widths[c]-textWidth(cell), 0)
		before, after := 0, free
		if s.t.IsRight(c) {
			before, after = free, 0
		}
		if cell != "" { // nothing trails
			fmt.Fprintf(&b, "%*s", room+before, "")
			if colour != nil {
				cell = colour(c, cells[c]).Paint(cell)
			}
			b.WriteString(cell)
			room = after + len(gap)
		} else {
			room += free + len(gap)
		}
	}
	_, err := fmt.Fprintln(s.w, b.String())
	return err
}

// End writes which columns were left out, if any were.
func (s *Stream) End() error {
	if len(s.left) == 0 {
		return nil
	}
	text := "left out: " + strings.Join(s.left, ", ")
	if s.screen.All != "" {
		text += "; " + s.screen.All
	}
	_, err := fmt.Fprintln(s.w, s.screen.Wrap(text, 2))
	return err
}

// Wrap breaks a line between words, so that none is wider than the screen; lines after the first
// are indented. A word that no line has room for stays whole, for who copies it.
func (s Screen) Wrap(text string, indent int) string {
	if s.Width == 0 || textWidth(text) <= s.Width {
		return text
	}
	if indent > s.Width/2 {
		indent = 2
	}
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		width := textWidth(word)
		switch {
		case i == 0:
		case used+1+width > s.Width && indent+width <= s.Width && used > indent && word != "":
			fmt.Fprintf(&b, "\n%*s", indent, "")
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += width
	}
	return b.String()
}

// textWidth returns how many columns a text takes: two for a wide character of East Asia, none
// for a mark on another. It does not depend on the locale, which says nothing of the terminal.
func textWidth(text string) int { return twwidth.WidthWithOptions(text, twwidth.Options{}) }

// shorten returns a text that takes no more than width columns, with an ellipsis in place of its
// end where it is longer.
func shorten(text string, width int) string {
	if textWidth(text) <= width {
		return text
	}
	used := 1
	for i, r := range text {
		if used += textWidth(string(r)); used > width {
			return text[:i] + "…"
		}
	}
	return text
}
