package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name   string
		before string // content already there; empty for none
		fail   error
		want   string
	}{
		{"new", "", nil, "new content"},
		{"replaced", "old", nil, "new content"},
		{"failed over nothing", "", broken, ""},
		{"failed over old", "old", broken, "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			if tt.before != "" {
				if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := atomicfile.Write(path, func(w io.Writer) error {
				if _, err := io.WriteString(w, "new content"); err != nil {
					return err
				}
				return tt.fail
			})
			if !errors.Is(err, tt.fail) {
				t.Errorf("error = %v, want %v", err, tt.fail)
			}
			got, _ := os.ReadFile(path)
			if string(got) != tt.want {
				t.Errorf("content = %q, want %q", got, tt.want)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if wantFiles := min(len(tt.want), 1); len(entries) != wantFiles {
				t.Errorf("%d files left, want %d", len(entries), wantFiles)
			}
		})
	}
}
