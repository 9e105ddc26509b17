package bounded_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/bounded"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	toZero := filepath.Join(dir, "zero")
	if err := os.Symlink("/dev/zero", toZero); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		limit      int64
		want       error // nil: read
	}{
		{"exactly as long as it may be", path, 5, nil},
		{"by a link", link, 5, nil},
		{"a byte too long", path, 4, bounded.ErrTooLong},
		{"a folder", dir, 5, bounded.ErrIrregular},
		{"an endless device", toZero, 5, bounded.ErrIrregular},
		{"nothing there", filepath.Join(dir, "none"), 5, fs.ErrNotExist},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := bounded.ReadFile(tc.path, tc.limit)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil && string(data) != "12345" {
				t.Errorf("read %q", data)
			}
			if err != nil && !strings.Contains(err.Error(), tc.path) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}
