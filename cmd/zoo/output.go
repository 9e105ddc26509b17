package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gozoo/zoo/printable"
)

// Output formats. "auto" is human: the same on a terminal and elsewhere, but for
// progress.
const (
	formatAuto     = "auto"
	formatHuman    = "human"
	formatJSON     = "json"
	formatNDJSON   = "ndjson" // one JSON object a line
	formatCSV      = "csv"
	formatMarkdown = "md"
	formatHTML     = "html"
)

// formatOf returns the output format, human or one of those that the command knows.
func (a *app) formatOf(known ...string) (string, error) {
	if a.format == formatAuto || a.format == formatHuman {
		return formatHuman, nil
	}
	if !slices.Contains(known, a.format) {
		return "", usage("--format %s: this command knows %s", a.format, strings.Join(append([]string{formatAuto, formatHuman}, known...), ", "))
	}
	return a.format, nil
}

// printsJSON reports whether the format is one of JSON.
func (a *app) printsJSON() bool { return a.format == formatJSON || a.format == formatNDJSON }

// joined returns names as an enumeration.
func joined[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}

// schemaVersion is the version of every JSON object that zoo prints.
const schemaVersion = 1

// encode writes a struct as one line of JSON that begins with schema_version.
func encode(w io.Writer, v any) error {
	text, err := versioned(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// versioned returns a struct as JSON with schema_version in front.
func versioned(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	fields := bytes.TrimPrefix(bytes.TrimSpace(b.Bytes()), []byte("{"))
	head := fmt.Sprintf(`{"schema_version":%d`, schemaVersion)
	if !bytes.HasPrefix(fields, []byte("}")) {
		head += ","
	}
	return append([]byte(head), printable.JSON(fields)...), nil
}

// printJSON writes a struct as indented JSON that begins with schema_version.
func (a *app) printJSON(v any) error {
	text, err := versioned(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = a.stdout.Write(b.Bytes())
	return err
}

// printPath is printJSON of a path alone.
func (a *app) printPath(path string) error {
	return a.printJSON(struct {
		Path string `json:"path"`
	}{path})
}

// printLines writes each item as one line of JSON.
func printLines[T any](w io.Writer, items []T) error {
	for _, item := range items {
		if err := encode(w, item); err != nil {
			return err
		}
	}
	return nil
}

// line prints one line of data for people. What is in it from outside can neither act on the
// terminal nor begin a line of its own.
func (a *app) line(format string, args ...any) {
	fmt.Fprintln(a.stdout, printable.Text(fmt.Sprintf(format, args...)))
}

// columns writes one line of cells that a tabwriter aligns.
func columns(w *tabwriter.Writer, cells ...string) {
	for i := range cells {
		cells[i] = printable.Text(cells[i])
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// An error message is printed up to its first maxHead and from its last maxTail bytes.
// Ten names of each kind are far from that; what files put into a message need not be.
const maxHead, maxTail = 8 << 10, 1 << 10

// presentable returns an error message of several lines as it may be printed on a
// terminal, without its middle where it is longer than any that a user reads.
func presentable(text string) string {
	if left := len(text) - maxHead - maxTail; left > 0 {
		text = fmt.Sprintf("%s … %d bytes … %s", text[:maxHead], left, text[maxHead+left:])
	}
	return printable.Lines(text)
}
