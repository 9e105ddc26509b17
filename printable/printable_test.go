package printable_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/gozoo/zoo/printable"
)

func TestText(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"espresso, café, 浓缩咖啡, 🏳️", "espresso, café, 浓缩咖啡, 🏳️"},
		{`crane "bird" \`, `crane "bird" \`},
		{"\x1b[2J", `\x1b[2J`},
		{"a\nb\tc\rd\ae", `a\nb\tc\rd\ae`},
		{"\x7f", `\x7f`},
		{"\u0085 \u009b31m", `\u0085 \u009b31m`},
		{"gpj.\u202ecod", `gpj.\u202ecod`},
		{"zero\u200bwidth\ufeff", `zero\u200bwidth\ufeff`},
		{"line\u2028end", `line\u2028end`},
		{"tag \U000e0041", `tag \U000e0041`},
		{"filler \u3164\u115f", `filler \u3164\u115f`},
		{"joiner \u034f, selector \U000e0101", `joiner \u034f, selector \U000e0101`},
		{"\xff", `\xff`},
		{"\xc2", `\xc2`},
	} {
		got := printable.Text(tc.in)
		if got != tc.want {
			t.Errorf("Text(%q) = %s, want %s", tc.in, got, tc.want)
		}
		if err := printable.Check(tc.in); (err == nil) != (got == tc.in) {
			t.Errorf("Check(%q) = %v, but Text gives %s", tc.in, err, got)
		}
	}
}

func TestLines(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"one\x1b", `one\x1b`},
		{"nn: 2 missing:\n  \"a\"\n  b\x1b[2J", "nn: 2 missing:\n  \"a\"\n  b" + `\x1b[2J`},
		{"a file\nzoo: PASS\n", "a file\n  zoo: PASS"},
		{"a\r\n zoo: next", "a" + `\r` + "\n   zoo: next"},
	} {
		if got := printable.Lines(tc.in); got != tc.want {
			t.Errorf("Lines(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"cspresnet50_3rdparty_8xb32_in1k, 95 %", "cspresnet50_3rdparty_8xb32_in1k, 95 %"},
		{"a | b", `a \| b`},
		{`a \| b`, `a \\\| b`},
		{"[x](javascript:alert(1))", `\[x\](javascript:alert(1))`},
		{"![x](y)", `!\[x\](y)`},
		{"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"&lt;b&gt;", "&amp;lt;b&amp;gt;"},
		{"`code` *bold* _it_ ~~gone~~", "\\`code\\` \\*bold\\* \\_it\\_ \\~\\~gone\\~\\~"},
		{"a\n# heading", `a\\n# heading`},
	} {
		if got := printable.Markdown(tc.in); got != tc.want {
			t.Errorf("Markdown(%q) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestCell(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"class 5", "class 5"},
		{"-0.5", "-0.5"},
		{"-", "-"},
		{"--", "'--"},
		{"+1e-05", "+1e-05"},
		{"=1+1", "'=1+1"},
		{"-1+1", "'-1+1"},
		{"+cmd|'/c calc'!A1", "'+cmd|'/c calc'!A1"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"  =1+1", "'  =1+1"},
		{"＝1+1", "'＝1+1"},
		{"\t=1+1", `\t=1+1`},
		{"\r=1+1", `\r=1+1`},
		{"a=b", "a=b"},
		{"", ""},
		{"\x1b]0;x\a", `\x1b]0;x\a`},
	} {
		if got := printable.Cell(tc.in); got != tc.want {
			t.Errorf("Cell(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestHTML(t *testing.T) {
	if got, want := printable.HTML("<b title=\"x\">'\u202e\x1b"), `&lt;b title=&#34;x&#34;&gt;&#39;\u202e\x1b`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// nasty are texts with what hides: every kind of it, and what JSON escapes itself.
var nasty = []string{
	"plain", "\x00\x1b[2J\a\b\t\n\r\x1f", "\x7f", "\u0080\u009b", "\u202e\u2066\u200e", "\u200b\ufeff", "\u2028\u2029",
	"\U000e0041\U0001d173", "quote \" and \\", "<script>&", "浓缩咖啡",
}

func TestJSON(t *testing.T) {
	for _, text := range nasty {
		document, err := json.MarshalIndent(map[string]string{text: text}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got := printable.JSON(document)
		var back map[string]string
		if err := json.Unmarshal(got, &back); err != nil || back[text] != text {
			t.Errorf("%q: %s is read as %q, %v", text, got, back, err)
		}
		if strings.ContainsFunc(string(got), func(r rune) bool { return r != '\n' && r != '\t' && r != ' ' && !unicode.IsGraphic(r) }) {
			t.Errorf("%q: %s does not print", text, got)
		}
	}
}

// The writer passes on, in pieces of any length, what Text makes of the whole, but for line
// ends and tabs.
func TestWriter(t *testing.T) {
	text := strings.Join(nasty, "\n\t") + "\xff\xe2\x80"
	var want strings.Builder
	for i, line := range strings.SplitAfter(text, "\n") {
		for j, part := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			if j > 0 {
				want.WriteByte('\t')
			}
			want.WriteString(printable.Text(part))
		}
		if i < strings.Count(text, "\n") {
			want.WriteByte('\n')
		}
	}
	for _, read := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, func(r io.Reader) io.Reader { return r }} {
		var got strings.Builder
		w := printable.NewWriter(&got)
		if _, err := io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{read(strings.NewReader(text))}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%q, want %q", got.String(), want.String())
		}
	}
}

// A writer that lets colours through escapes everything else, as one that does not.
func TestWriterColours(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{printable.Green.Paint("PASS") + " name", "\x1b[32mPASS\x1b[39m name"},
		{printable.Plain.Paint("PASS"), "PASS"},
		{printable.Red.Paint(""), ""},
		{"\x1b[2J\x1b[33mx\x1b[39m\x1b[31", `\x1b[2J` + "\x1b[33mx\x1b[39m" + `\x1b[31`},
		{"\x1b\x1b[31m\x1b[31;5m", `\x1b` + "\x1b[31m" + `\x1b[31;5m`},
		{"\x9b31m\u009b31m\n\tend", `\x9b31m\u009b31m` + "\n\tend"},
	} {
		for _, colours := range []bool{true, false} {
			var got strings.Builder
			w := printable.NewWriter(&got)
			w.Colours = colours
			if _, err := io.WriteString(w, tt.text); err != nil {
				t.Fatal(err)
			}
			w.Flush()
			want := tt.want
			if !colours {
				want = strings.ReplaceAll(want, "\x1b", `\x1b`)
			}
			if got.String() != want {
				t.Errorf("%q, colours %v: %q, want %q", tt.text, colours, got.String(), want)
			}
		}
	}
	text := strings.Join(nasty, "\n")
	var with, without strings.Builder
	printable.NewWriter(&without).Write([]byte(text))
	w := printable.NewWriter(&with)
	w.Colours = true
	w.Write([]byte(text))
	if with.String() != without.String() {
		t.Errorf("%q, want %q", with.String(), without.String())
	}
}

// FuzzText holds what every form promises of any text.
func FuzzText(f *testing.F) {
	for _, text := range nasty {
		f.Add(text)
	}
	f.Add("\x1b[31mred\x1b[39m\x1b[3")
	colours := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[39m", "")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("Text(%q) = %q does not print", s, got)
		}
		if again := printable.Text(got); again != got {
			t.Errorf("Text(%q) = %q, and of that %q", s, got, again)
		}
		if (printable.Check(s) == nil) != (s == got) {
			t.Errorf("Check(%q) and Text differ", s)
		}
		if strings.ContainsAny(printable.HTML(s), "<>\"'") {
			t.Errorf("HTML(%q) = %q", s, printable.HTML(s))
		}
		if cell := printable.Cell(s); cell != "" && strings.ContainsRune("=@", rune(cell[0])) {
			t.Errorf("Cell(%q) = %q", s, cell)
		}
		if m := printable.Markdown(s); strings.ContainsAny(m, "<>") || strings.Contains(strings.ReplaceAll(strings.ReplaceAll(m, `\\`, ""), `\|`, ""), "|") {
			t.Errorf("Markdown(%q) = %q", s, m)
		}
		var terminal strings.Builder
		w := printable.NewWriter(&terminal)
		w.Colours = true
		w.Write([]byte(s))
		w.Flush()
		acts := func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }
		if strings.ContainsFunc(colours.Replace(terminal.String()), acts) {
			t.Errorf("a writer makes %q of %q", terminal.String(), s)
		}
		document, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if json.Unmarshal(document, &before) != nil || json.Unmarshal(printable.JSON(document), &after) != nil || before != after {
			t.Errorf("JSON(%s) = %s", document, printable.JSON(document))
		}
	})
}
