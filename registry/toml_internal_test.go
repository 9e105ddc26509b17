package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// plain returns a table as the other reader has it.
func (t *table) plain() map[string]any {
	m := make(map[string]any)
	for _, f := range t.facts {
		m[f.key] = plain(f.value)
	}
	return m
}

func plain(v any) any {
	switch v := v.(type) {
	case *table:
		return v.plain()
	case []any:
		list := []any{}
		for _, one := range v {
			list = append(list, plain(one))
		}
		return list
	}
	return v
}

func TestReadTOML(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       map[string]any // nil: refused
		says       string         // of the refusal
	}{
		{"nothing", " \t# all\n\r\n", map[string]any{}, ""},
		{"mark of UTF-8", "\ufeffa = 1", map[string]any{"a": int64(1)}, ""},
		{"numbers", "a=[+1, -2_000, 0xff, 0o17, 0b11, 1.5e3, -0.25, 1e-2,]",
			map[string]any{"a": []any{int64(1), int64(-2000), int64(255), int64(15), int64(3), 1500.0, -0.25, 0.01}}, ""},
		{"texts", `a=["\"\u00e9\\\x41", '\n', """` + "\n" + `x\` + "\n \n  " + `y""z""""", '''` + "\r\n" + `'q''']`,
			map[string]any{"a": []any{"\"é\\A", `\n`, `xy""z""`, "'q"}}, ""},
		{"dotted", "a . \"b c\".d = true\na.e = false", map[string]any{"a": map[string]any{"b c": map[string]any{"d": true}, "e": false}}, ""},
		{"tables", "[a.b]\nx=1\n[a]\ny={z.w=2, v=[\n3 # three\n]}", map[string]any{"a": map[string]any{
			"b": map[string]any{"x": int64(1)}, "y": map[string]any{"z": map[string]any{"w": int64(2)}, "v": []any{int64(3)}}}}, ""},
		{"a key twice", "a=1\na=2", nil, `line 2: "a": stated twice`},
		{"a table twice", "[a]\n[a]", nil, `line 2: "a": stated twice`},
		{"a table in braces added to", "a={b=1}\n[a.c]", nil, `line 2: "a": stated twice`},
		{"a table of a header added to", "[a.b]\n[a]\nb.c=1", nil, `line 3: "b": stated twice`},
		{"two statements in a line", "a=1 b=2", nil, `line 1: expected the end of the line, found "b=2"`},
		{"a date", "a = 2026-01-02", nil, `found "2026-01-02"`},
		{"an array of tables", "[[a]]", nil, "an array of tables"},
		{"a leading zero", "a=01", nil, `found "01"`},
		{"an underscore too many", "a=1__0", nil, `found "1__0"`},
		{"a surrogate", `a="\ud800"`, nil, "hexadecimal digits of a character"},
		{"no end", `a="x`, nil, "without its closing"},
		{"a line end in a text", "a=\"x\ny\"", nil, "ends in its line"},
		{"no UTF-8", "a=1\nb=\"\xff\"", nil, "line 2: expected UTF-8, found byte ff"},
		{"a bare return", "a=1\rb=2", nil, "line 1"},
		{"arrays too deep", "a=" + strings.Repeat("[", 9), nil, "more than 8 arrays"},
		{"tables too deep", "a=" + strings.Repeat("{b=", 9), nil, "more than 8 arrays"},
		{"a key too long", "a" + strings.Repeat(".a", 8) + "=1", nil, "a key of more than 8 parts"},
		{"too many keys", "[a]\n" + many("k%d=1\n", maxKeys+1), nil, "more than 256 keys in a table"},
		{"too many rows", many("[m%d]\n", maxRows+1), nil, "more than 32768 rows"},
		{"too long", strings.Repeat("#", maxText+1), nil, "expected at most 4194304 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readTOML(tc.text)
			if err != nil {
				if tc.want != nil || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("error %q, want %q", err, tc.says)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got.plain()); diff != "" {
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

// FuzzTOML compares with a reader of all of TOML: what is accepted here means the same there,
// and what is accepted there is refused here for a reason of this package only.
func FuzzTOML(f *testing.F) {
	for _, text := range []string{
		"[a.b]\nx = 1 # one\n[a]\ny = {z.w = 2, v = [3.5, true,],}", "a.\"b\\u00e9\" = '''\nx'''\n\"\" = \"\"\"a\\\n  b\"\"\"",
		"a = [+1_0, 0xF_f, inf, -1e+5]", "a = 2026-01-02\n[[b]]", "a={}\n[a]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		got, err := readTOML(text)
		var own *syntaxError
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("error without its line: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "more than") {
			return
		}
		var want map[string]any
		_, other := toml.Decode(text, &want)
		switch {
		case err == nil && other != nil:
			t.Fatalf("accepted, and refused elsewhere: %v", other)
		case err != nil && other == nil:
			if !narrower(own.reason, want) {
				t.Fatalf("refused, and accepted elsewhere: %v", err)
			}
		case err == nil:
			if diff := cmp.Diff(want, got.plain(), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("(-elsewhere +here)\n%s", diff)
			}
		}
	})
}

// narrower reports whether what was refused is what this package leaves out of TOML: dates
// and arrays of tables.
func narrower(reason string, v any) bool {
	if reason == "an array of tables, which no row has" {
		return true
	}
	switch v := v.(type) {
	case time.Time:
		return true
	case map[string]any:
		for _, one := range v {
			if narrower(reason, one) {
				return true
			}
		}
	case []any:
		for _, one := range v {
			if narrower(reason, one) {
				return true
			}
		}
	}
	return false
}

// TestWorstText reads texts of 4 MB that cost as much as a text can. Each is to take a second
// at most; what would hang takes minutes.
func TestWorstText(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, maxText/len(unit)) }
	for name, text := range map[string]string{
		"long dotted keys":      fill("a" + strings.Repeat(".aaaaaaa", 7) + "\n"),
		"one long dotted key":   fill("a."),
		"many tables":           many("[m%d]\n", maxRows),
		"many keys":             many("[m%d]\n"+many("k_%d=1\n", 250), 1700),
		"deep arrays":           "a=" + fill("["),
		"deep tables":           "a=" + fill("{b="),
		"wide arrays":           "a=[" + strings.Repeat("[[[[[[]]]]]],", maxText/14) + "]",
		"one long text":         `a="` + fill("x")[9:] + `"`,
		"escapes":               `a="` + strings.Repeat(`\u00e9`, maxText/7) + `"`,
		"short escapes":         `a="` + strings.Repeat(`\n`, maxText/2-9) + `"`,
		"joined lines":          `a="""` + strings.Repeat("\\\n", maxText/2-9) + `"""`,
		"comments":              fill("#\n"),
		"quoted keys":           many("\"\\u0061%d\"=1\n", maxRows),
		"rows in braces":        many("m%d={weights={url=\"x\"}}\n", maxRows),
		"numbers":               "a=[" + strings.Repeat("0.1e-1,", maxText/7-9) + "]",
		"a text without an end": `a="""` + fill(`"" `)[9:],
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			r := new(Registry)
			_, err := r.Merge("zoo.toml", []byte(text))
			took := time.Since(begin)
			t.Logf("%d bytes: %v (%.80v)", len(text), took, err)
			if took > 20*time.Second {
				t.Errorf("takes %v", took)
			}
		})
	}
}
