package printable

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A Writer passes text on with what acts on a terminal escaped, as Text does it, but for line
// ends and tabs. It is the last line of defence, behind those who print a text from outside:
// it cannot tell a line end in a name from one that ends a line. It is not for data that are
// no text.
type Writer struct {
	// Colours lets through what Colour.Paint made, which must not be cut by the end of a Write.
	Colours bool

	w    io.Writer
	rest []byte // of a character whose other bytes are still to come
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes text. A character at the end that is not whole waits for the next call, or for
// Flush.
func (w *Writer) Write(p []byte) (int, error) {
	text := p
	if len(w.rest) > 0 {
		text = append(w.rest, p...)
	}
	whole := len(text) - unfinished(text)
	err := w.write(text[:whole])
	w.rest = append([]byte(nil), text[whole:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the bytes of a character that never became whole.
func (w *Writer) Flush() error {
	rest := w.rest
	w.rest = nil
	if len(rest) == 0 {
		return nil
	}
	return w.write(rest)
}

func (w *Writer) write(text []byte) error {
	_, err := io.WriteString(w.w, w.safe(string(text)))
	return err
}

func (w *Writer) safe(text string) string {
	acts := func(r rune) bool { return r != '\n' && r != '\t' && hidden(r) }
	if !w.Colours {
		return escaped(text, acts)
	}
	var b strings.Builder
	for text != "" {
		n := colourAt(text)
		b.WriteString(text[:n])
		text = text[n:]
		end := strings.IndexByte(text, '\x1b')
		switch {
		case end < 0:
			end = len(text)
		case end == 0 && colourAt(text) == 0:
			end = 1 // of a sequence that is no colour's
		}
		b.WriteString(escaped(text[:end], acts))
		text = text[end:]
	}
	return b.String()
}

// unfinished returns how many bytes at the end of text begin a character without ending it.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
