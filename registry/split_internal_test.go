package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	type rows map[string]string
	for _, tc := range []struct {
		name, text string
		want       rows   // nil: refused
		says       string // of the refusal
	}{
		{"nothing", " \t# all\n\r\n", rows{}, ""},
		{"mark of UTF-8", "\ufeff[a]\nx=1", rows{"a": "[a]\nx=1"}, ""},
		{"tables of a row", "# one\n[a]\nx=1\n\n [ a . b ] # two\ny=2\n# three\n['b']\n", rows{"a": "[a]\nx=1\n\n [ a . b ] # two\ny=2\n", "b": "['b']\n"}, ""},
		{"tables apart", "[a]\nx=1\n[b]\ny=1\n[\"a\".c]\nz=1", rows{"a": "[a]\nx=1\n\n[\"a\".c]\nz=1\n", "b": "[b]\ny=1\n"}, ""},
		{"brackets in texts", "[a]\nx='[b]'\ny=\"\"\"\n[b]\n\\\"\"\"\"\"\"\nz='''\n[b]\n''' # [b]\n", rows{"a": "[a]\nx='[b]'\ny=\"\"\"\n[b]\n\\\"\"\"\"\"\"\nz='''\n[b]\n''' # [b]\n"}, ""},
		{"arrays of lines", "[a]\nx=[\n[1],\n[true],\n['b'],\n] # ]\n[b]", rows{"a": "[a]\nx=[\n[1],\n[true],\n['b'],\n] # ]\n", "b": "[b]"}, ""},
		{"a bracket without its end", "[a]\nx=[1,\ny=2\n[b.c]\nz=3", rows{"a": "[a]\nx=[1,\ny=2\n", "b": "[b.c]\nz=3"}, ""},
		{"a quote without its end", "[a]\nx='1\n[b]\ny=\"\\\n[c]", rows{"a": "[a]\nx='1\n", "b": "[b]\ny=\"\\\n", "c": "[c]"}, ""},
		{"not TOML", "[a]\nx\n=\n[[b]]\n", rows{"a": "[a]\nx\n=\n", "b": "[[b]]\n"}, ""},
		{"a key of no row", "# one\na.b = 1", nil, `line 2: a: each model is a table: begin it with a header such as [NAME]`},
		{"a row in braces", `"a b" = {family = "x"}`, nil, `line 1: a b: each model is a table`},
		{"no header", "[a]\n[b", nil, `line 2: expected a header such as [NAME] or [NAME.weights], found ""`},
		{"an empty header", "[]", nil, `expected a header`},
		{"a text without its end", "[a]\nx=1\ny=\"\"\"\n\n\n", nil, `line 3: a text without its closing """`},
		{"no UTF-8", "[a]\nb=\"\xff\"", nil, "line 2: expected UTF-8, found byte ff"},
		{"arrays too deep", "[m]\na=" + strings.Repeat("[", 9), nil, "line 2: more than 8 arrays"},
		{"tables too deep", "[m]\na=" + strings.Repeat("{b=", 9), nil, "more than 8 arrays"},
		{"a key too long", "[m]\na" + strings.Repeat(".a", 8) + "=1", nil, "a key of more than 8 parts"},
		{"a key too long in a table", "[m]\na={a" + strings.Repeat(".a", 8) + "=1}", nil, "a key of more than 8 parts"},
		{"a header too long", "[m" + strings.Repeat(".a", 8) + "]", nil, "a key of more than 8 parts"},
		{"too many keys", "[a]\n" + many("k%d=1\n", maxKeys), nil, `entry "a": more than 1024 keys, tables and arrays`},
		{"too many keys in braces", "[a]\nx={" + many("k%d=1,", maxKeys) + "}", nil, `entry "a": more than 1024 keys, tables and arrays`},
		{"too many tables", many("[a.k%d]\n", maxKeys+1), nil, `entry "a": more than 1024 keys, tables and arrays`},
		{"too many rows", many("[m%d]\n", maxRows+1), nil, "more than 32768 rows"},
		{"too long a row", "[a]\nx='" + strings.Repeat("#", maxRowText) + "'", nil, `entry "a": expected at most 262144 bytes`},
		{"too long", strings.Repeat("#", maxText+1), nil, "expected at most 4194304 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pieces, err := split(tc.text)
			if err != nil {
				if tc.want != nil || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("error %q, want %q", err, tc.says)
				}
				return
			}
			got := rows{}
			for i := range pieces {
				got[pieces[i].name] = pieces[i].text(tc.text)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// many repeats a format with the numbers from 0 on.
func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestLines: what is wrong with a row is told by its line in the file.
func TestLines(t *testing.T) {
	for text, want := range map[string]string{
		"[b]\n[a]\nfamily = 1":                              `m.toml: entry "a": line 3: `,
		"[a]\nfamily='x'\n\n[b]\n\n[a.weights]\nsize = '1'": `m.toml: entry "a": line 7: `,
		"\n\n[a]\nfamily = x\n[b]":                          `m.toml: entry "a": line 4: `,
		"[a]\narch='x'\n[b]\n[a.input]\nmean = [1,2":        `m.toml: entry "a": line 5: `,
		"[[a]]\n": `m.toml: entry "a": expected a table`,
	} {
		if strings.Contains(text, "a") && !strings.Contains(text, "[[") {
			text = strings.Replace(text, "[a]", "[a]\nbase='r'", 1)
			want = lineAfter(want)
		}
		below, err := Parse("r.toml", []byte(plainRow))
		if err != nil {
			t.Fatal(err)
		}
		r, err := below.Merge("m.toml", []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := r.Lookup("a"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// lineAfter returns a message of one line further down.
func lineAfter(s string) string {
	for n := 9; n > 0; n-- {
		s = strings.ReplaceAll(s, fmt.Sprintf("line %d:", n), fmt.Sprintf("line %d:", n+1))
	}
	return s
}

const plainRow = `[r]
family = "x"
arch = "y"
classes = 3
input = { resize = { kind = "none" }, crop = 8, mean = [0, 0, 0], std = [1, 1, 1], order = "rgb", exif = "apply" }
`

// FuzzSplit holds the taking apart against the decoder: what is TOML, and within the bounds, says
// the same of each row when the rows are decoded one by one.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{
		"[a.b]\nx = 1 # one\n[a]\ny = {z.w = 2, v = [3.5, true,],}", "[a]\n\"b\\u00e9\" = '''\n[x]'''\n\"\" = \"\"\"a\\\n  b\"\"\"\"\"\n[ 'c' . d]",
		"[a]\nx = [+1_0, 0xF_f, inf,\n[1],\n-1e+5]\n[\"b\"]\n[a.c]", "[a]\nx = 2026-01-02\n[[b]]\n[[b]]", plainRow,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 || !utf8.ValidString(text) { // the decoder takes marks of UTF-16, which split does not
			return
		}
		var want map[string]any
		_, wrong := toml.Decode(text, &want)
		pieces, err := split(text)
		if wrong != nil {
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "more than") || strings.Contains(err.Error(), "each model is a table") {
				return
			}
			t.Fatalf("TOML that cannot be taken apart: %v", err)
		}
		got := make(map[string]any)
		for i := range pieces {
			if strings.Contains(pieces[i].name, `\`) {
				return // no name has one
			}
			var rows map[string]any
			if _, err := toml.Decode(pieces[i].text(text), &rows); err != nil {
				t.Fatalf("row %q: %v", pieces[i].name, err)
			}
			if len(rows) != 1 {
				t.Fatalf("row %q: %d rows", pieces[i].name, len(rows))
			}
			got[pieces[i].name] = rows[pieces[i].name]
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("(-whole +rows)\n%s", diff)
		}
	})
}

// TestWorstText reads texts of 4 MB that cost as much as a text can, and decodes every row. Each
// is to take a second at most; what would hang takes minutes.
func TestWorstText(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, (maxText-64)/len(unit)) }
	// rows makes as many rows of the greatest size as there can be.
	rows := func(before, unit, after string) string {
		one := before + strings.Repeat(unit, (maxRowText-len(before)-len(after)-20)/len(unit)) + after
		return many("[m%d]\n"+strings.ReplaceAll(one, "%", "%%")+"\n", 15)
	}
	for name, text := range map[string]string{
		"long dotted keys":      "[m]\n" + fill("a"+strings.Repeat(".aaaaaaa", 7)+"\n"),
		"dotted keys in rows":   many("[m%d]\n"+strings.Repeat(strings.Repeat("a", 120)+strings.Repeat("."+strings.Repeat("b", 120), 7)+"=1\n", 1), 4000),
		"long keys":             rows(strings.Repeat("a", 30000)+strings.Repeat("."+strings.Repeat("b", 30000), 7)+"=1", "\n", ""),
		"one long dotted key":   "[m]\n" + fill("a."),
		"many tables":           many("[m%d]\n", maxRows),
		"many keys":             many("[m%d]\n"+many("k_%d=1\n", 250), 1700),
		"deep arrays":           "[m]\na=" + fill("["),
		"deep tables":           "[m]\na=" + fill("{b="),
		"wide arrays":           rows("a=[", "[[[[[[]]]]]],", "]"),
		"arrays of numbers":     rows("mean=[", "0.1e-1,", "]"),
		"arrays of texts":       rows("class_names=[", `"",`, "]"),
		"many keys, wide":       rows(many("k%d=1\n", 250)+"a=[", `1,`, "]"),
		"one long text":         "[m]\n" + `a="` + fill("x") + `"`,
		"escapes":               rows(`a="`, `\u00e9`, `"`),
		"short escapes":         rows(`a="`, `\n`, `"`),
		"joined lines":          rows(`a="""`, "\\\n", `"""`),
		"comments":              fill("#\n"),
		"comments in arrays":    rows("a=[", "#\n", "]"),
		"quoted keys":           many("[m%d]\n\"\\u0061\"=1\n", maxRows),
		"rows in braces":        many("m%d={weights={url=\"x\"}}\n", maxRows),
		"a text without an end": "[m]\na=\"\"\"" + fill(`"" `),
		"headers in turn":       many("[a%[1]d]\n[b%[1]d]\n[a%[1]d.c]\n", 10000),
	} {
		t.Run(name, func(t *testing.T) {
			if len(text) > maxText {
				t.Fatalf("%d bytes are too many", len(text))
			}
			begin := time.Now()
			r, err := new(Registry).Merge("zoo.toml", []byte(text))
			merged := time.Since(begin)
			var faults []error
			if err == nil {
				faults = r.Faults("*")
				err = errors.Join(faults[:min(1, len(faults))]...)
			}
			took := time.Since(begin)
			t.Logf("%d bytes, %d rows: %v and %v (%.120v)", len(text), len(faults), merged, took-merged, err)
			if took > 20*time.Second {
				t.Errorf("takes %v", took)
			}
		})
	}
}

// TestManyRows: ten thousand rows cost what one does, but for the taking apart.
func TestManyRows(t *testing.T) {
	text := []byte(many(strings.ReplaceAll(plainRow, "[r]", "[r%d]"), 10000))
	begin := time.Now()
	r, err := new(Registry).Merge("zoo.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Lookup("r9999"); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	t.Logf("%d bytes: %v", len(text), took)
	if took > 5*time.Second {
		t.Errorf("takes %v", took)
	}
}
