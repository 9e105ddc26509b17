package registry

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/printable"
)

// A catalogue is read in two steps: split takes a text apart into its rows, in one pass and
// whatever the text says, and a row is decoded once it is asked for. What the decoder of TOML
// needs more than proportional time or memory for is bounded here, before it sees the text;
// whether the text is TOML is the decoder's business.

// Bounds of a catalogue, each far above what rows need.
const (
	maxText    = 4 << 20 // bytes
	maxRowText = 1 << 18 // bytes of one row
	maxRows    = 1 << 15
	maxParts   = 8    // of a dotted key
	maxDepth   = 8    // of arrays and tables within each other
	maxKeys    = 1024 // of a row, with its tables and arrays
)

// A piece is what a text says of one row: spans of lines, each of which begins with a header.
type piece struct {
	name  string // not checked
	spans []span
	size  int // bytes
	keys  int
}

// A span is a part of a text.
type span struct{ begin, end, line int } // line: how many are before it

// text returns the lines of a row.
func (p *piece) text(all string) string {
	if len(p.spans) == 1 {
		return all[p.spans[0].begin:p.spans[0].end]
	}
	var b strings.Builder
	for _, s := range p.spans {
		b.WriteString(all[s.begin:s.end])
		b.WriteByte('\n')
	}
	return b.String()
}

// line returns where a line of the row, counted from 1, stands in the whole text.
func (p *piece) line(all string, line int) int {
	for _, s := range p.spans {
		n := 1 + strings.Count(all[s.begin:s.end], "\n")
		if line <= n {
			return s.line + line
		}
		line -= n
	}
	return 0
}

// A splitter takes a text apart.
type splitter struct {
	text   string
	at     int // of the next byte
	line   int // how many were before
	err    error
	pieces []piece
	index  map[string]int
	row    *piece // nil: before the first header
}

// split returns what a text says of each row, in the order of their first headers. The error
// names the line from which on rows cannot be told apart, or the bound that is exceeded.
func split(text string) ([]piece, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("expected at most %d bytes, found %d", maxText, len(text))
	}
	s := &splitter{text: text, index: make(map[string]int, len(text)/512)}
	if strings.HasPrefix(text, "\ufeff") {
		s.at = len("\ufeff")
	}
	if !utf8.ValidString(text) {
		for i, c := range text {
			if c == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
				return nil, fmt.Errorf("line %d: expected UTF-8, found byte %02x", 1+strings.Count(text[:i], "\n"), text[i])
			}
		}
	}
	for s.err == nil && s.at < len(text) {
		s.statement()
	}
	return s.pieces, s.err
}

// wrong ends the work.
func (s *splitter) wrong(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("line %d: %w", s.line+1, fmt.Errorf(format, args...))
	}
}

// statement reads a header, a key with its value, or a line without either.
func (s *splitter) statement() {
	begin, line := s.at, s.line
	s.space()
	switch c := s.peek(); {
	case s.at >= len(s.text):
		return
	case c == '\n', c == '#', c == '\r' && strings.HasPrefix(s.text[s.at:], "\r\n"):
		s.endLine()
		return
	case c == '[':
		s.header(begin)
	default:
		first, _ := s.key()
		if s.row == nil {
			s.wrong("%s: each model is a table: begin it with a header such as [NAME]", printable.Text(first))
			return
		}
		s.keys()
		if s.peek() == '=' {
			s.at++
			s.value()
		} else {
			s.endLine()
		}
	}
	if s.err != nil || s.row == nil {
		return
	}
	// The row grows by the statement and by what was between it and the one before.
	last := &s.row.spans[len(s.row.spans)-1]
	if last.end == last.begin {
		last.line = line
	}
	s.row.size += s.at - last.end
	last.end = s.at
	if s.row.size > maxRowText {
		s.wrong("entry %q: expected at most %d bytes, found more", s.row.name, maxRowText)
	}
}

// header begins a table of a row.
func (s *splitter) header(begin int) {
	s.at++
	if s.peek() == '[' { // an array of tables, which the decoder finds where a row should be
		s.at++
	}
	name, ok := s.key()
	if s.err == nil && (!ok || s.peek() != ']') {
		s.wrong("expected a header such as [NAME] or [NAME.weights], found %q", s.rest())
	}
	if s.err != nil {
		return
	}
	s.endLine()
	i, known := s.index[name]
	switch {
	case !known && len(s.pieces) == maxRows:
		s.wrong("more than %d rows", maxRows)
		return
	case !known:
		i = len(s.pieces)
		s.index[name] = i
		s.pieces = append(s.pieces, piece{name: name, spans: []span{{begin: begin, end: begin}}})
	case s.row != &s.pieces[i]:
		s.pieces[i].spans = append(s.pieces[i].spans, span{begin: begin, end: begin})
	}
	s.row = &s.pieces[i]
	s.keys()
}

// keys counts another key, table or array of the row.
func (s *splitter) keys() {
	if s.row.keys++; s.row.keys > maxKeys {
		s.wrong("entry %q: more than %d keys, tables and arrays", s.row.name, maxKeys)
	}
}

// key reads a key, with the space behind it, and returns its first part as it is between
// quotes. It is not ok where no key is.
func (s *splitter) key() (first string, ok bool) {
	for n := 1; ; n++ {
		if n > maxParts {
			s.wrong("a key of more than %d parts", maxParts)
			return first, false
		}
		s.space()
		begin := s.at
		if c := s.peek(); c == '"' || c == '\'' {
			s.quoted(c)
			if n == 1 && s.at-begin > 1 {
				first = s.text[begin+1 : s.at-1]
			}
		} else {
			for s.at < len(s.text) && bare(s.text[s.at]) {
				s.at++
			}
			if n == 1 {
				first = s.text[begin:s.at]
			}
		}
		if s.at == begin {
			return first, false
		}
		if s.space(); s.peek() != '.' {
			return first, true
		}
		s.at++
	}
}

func bare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// value moves behind the line in which a value ends: one whose end is in no text and in no
// bracket. A bracket that nothing closes ends before a line that can only be a header.
func (s *splitter) value() {
	depth, dots := 0, 0
	for s.err == nil && s.at < len(s.text) {
		c := s.text[s.at]
		switch c {
		case '"', '\'':
			if quotes := strings.Repeat(string(c), 3); strings.HasPrefix(s.text[s.at:], quotes) {
				s.lines(quotes)
			} else {
				s.quoted(c)
			}
			continue
		case '[', '{':
			s.keys()
			if depth++; depth > maxDepth {
				s.wrong("more than %d arrays and tables within each other", maxDepth)
			}
			dots = 0
		case ']', '}':
			depth, dots = max(depth-1, 0), 0
		case ',':
			dots = 0
		case '=':
			s.keys()
			dots = 0
		case '.':
			if dots++; dots == maxParts {
				s.wrong("a key of more than %d parts", maxParts)
			}
		case '#', '\n':
			s.endLine()
			if dots = 0; depth == 0 || s.isHeader() {
				return
			}
			continue
		}
		s.at++
	}
}

// isHeader reports whether the next line can be nothing but the header of a table, even within
// an array: a word of letters in brackets, which is no value.
func (s *splitter) isHeader() bool {
	line, _, _ := strings.Cut(s.text[s.at:min(len(s.text), s.at+2*maxName)], "\n")
	word, isHeader := strings.CutPrefix(line, "[")
	if !isHeader {
		return false
	}
	word, _, isHeader = strings.Cut(word, "]")
	if !isHeader || word == "" || word[0]|0x20 < 'a' || word[0]|0x20 > 'z' {
		return false
	}
	for i := range len(word) {
		if !bare(word[i]) && word[i] != '.' {
			return false
		}
	}
	return word != "true" && word != "false" && word != "inf" && word != "nan"
}

// quoted moves behind a text of one line, or to the end of the line where nothing closes it.
func (s *splitter) quoted(quote byte) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == quote:
			s.at++
			return
		case c == '\n':
			return
		case c == '\\' && quote == '"' && s.at+1 < len(s.text) && s.text[s.at+1] != '\n':
			s.at++
		}
	}
}

// lines moves behind a text of several lines.
func (s *splitter) lines(quotes string) {
	line := s.line
	for s.at += len(quotes); s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == quotes[0] && strings.HasPrefix(s.text[s.at:], quotes):
			s.at += len(quotes)
			for more := 0; more < 2 && s.peek() == quotes[0]; more++ { // which belong to the text
				s.at++
			}
			return
		case c == '\n':
			s.line++
		case c == '\\' && quotes[0] == '"' && s.at+1 < len(s.text) && s.text[s.at+1] != '\n':
			s.at++
		}
	}
	s.line = line
	s.wrong("a text without its closing %s", quotes)
}

func (s *splitter) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// space moves behind spaces and tabs.
func (s *splitter) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}

// endLine moves to the next line.
func (s *splitter) endLine() {
	n := strings.IndexByte(s.text[s.at:], '\n')
	if n < 0 {
		s.at = len(s.text)
		return
	}
	s.at += n + 1
	s.line++
}

// rest returns the beginning of what is left of the line.
func (s *splitter) rest() string {
	line, _, _ := strings.Cut(s.text[s.at:min(len(s.text), s.at+40)], "\n")
	return line
}
