package registry

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// line is a key of the table in the docs: key, whether it is needed, example.
var line = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\| (yes)? ?\\| `([^`]+)` \\| .")

// TestSchema holds docs/zoo-toml.md against the keys that are read: it names each, says of each
// whether it is needed, and its examples make rows.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "zoo-toml.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, got, examples := make(map[string]bool), make(map[string]bool), make(map[string]string)
	tables := []string{"weights", "input", "input.resize", "published"}
	for key, needed := range keys {
		if !slices.Contains(tables, key) {
			want[key] = needed
		}
	}
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		got[m[1]], examples[m[1]] = m[2] == "yes", m[3]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("keys (-read +documented)\n%s", d)
	}

	row := func(name string, leaveOut ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "[%s]\n", name)
		for _, key := range slices.Sorted(maps.Keys(examples)) {
			if !slices.Contains(leaveOut, key) {
				fmt.Fprintf(&b, "%s = %s\n", key, examples[key])
			}
		}
		return b.String()
	}
	efficientnet := strings.Replace(row("c", "base", "class_names"), `"short"`, `"efficientnet-center-crop"`, 1)
	short := row("resnet50_8xb32_in1k", "base", "class_names", "input.resize.padding")
	like := row("d", slices.DeleteFunc(slices.Collect(maps.Keys(examples)), func(key string) bool { return key == "base" || key == "class_names" })...)
	needed := row("e", slices.DeleteFunc(slices.Collect(maps.Keys(examples)), func(key string) bool {
		return got[key] || key == "input.resize.edge" || strings.HasPrefix(key, "input.resize.i") || strings.HasPrefix(key, "input.resize.b")
	})...)
	r, err := Parse("docs", []byte(short+efficientnet+like+needed))
	if err != nil {
		t.Fatal(err)
	}
	for key := range got {
		if !got[key] {
			continue
		}
		text := row("e", append(slices.DeleteFunc(slices.Collect(maps.Keys(examples)), func(key string) bool { return got[key] }), key)...)
		if _, err := Parse("docs", []byte(text)); err == nil || !strings.Contains(err.Error(), "missing "+strings.TrimSuffix(key, ".kind")) {
			t.Errorf("without %s: error %v", key, err)
		}
	}
	d, err := r.Lookup("d")
	if err != nil || d.Arch != "resnet50" || d.Classes != 2 || d.Labels != "" || d.Published.Top1.Known() || d.Weights.URL != "" {
		t.Errorf("a row like another: %+v, %v", d, err)
	}

	// The rows of the text itself.
	for _, block := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		r, err := r.Merge("docs", []byte(block[1]))
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
}

// TestBase: what a row takes from the one that it is like.
func TestBase(t *testing.T) {
	below, err := Parse("r.toml", []byte(plainRow+"[named]\nbase = \"r\"\nclass_names = [\"a\", \"b\"]\n[named.published]\ntop1 = \"50\"\nsource = \"x\"\n[named.weights]\nurl = \"file:x\"\nlicence = \"MIT\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, text string
		want       func(e *Entry) bool
		says       string
	}{
		{"all but weights and figures", "[m]\nbase = \"named\"", func(e *Entry) bool {
			return e.Family == "x" && e.Arch == "y" && e.Input.Crop == 8 && cmp.Equal(e.ClassNames, []string{"a", "b"}) && e.Weights == Weights{} &&
				!e.Published.Top1.Known() && e.Published.Source == "" && e.Published.FLOPsConvention == "mmcv-legacy" && e.Published.FLOPsSize == 8
		}, ""},
		{"other classes have no names", "[m]\nbase = \"named\"\nclasses = 7", func(e *Entry) bool { return e.Classes == 7 && e.ClassNames == nil }, ""},
		{"other names", "[m]\nbase = \"named\"\nclass_names = [\"c\"]", func(e *Entry) bool { return e.Classes == 1 && cmp.Equal(e.ClassNames, []string{"c"}) }, ""},
		{"part of the preprocessing", "[m]\nbase = \"r\"\ninput.crop = 4", func(e *Entry) bool { return e.Input.Crop == 4 && e.Input.Std[2] == 1 && e.Classes == 3 }, ""},
		{"a row below in the file", "[m]\nbase = \"n\"\n[n]\nbase = \"r\"\nclasses = 4", func(e *Entry) bool { return e.Classes == 4 }, ""},
		{"the same file twice", "[named]\nbase = \"r\"\nclasses = 2\n[m]\nbase = \"named\"", func(e *Entry) bool { return cmp.Equal(e.ClassNames, []string{"a", "b"}) }, ""},
		{"a circle", "[m]\nbase = \"n\"\n[n]\nbase = \"m\"", nil, `entry "m": base: more than 8 rows whose base is another`},
		{"itself", "[m]\nbase = \"m\"", nil, `base: "m" is this row itself`},
		{"not there", "[m]\nbase = \"namd\"", nil, `did you mean named?`},
		{"over another row", "[r]\nbase = \"named\"\n[m]\nbase = \"r\"", nil, `entry "r": base: there is a row of that name already`},
		{"not a text", "[m]\nbase = 1", nil, `line 2: base: `},
		{"too few names", "[m]\nbase = \"r\"\nclasses = 3\nclass_names = [\"c\"]", nil, "classes: expected 1 as class_names has, found 3"},
		{"no names", "[m]\nbase = \"r\"\nclass_names = []", nil, "classes: expected 1"},
		{"a name of nothing", "[m]\nbase = \"r\"\nclass_names = [\"c\", \" \"]", nil, "class_names[1]: expected a text"},
		{"a name that acts", "[m]\nbase = \"r\"\nclass_names = [\"c\", \"\\u001b[2J\"]", nil, "class_names[1]"},
		{"names and labels", "[m]\nbase = \"r\"\nlabels = \"digits\"\nclasses=10\nclass_names = [\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]", nil, "no labels beside them"},
		{"elsewhere without a digest", "[m]\nbase = \"r\"\nweights.url = \"https://example.org/x\"", nil, "weights.sha256: missing"},
		{"figures of nobody", "[m]\nbase = \"r\"\npublished.top1 = \"50\"", nil, "published.source: missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := below.Merge("m.toml", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			e, err := r.Lookup("m")
			if err != nil {
				if tc.want != nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v, want %q", err, tc.says)
				}
				return
			}
			if tc.want == nil || !tc.want(e) {
				t.Errorf("%+v, want %q", e, tc.says)
			}
		})
	}
}
