// Package table writes what the package metrics counts: the reproduction report as text,
// Markdown, CSV, JSON, an HTML page and a plot, and any Table in rows and columns. It is
// the only one that knows how things look.
//
//	err := table.WriteHuman(os.Stdout, rows, table.Screen{})
package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/gozoo/zoo/printable"
)

// A Table is text in rows and columns, to be written in several formats. Equal
// tables are written as equal bytes. A text may be from outside: each format escapes
// what it would take for its own, as package printable has it.
type Table struct {
	Header []string
	// Right marks the columns that are aligned right, as numbers are; columns
	// beyond its end are aligned left.
	Right []bool
	Rows  [][]string // each as long as Header

	// What follows is for people only: see Human.

	Style Style
	// Drop names the columns, by the first line of their headers, that a screen on which the table does
	// not fit goes without: the first of them first. Others stay.
	Drop []string
	// Name is the column that is shortened only where nothing else is left to be.
	Name int
	// Remarks says that the last column is a remark on its row. On a screen it stands under the row,
	// where there is one.
	Remarks bool
	// Colour returns the colour of a cell on a screen that has colours; nil: none has one.
	Colour func(column int, cell string) printable.Colour
}

// A Style is what stands above the rows of a table.
type Style int

// The styles: the header with a line under it, the header alone, and nothing.
const (
	Ruled Style = iota
	Plain
	Bare
)

// IsRight reports whether a column is aligned right.
func (t Table) IsRight(column int) bool { return column < len(t.Right) && t.Right[column] }

// Markdown writes the table as GitHub's Markdown, with its columns aligned in the
// source too.
func (t Table) Markdown(w io.Writer) error {
	return t.each(printable.Markdown).render(w, renderer.NewMarkdown(), tw.Padding{Left: " ", Right: " "})
}

// CSV writes header and rows as comma-separated values.
func (t Table) CSV(w io.Writer) error {
	t = t.each(printable.Cell)
	c := csv.NewWriter(w)
	if err := c.Write(t.Header); err != nil {
		return err
	}
	return c.WriteAll(t.Rows)
}

// each returns the table with each line of its header and each cell as a format has it.
func (t Table) each(form func(string) string) Table {
	out := Table{Right: t.Right}
	for _, h := range t.Header {
		lines := strings.Split(h, "\n")
		for i := range lines {
			lines[i] = form(lines[i])
		}
		out.Header = append(out.Header, strings.Join(lines, "\n"))
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = form(cell)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// render writes the table through tablewriter without its opinions on text:
// nothing is wrapped, upper-cased or trimmed.
func (t Table) render(w io.Writer, r tw.Renderer, pad tw.Padding) error {
	align := make([]tw.Align, len(t.Header))
	for i := range align {
		align[i] = tw.AlignLeft
		if t.IsRight(i) {
			align[i] = tw.AlignRight
		}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{Global: pad},
	}
	var buf bytes.Buffer
	table := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(r),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithEastAsian(tw.Off), // widths must not depend on the locale
	)
	table.Header(t.Header)
	if err := table.Bulk(t.Rows); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	for line := range bytes.Lines(buf.Bytes()) {
		line = append(bytes.TrimRight(line, " \n"), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}
