// Package table writes what the package metrics counts: the reproduction report as text,
// Markdown, CSV, JSON, an HTML page and a plot, and any Table in rows and columns. It is
// the only one that knows how things look.
//
//	err := table.WriteHuman(os.Stdout, rows)
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
)

// A Table is text in rows and columns, to be written in several formats. Equal
// tables are written as equal bytes.
type Table struct {
	Header []string
	// Right marks the columns that are aligned right, as numbers are; columns
	// beyond its end are aligned left.
	Right []bool
	Rows  [][]string // each as long as Header
}

// IsRight reports whether a column is aligned right.
func (t Table) IsRight(column int) bool { return column < len(t.Right) && t.Right[column] }

// Human writes the table aligned for a terminal: no borders, two spaces between
// columns, no colours. A header may have several lines.
func (t Table) Human(w io.Writer) error {
	plain := tw.Rendition{
		Borders: tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off},
		Symbols: tw.NewSymbolCustom("dashes").WithRow("-").WithColumn("").WithCenter("-").WithMidLeft("-").WithMidRight("-"),
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
			Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On},
		},
	}
	return t.render(w, renderer.NewBlueprint(plain), tw.Padding{Left: "", Right: "  ", Overwrite: true})
}

// Markdown writes the table as GitHub's Markdown, with its columns aligned in the
// source too.
func (t Table) Markdown(w io.Writer) error {
	escaped := Table{Header: t.Header, Right: t.Right}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		escaped.Rows = append(escaped.Rows, cells)
	}
	return escaped.render(w, renderer.NewMarkdown(), tw.Padding{Left: " ", Right: " "})
}

// CSV writes header and rows as comma-separated values.
func (t Table) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(t.Header); err != nil {
		return err
	}
	return c.WriteAll(t.Rows)
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
