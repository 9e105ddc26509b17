package converter_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
)

// Ids come beside the names where a file has them for every class.
func TestReadClassIndex(t *testing.T) {
	for text, want := range map[string][]string{
		"n01440764 tench\nn01443537 goldfish\n":                         {"n01440764", "n01443537"},
		`{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}`: {"n01440764", "n01443537"},
		`{"0": ["n01440764", "tench"], "1": "goldfish"}`:                nil,
		"tench\ngoldfish\n": nil,
	} {
		path := filepath.Join(t.TempDir(), "classes")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names, ids, err := converter.ReadClassIndex(path)
		if err != nil || !slices.Equal(names, []string{"tench", "goldfish"}) || !slices.Equal(ids, want) {
			t.Errorf("%q: %q, %q, %v", text, names, ids, err)
		}
	}
}

// Whatever the bytes, names print and there is one for each label.
func FuzzReadClassIndex(f *testing.F) {
	f.Add([]byte("cat\ndog"))
	f.Add([]byte(`{"0": ["n01440764", "tench"], "dog": 1}`))
	path := filepath.Join(f.TempDir(), "classes")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		names, ids, err := converter.ReadClassIndex(path)
		if err != nil {
			return
		}
		if len(names) == 0 || ids != nil && len(ids) != len(names) || strings.ContainsAny(strings.Join(names, ""), "\x1b\n\x00") {
			t.Errorf("%q, %q of %q", names, ids, data)
		}
	})
}

func TestReadClasses(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		err        string
	}{
		{"lines", "cat\ndog\n", []string{"cat", "dog"}, ""},
		{"no newline at the end", "cat\ndög", []string{"cat", "dög"}, ""},
		{"of Windows", "\ufeffcat\r\ngreat white shark\r\n", []string{"cat", "great white shark"}, ""},
		{"the same name twice", "crane\ncrane\n", []string{"crane", "crane"}, ""},
		{"JSON", ` ["cat", "[dog]"]` + "\n", []string{"cat", "[dog]"}, ""},
		{"empty", "", nil, "label 0"},
		{"an empty list", "[]", nil, "one name at least"},
		{"an empty line", "cat\n\ndog\n", nil, "label 1"},
		{"control characters", "cat\n\x1b[2Jdog\n", nil, `found "\x1b[2Jdog"`},
		{"not text", "caf\xe9", nil, "UTF-8"},
		{"UTF-16", "\xff\xfec\x00a\x00t\x00\n\x00", []string{"cat"}, ""},
		{"JSON from label to name", `{"1": "dog", "0": "cat"}`, []string{"cat", "dog"}, ""},
		{"JSON from name to label", `{"dog": 1, "cat": 0}`, []string{"cat", "dog"}, ""},
		{"JSON from name to label as text", `{"dog": "1", "cat": "0"}`, []string{"cat", "dog"}, ""},
		{"JSON from label to a digit", `{"0": "5", "1": "7"}`, []string{"5", "7"}, ""},
		{"class index", `{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}`, []string{"tench", "goldfish"}, ""},
		{"WordNet ids", "n01440764\nn01443537\n", []string{"n01440764", "n01443537"}, ""},
		{"WordNet ids and names", "n01440764 tench, Tinca tinca\nn01443537\tgoldfish\n", []string{"tench, Tinca tinca", "goldfish"}, ""},
		{"JSON with a gap", `{"0": "cat", "2": "dog"}`, nil, "found none for 1"},
		{"JSON with a label twice", `{"cat": 0, "dog": 0}`, nil, "twice"},
		{"JSON without labels", `{"cat": "dog"}`, nil, "labels on one side"},
		{"JSON with halves", `{"cat": 0.5}`, nil, "whole number"},
		{"JSON with depth", `{"0": {"a": 1}}`, nil, "expected a name"},
		{"JSON with three", `{"0": ["a", "b", "c"]}`, nil, "an id and a name"},
		{"JSON and more", `{"0": "cat"} {"1": "dog"}`, nil, "more behind it"},
		{"JSON cut in an object", `{"0": "cat"`, nil, "JSON object"},
		{"JSON of numbers", "[1, 2]", nil, "JSON list"},
		{"JSON cut", `["cat"`, nil, "JSON list"},
		{"too long", strings.Repeat("x", 1<<20+1), nil, "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "classes.txt")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := converter.ReadClasses(path)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "classes.txt")) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := converter.ReadClasses(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no file", err)
	}
}
