package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gozoo/zoo/registry"
)

// notBuiltin leaves out what only rows of the program have.
var notBuiltin = cmpopts.IgnoreFields(registry.Entry{}, "Builtin")

func TestEmbedded(t *testing.T) {
	dotted := strings.ReplaceAll(row, "net_in1k", `"net-1.6_in1k"`)
	for name, text := range map[string]string{
		"the catalogue": string(builtin(t)), "no rows": "# none\n", "empty": "", "one row, no newline first": row[1:],
		"quoted, comments": "# one\n" + row + "\n# two [net]\n" + dotted,
	} {
		t.Run(name, func(t *testing.T) {
			want, got := parse(t, text), registry.Embedded("zoo.toml", text)
			if d := cmp.Diff(want.All(), got.All(), comparable, notBuiltin); d != "" {
				t.Errorf("(-parsed +embedded)\n%s", d)
			}
		})
	}
}

// TestEmbeddedBelow: rows are merged over embedded ones as over parsed ones.
func TestEmbeddedBelow(t *testing.T) {
	over := []byte("[net_in1k.weights]\nsize = 11\n" + strings.ReplaceAll(row, "net_in1k", "mine"))
	want, err := parse(t, row).Merge("mine.toml", over)
	if err != nil {
		t.Fatal(err)
	}
	got, err := registry.Embedded("zoo.toml", row).Merge("mine.toml", over)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.All(), got.All(), comparable, notBuiltin); d != "" {
		t.Errorf("(-over parsed +over embedded)\n%s", d)
	}
}

// TestOverrides: what files change of built-in rows is known by file and key.
func TestOverrides(t *testing.T) {
	builtin := registry.Embedded("zoo.toml (built in)", row)
	merge := func(r *registry.Registry, file, text string) *registry.Registry {
		t.Helper()
		merged, err := r.Merge(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return merged
	}
	url := "[net_in1k.weights]\nurl = \"https://other.example/net.pth\"\n"
	for _, tt := range []struct {
		name string
		got  *registry.Registry
		want []registry.Override
		at   bool // at the built-in address
	}{
		{"built in", builtin, nil, true},
		{"the same again", merge(builtin, "same.toml", row), nil, true},
		{"address", merge(builtin, "a.toml", url), []registry.Override{{File: "a.toml", Keys: []string{"weights.url"}}}, false},
		{"all digits", merge(builtin, "a.toml", "[net_in1k.weights]\nsha256 = \"0123abcd"+strings.Repeat("0", 56)+"\"\n"),
			[]registry.Override{{File: "a.toml", Keys: []string{"weights.sha256"}}}, false},
		{"size", merge(builtin, "a.toml", "[net_in1k.weights]\nsize = 11\n"), []registry.Override{{File: "a.toml", Keys: []string{"weights.size"}}}, false},
		{"what is not of the file's trust", merge(builtin, "a.toml", "[net_in1k.input]\ncrop = 112\nmean = [1, 2, 3]\n[net_in1k.input.resize]\nbackend = \"cv2\"\n"),
			[]registry.Override{{File: "a.toml", Keys: []string{"input.resize.backend", "input.crop", "input.mean"}}}, true},
		{"two files", merge(merge(builtin, "a.toml", url), "b.toml", "[net_in1k]\narch = \"net51\"\n"),
			[]registry.Override{{File: "a.toml", Keys: []string{"weights.url"}}, {File: "b.toml", Keys: []string{"arch"}}}, false},
		{"a row of one's own", merge(builtin, "a.toml", strings.ReplaceAll(row, "net_in1k", "mine")), nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.got.Overrides("net_in1k")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			e, err := tt.got.Lookup("net_in1k")
			if err != nil {
				t.Fatal(err)
			}
			if e.AtBuiltin() != tt.at || e.Builtin.URL != "https://example.org/net-0123abcd.pth" {
				t.Errorf("at the built-in address: %v, want %v; built in: %+v", e.AtBuiltin(), tt.at, e.Builtin)
			}
		})
	}
	if o := builtin.Overrides("net_in1k"); o != nil {
		t.Errorf("the registry below was changed: %v", o)
	}
	own := merge(builtin, "a.toml", strings.ReplaceAll(row, "net_in1k", "mine"))
	if e, err := own.Lookup("mine"); err != nil || e.AtBuiltin() || own.Overrides("mine") != nil {
		t.Errorf("a row of one's own is taken for a built-in one: %+v, %v", e, err)
	}
}

func TestEmbeddedPanics(t *testing.T) {
	defer func() {
		if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "registry: zoo.toml: line 1: ") {
			t.Errorf("panic %q, want one that names the text", text)
		}
	}()
	registry.Embedded("zoo.toml", "depth = 50"+row)
	t.Error("no panic")
}
