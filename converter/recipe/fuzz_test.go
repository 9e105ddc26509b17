package recipe_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/tensor"
)

// FuzzRename wants patterns to match what the regular expressions of the standard
// library match, and to capture the same.
func FuzzRename(f *testing.F) {
	f.Add("stages.*.blocks.*.conv*.bn.**", "backbone.stages.*.blocks.*.bn*.**", "stages.0.blocks.1.conv2.bn.running_mean")
	f.Add("fc.**", "head.fc.**", "fc.weight")
	f.Add("**.a.**", "**-**", "a.a.a.a.b")
	f.Add("*a*b", "*.*", "aabab")
	f.Fuzz(func(t *testing.T, from, to, name string) {
		r := recipe.Recipe{recipe.Rename(from, to)}
		if r.Check() != nil || name == "" || to == "" || len(from) > 40 || len(name) > 200 || strings.Contains(from+to, "***") || !utf8.ValidString(from) || !utf8.ValidString(name) {
			return // expressions match text; three stars in a row can be read in two ways
		}
		var sd tensor.StateDict
		if err := sd.Add(name, tensor.FromFloat32s(tensor.Shape{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
		out, _, err := r.Apply(&sd)
		if err != nil {
			t.Fatal(err)
		}
		expr := regexp.QuoteMeta(from)
		expr = strings.ReplaceAll(expr, `\*\*`, `((?s:.)+?)`)
		expr = strings.ReplaceAll(expr, `\*`, `([^.]+?)`)
		re, err := regexp.Compile("^" + expr + `\z`)
		if err != nil {
			t.Fatal(err)
		}
		want := name
		if m := re.FindStringSubmatch(name); m != nil {
			want = ""
			rest := to
			for _, captured := range m[1:] {
				i := strings.IndexByte(rest, '*')
				want += rest[:i] + captured
				rest = strings.TrimPrefix(rest[i+1:], "*")
			}
			want += rest
		}
		if got := out.Names()[0]; got != want {
			t.Errorf("%q -> %q: %q became %q, want %q", from, to, name, got, want)
		}
	})
}
