// Package printable makes text from outside safe to print: names of files, rows, classes and
// tensors that somebody else wrote may hold control characters, which a terminal obeys, marks
// that change the direction of what follows, and what a table, a spreadsheet or a page takes
// for its own. There is one function for each place where text ends:
//
//	printable.Text(name)      // a line of a terminal
//	printable.Lines(message)  // a message of several lines
//	printable.Markdown(name)  // a cell or a sentence of Markdown
//	printable.Cell(name)      // a cell of a CSV file
//	printable.HTML(name)      // a page's text or attribute
//	printable.JSON(document)  // a document that encoding/json wrote
//
// and Writer, for what goes to a terminal whoever wrote it. All but JSON lose what they
// escape: JSON is the format that brings a text back as it was.
package printable

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s in one line, with everything that does not print, or prints as something
// else than it is, escaped as Go escapes it: control characters, line ends and tabs among
// them, DEL, C1, marks of direction and of no width, fillers, and bytes that are no UTF-8.
// Text of Text is the same.
func Text(s string) string { return escaped(s, hidden) }

// Lines returns a message with every line but the first indented, and each as Text has it:
// nothing in a message can be taken for a line that the program begins.
func Lines(s string) string {
	if !strings.Contains(s, "\n") {
		return Text(s)
	}
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		if line = Text(line); i > 0 && !strings.HasPrefix(line, "  ") {
			line = "  " + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// Check returns an error that shows the first character of s that Text would escape.
func Check(s string) error {
	if plain(s) {
		return nil
	}
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

// Markdown returns Text of s for the middle of a line of GitHub's Markdown, such as a cell of
// a table: what would begin a link, an emphasis, code, another cell or HTML is written with a
// backslash, or as an entity.
func Markdown(s string) string {
	s = Text(s)
	if !strings.ContainsAny(s, "\\`*_[]<>&|~") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch r {
		case '<':
			b.WriteString("&lt;")
			continue
		case '>':
			b.WriteString("&gt;")
			continue
		case '&':
			b.WriteString("&amp;")
			continue
		case '\\', '`', '*', '[', ']', '|', '~':
			b.WriteByte('\\')
		case '_':
			if !within(s, i) {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// within reports whether the byte at i stands inside a word, where an underscore is no mark.
func within(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	word := func(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return word(before) && word(after)
}

// Cell returns Text of s as a cell of a CSV file: behind an apostrophe where a spreadsheet
// would compute it. A plain number stays one, and a dash alone.
func Cell(s string) string {
	s = Text(s)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	if !strings.ContainsRune("=+-@＝＋－＠", first) || s == "-" || number(s) {
		return s
	}
	return "'" + s
}

// Cells returns Cell of each.
func Cells(row ...string) []string {
	out := make([]string, len(row))
	for i, s := range row {
		out[i] = Cell(s)
	}
	return out
}

// number reports whether s is a decimal number, as programs print one.
func number(s string) bool {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// HTML returns Text of s for the text of an HTML or SVG element, or for an attribute in
// quotes.
func HTML(s string) string { return html.EscapeString(Text(s)) }

// JSON returns a JSON document with the characters that Text escapes, and that stand as they
// are in it, escaped as JSON does: encoding/json leaves DEL, C1, marks of direction and of no
// width alone. What the document says is the same, and control characters between its tokens,
// line ends, stay.
func JSON(document []byte) []byte {
	at := 0
	for at < len(document) && document[at] < utf8.RuneSelf && document[at] != 0x7f {
		at++
	}
	if at == len(document) {
		return document
	}
	out := append(make([]byte, 0, len(document)+64), document[:at]...)
	for at < len(document) {
		r, n := utf8.DecodeRune(document[at:])
		switch {
		case r < ' ' || !hidden(r) || r == utf8.RuneError && n == 1:
			out = append(out, document[at:at+n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		at += n
	}
	return out
}

// plain reports whether nothing in s has to be escaped.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return utf8.ValidString(s) && !strings.ContainsFunc(s, hidden)
		}
	}
	return true
}

// escaped returns s with the characters that hide, and bytes that are no UTF-8, escaped.
func escaped(s string, hides func(rune) bool) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hides(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// hidden reports whether a character acts on what prints it rather than print. The two
// selectors that say whether a sign is a picture or text are part of ordinary text.
func hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsGraphic(r) || r != '\ufe0e' && r != '\ufe0f' &&
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
