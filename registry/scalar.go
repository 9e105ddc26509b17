package registry

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted reads a text in quotes of any of the four kinds.
func (r *reader) quoted() string {
	for _, q := range []string{`"""`, `'''`, `"`, `'`} {
		if r.take(q) {
			return r.until(q)
		}
	}
	panic("registry: no quote")
}

// until reads a text up to its closing quotes.
func (r *reader) until(quote string) string {
	long, escapes := len(quote) == 3, quote[0] == '"'
	if long && !r.take("\n") {
		r.take("\r\n")
	}
	var out []byte
	begin := r.at // of what is not in out yet
	for {
		c := r.peek()
		switch {
		case r.at >= len(r.text):
			r.wrong("a text without its closing %s", quote)
		case r.has(quote):
			end := r.at
			r.at += len(quote)
			for more := 0; long && more < 2 && r.peek() == quote[0]; more++ { // quotes that belong to the text
				r.at++
				end++
			}
			if out == nil {
				return r.text[begin:end]
			}
			return string(append(out, r.text[begin:end]...))
		case c == '\\' && escapes:
			out = append(out, r.text[begin:r.at]...)
			out = r.escape(out, long)
			begin = r.at
		case long && r.take("\n"):
		case long && r.take("\r\n"):
		case control(c):
			r.wrong("expected a text that ends in its line with %s, found %q", quote, c)
		default:
			r.at++
		}
	}
}

// escapes are those of one letter.
var escapes = map[byte]byte{
	'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', 'e': 0x1b, '"': '"', '\\': '\\',
}

// escape appends what a backslash stands for.
func (r *reader) escape(out []byte, long bool) []byte {
	r.at++
	c := r.peek()
	if e, ok := escapes[c]; ok {
		r.at++
		return append(out, e)
	}
	if n := hexDigits(c); n > 0 {
		r.at++
		digits := r.text[r.at:min(len(r.text), r.at+n)]
		code, err := strconv.ParseUint(digits, 16, 32)
		if len(digits) < n || err != nil || !utf8.ValidRune(rune(code)) || code > utf8.MaxRune {
			r.wrong(`expected \%c and %d hexadecimal digits of a character, found %q`, c, n, digits)
		}
		r.at += n
		return utf8.AppendRune(out, rune(code))
	}
	if r.space(); long && (r.has("\n") || r.has("\r\n")) { // up to what is written next
		for r.take("\n") || r.take("\r\n") {
			r.space()
		}
		return out
	}
	r.wrong(`expected an escape such as \n, found %q`, c)
	return nil
}

// hexDigits returns how many digits follow an escape's letter.
func hexDigits(letter byte) int {
	switch letter {
	case 'x':
		return 2
	case 'u':
		return 4
	case 'U':
		return 8
	}
	return 0
}

// scalar reads a number or a word.
func (r *reader) scalar() any {
	begin := r.at
	for r.at < len(r.text) && (bare(r.text[r.at]) || r.text[r.at] == '+' || r.text[r.at] == '.' || r.text[r.at] == ':') {
		r.at++
	}
	word := r.text[begin:r.at]
	switch word {
	case "true":
		return true
	case "false":
		return false
	}
	if v := number(word); v != nil {
		return v
	}
	r.at = begin
	if word == "" {
		r.wrong("expected a value, found %s", r.found())
	}
	r.wrong("expected a text in quotes, a number, true, false, an array or a table, found %.40q", word)
	return nil
}

// number returns the number that TOML means by a word, int64 or float64; nil for none.
func number(word string) any {
	sign, digits := "", word
	if word != "" && (word[0] == '+' || word[0] == '-') {
		sign, digits = word[:1], word[1:]
	}
	switch digits {
	case "inf":
		return math.Inf(1 - 2*strings.Count(sign, "-"))
	case "nan":
		return math.NaN()
	}
	for i, c := range []byte(digits) { // an underscore stands between two digits
		if c == '_' && (i == 0 || i == len(digits)-1 || !hexadecimal(digits[i-1]) || !hexadecimal(digits[i+1])) {
			return nil
		}
	}
	plain := digits
	if strings.Contains(digits, "_") {
		plain = strings.ReplaceAll(digits, "_", "")
	}
	if base := baseOf(plain); base != 0 {
		v, err := strconv.ParseInt(plain[2:], base, 64)
		if err != nil || sign != "" || strings.ContainsAny(plain[2:], "+-") || digits[2] == '_' {
			return nil
		}
		return v
	}
	whole, rest := plain, ""
	if i := strings.IndexAny(plain, ".eE"); i >= 0 {
		whole, rest = plain[:i], plain[i:]
	}
	if !decimal(whole) || len(whole) > 1 && whole[0] == '0' {
		return nil
	}
	if rest == "" {
		if v, err := strconv.ParseInt(sign+plain, 10, 64); err == nil {
			return v
		}
		return nil
	}
	fraction, exponent := rest, ""
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		fraction, exponent = rest[:i], strings.TrimLeft(rest[i+1:min(len(rest), i+2)], "+-")+rest[min(len(rest), i+2):]
		if !decimal(exponent) {
			return nil
		}
	}
	if fraction != "" && !decimal(fraction[1:]) {
		return nil
	}
	if v, err := strconv.ParseFloat(sign+plain, 64); err == nil {
		return v
	}
	return nil
}

// baseOf returns the base that a number's first characters name; 0 for none.
func baseOf(s string) int {
	switch s[:min(2, len(s))] {
	case "0x":
		return 16
	case "0o":
		return 8
	case "0b":
		return 2
	}
	return 0
}

func decimal(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

func hexadecimal(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
