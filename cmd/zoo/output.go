package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

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

// field prints a value at the column width, behind its name. Where that takes several lines the others
// stand under the value.
func (a *app) field(width int, name, value string) {
	text := strings.TrimRight(printable.Text(fmt.Sprintf("%-*s%s", width, name, value)), " ")
	fmt.Fprintln(a.stdout, a.screen.Wrap(text, width))
}

// prose prints a sentence for people, in as many lines as it takes.
func (a *app) prose(format string, args ...any) {
	fmt.Fprintln(a.stdout, a.screen.Wrap(printable.Text(fmt.Sprintf(format, args...)), 2))
}

// tally prints the line at the end that counts, for people at a terminal.
func (a *app) tally(format string, args ...any) {
	if a.onTerminal && !a.quiet {
		a.prose(format, args...)
	}
}

// Words that begin a line which judges.
const (
	pass = "PASS"
	fail = "FAIL"
	skip = "SKIP"

	safe   = "safe" // of zoo scan
	unsafe = "UNSAFE"
)

// colourOf returns the colour of such a word.
func colourOf(word string) printable.Colour {
	switch word {
	case pass, safe:
		return printable.Green
	case fail, unsafe:
		return printable.Red
	case skip:
		return printable.Yellow
	}
	return printable.Plain
}

// judge prints a sentence that begins with one of these words.
func (a *app) judge(word, format string, args ...any) {
	text := a.screen.Wrap(word+" "+printable.Text(fmt.Sprintf(format, args...)), len(word)+1)
	if a.screen.Colours {
		text = colourOf(word).Paint(word) + text[len(word):]
	}
	fmt.Fprintln(a.stdout, text)
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
