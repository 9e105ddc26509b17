package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// Where nothing can be written, the error names the file that was asked for, and no
// temporary file is left.
func TestWriteNowhere(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, path, want string }{
		{"a folder", dir, dir + ": is a folder"},
		{"in no folder", filepath.Join(dir, "none", "f"), filepath.Join(dir, "none", "f") + ": "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := atomicfile.Write(tt.path, func(io.Writer) error { t.Error("asked to write"); return nil })
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			for _, d := range []string{dir, filepath.Dir(dir)} {
				if left, _ := filepath.Glob(filepath.Join(d, ".*.tmp")); len(left) > 0 {
					t.Errorf("left %q", left)
				}
			}
		})
	}
}
