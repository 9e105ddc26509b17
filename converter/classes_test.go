package converter_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
)

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
		{"not text", "\xff\xfe", nil, "UTF-8"},
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
