package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

func TestEmbedded(t *testing.T) {
	dotted := strings.ReplaceAll(row, "net_in1k", `"net-1.6_in1k"`)
	for name, text := range map[string]string{
		"the catalogue": string(builtin(t)), "no rows": "# none\n", "empty": "", "one row, no newline first": row[1:],
		"quoted, comments": "# one\n" + row + "\n# two [net]\n" + dotted,
	} {
		t.Run(name, func(t *testing.T) {
			want, got := parse(t, text), registry.Embedded("zoo.toml", text)
			if d := cmp.Diff(want.All(), got.All(), comparable); d != "" {
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
	if d := cmp.Diff(want.All(), got.All(), comparable); d != "" {
		t.Errorf("(-over parsed +over embedded)\n%s", d)
	}
}

func TestEmbeddedPanics(t *testing.T) {
	for name, text := range map[string]string{
		"tables apart": row + strings.ReplaceAll(row, "net_in1k", "other") + "[net_in1k.x]\n",
		"unknown key":  row + "depth = 50\n",
		"not TOML":     row + "depth\n",
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "registry: zoo.toml: ") {
					t.Errorf("panic %q, want one that names the text", text)
				}
			}()
			registry.Embedded("zoo.toml", text).All()
			t.Error("no panic")
		})
	}
}
