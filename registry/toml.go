package registry

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The catalogue's language is TOML 1.1 without dates and arrays of tables, which no fact is.
// It is read in one pass whose time and memory are bounded by the length of the text,
// whatever the text says: that is what the readers of all of TOML do not promise.

// Bounds of a catalogue, each far above what rows need.
const (
	maxText  = 4 << 20 // bytes
	maxRows  = 1 << 15
	maxParts = 8   // of a dotted key
	maxDepth = 8   // of arrays and tables within each other
	maxKeys  = 256 // of a table that is not the whole text
)

// A table is one of TOML. Its values are string, int64, float64, bool, []any and *table.
type table struct {
	made  making
	facts []fact
	index map[string]int // of the table of rows, in place of a search
}

// A fact is a key of a table and its value.
type fact struct {
	key   string
	value any
}

// A making says by what a table was made, which decides who may add to it.
type making uint8

const (
	passed making = iota // by the header of a table within it
	header               // by a header of its own
	dotted               // by a dotted key
	inline               // by braces
)

// get returns the value of a key, and whether there is one.
func (t *table) get(key string) (any, bool) {
	if t.index != nil {
		i, ok := t.index[key]
		if !ok {
			return nil, false
		}
		return t.facts[i].value, true
	}
	for i := range t.facts {
		if f := &t.facts[i]; f.key == key {
			return f.value, true
		}
	}
	return nil, false
}

// has reports whether there is a value at the end of a path.
func (t *table) has(path ...string) bool {
	for i, key := range path {
		v, ok := t.get(key)
		if !ok || i == len(path)-1 {
			return ok
		}
		if t, ok = v.(*table); !ok {
			return false
		}
	}
	return true
}

// A reader reads TOML.
type reader struct {
	text string
	at   int // of the next byte
	rows *table
	path [maxParts]string // of the key at hand
}

// A syntaxError says what is wrong with a text, and in which line.
type syntaxError struct {
	line   int
	reason string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.reason) }

// wrong ends reading.
func (r *reader) wrong(format string, args ...any) {
	panic(&syntaxError{1 + strings.Count(r.text[:min(r.at, len(r.text))], "\n"), fmt.Sprintf(format, args...)})
}

// readTOML returns the table of rows. The error is a *syntaxError.
func readTOML(text string) (rows *table, err error) {
	r := &reader{text: strings.TrimPrefix(text, "\ufeff"), rows: &table{made: header, index: make(map[string]int)}}
	defer func() {
		if e := recover(); e != nil {
			var ok bool
			if err, ok = e.(*syntaxError); !ok {
				panic(e)
			}
		}
	}()
	if len(text) > maxText {
		return nil, fmt.Errorf("expected at most %d bytes, found %d", maxText, len(text))
	}
	for i, c := range r.text {
		if c == utf8.RuneError && !strings.HasPrefix(r.text[i:], "\ufffd") {
			r.at = i
			r.wrong("expected UTF-8, found byte %02x", r.text[i])
		}
	}
	r.statements()
	return r.rows, nil
}

// statements reads headers and the keys below them.
func (r *reader) statements() {
	current := r.rows
	for r.blank(); r.at < len(r.text); r.blank() {
		if r.take("[[") {
			r.wrong("an array of tables, which no row has")
		}
		if r.take("[") {
			r.space()
			path := r.key()
			r.expect("]")
			current = r.open(path)
		} else {
			r.pair(current, 0)
		}
		r.endOfLine()
	}
}

// open returns the table that a header begins.
func (r *reader) open(path []string) *table {
	t := r.rows
	for i, key := range path {
		v, ok := t.get(key)
		if !ok {
			next := &table{}
			r.add(t, key, next)
			v = next
		}
		next, isTable := v.(*table)
		last := i == len(path)-1
		if !isTable || next.made == inline || last && next.made != passed {
			r.wrong("%q: stated twice", key)
		}
		t = next
	}
	t.made = header
	return t
}

// add gives a table another value.
func (r *reader) add(t *table, key string, v any) {
	switch {
	case t.index != nil && len(t.facts) == maxRows:
		r.wrong("more than %d rows", maxRows)
	case t.index == nil && len(t.facts) == maxKeys:
		r.wrong("more than %d keys in a table", maxKeys)
	case t.index != nil:
		t.index[key] = len(t.facts)
	case t.facts == nil:
		t.facts = make([]fact, 0, 8)
	}
	t.facts = append(t.facts, fact{key, v})
}

// pair reads a key and its value into a table, which is within depth others.
func (r *reader) pair(t *table, depth int) {
	path := r.key()
	r.expect("=")
	r.space()
	last := path[len(path)-1]
	for _, key := range path[:len(path)-1] {
		v, ok := t.get(key)
		if !ok {
			next := &table{made: dotted}
			r.add(t, key, next)
			v = next
		}
		next, isTable := v.(*table)
		if !isTable || next.made != dotted {
			r.wrong("%q: stated twice", key)
		}
		t = next
	}
	if _, ok := t.get(last); ok {
		r.wrong("%q: stated twice", last)
	}
	r.add(t, last, r.value(depth))
}

// key reads a key, of one part or of several with dots between them, and the space behind it.
// The result holds until the next call.
func (r *reader) key() []string {
	for path := r.path[:0]; ; {
		if len(path) == maxParts {
			r.wrong("a key of more than %d parts", maxParts)
		}
		switch c := r.peek(); c {
		case '"', '\'':
			if r.has(`"""`) || r.has(`'''`) {
				r.wrong("expected a key, found a text of several lines")
			}
			path = append(path, r.quoted())
		default:
			begin := r.at
			for r.at < len(r.text) && bare(r.text[r.at]) {
				r.at++
			}
			if r.at == begin {
				r.wrong("expected a key, found %s", r.found())
			}
			path = append(path, r.text[begin:r.at])
		}
		r.space()
		if !r.take(".") {
			return path
		}
		r.space()
	}
}

func bare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// value reads a value that is within depth others.
func (r *reader) value(depth int) any {
	if depth++; depth > maxDepth {
		r.wrong("more than %d arrays and tables within each other", maxDepth)
	}
	switch c := r.peek(); {
	case c == '"' || c == '\'':
		return r.quoted()
	case r.take("["):
		list := make([]any, 0, 3)
		r.list("]", func() { list = append(list, r.value(depth)) })
		return list
	case r.take("{"):
		t := &table{made: inline}
		r.list("}", func() { r.pair(t, depth) })
		closed(t)
		return t
	}
	return r.scalar()
}

// closed makes a table in braces, and those of its dotted keys, ones that nothing adds to.
func closed(t *table) {
	t.made = inline
	for _, f := range t.facts {
		if sub, ok := f.value.(*table); ok {
			closed(sub)
		}
	}
}

// list reads things with commas between them, up to the bracket that ends them. The last may
// be followed by a comma.
func (r *reader) list(end string, one func()) {
	for r.blank(); !r.take(end); r.blank() {
		one()
		if r.blank(); r.take(end) {
			return
		}
		r.expect(",")
	}
}

func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) has(s string) bool { return strings.HasPrefix(r.text[r.at:], s) }

// take moves behind s, if that comes next.
func (r *reader) take(s string) bool {
	if !r.has(s) {
		return false
	}
	r.at += len(s)
	return true
}

func (r *reader) expect(s string) {
	if !r.take(s) {
		r.wrong("expected %q, found %s", s, r.found())
	}
}

// found describes what comes next.
func (r *reader) found() string {
	if r.at >= len(r.text) {
		return "the end"
	}
	line, _, _ := strings.Cut(r.text[r.at:min(len(r.text), r.at+80)], "\n")
	if line == "" {
		return "the end of the line"
	}
	return fmt.Sprintf("%.20q", line)
}

// space moves behind spaces and tabs.
func (r *reader) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\t') {
		r.at++
	}
}

// blank moves behind spaces, line ends and comments.
func (r *reader) blank() {
	for {
		r.space()
		r.comment()
		if !r.take("\n") && !r.take("\r\n") {
			return
		}
	}
}

// endOfLine moves behind what may follow a statement.
func (r *reader) endOfLine() {
	r.space()
	r.comment()
	if r.at < len(r.text) && !r.take("\n") && !r.take("\r\n") {
		r.wrong("expected the end of the line, found %s", r.found())
	}
}

// comment moves to the end of the line if a comment begins here.
func (r *reader) comment() {
	if r.peek() != '#' {
		return
	}
	for r.at < len(r.text) && !r.has("\n") && !r.has("\r\n") {
		if control(r.text[r.at]) {
			r.wrong("a control character in a comment")
		}
		r.at++
	}
}

// control reports whether a byte is a control character that texts and comments may not hold.
func control(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
