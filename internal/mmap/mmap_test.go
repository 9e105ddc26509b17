package mmap_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/internal/mmap"
)

func TestOpen(t *testing.T) {
	for _, content := range []string{"", "x", "some bytes\x00more"} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := mmap.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(f.Bytes()); got != content {
			t.Errorf("bytes = %q, want %q", got, content)
		}
		for range 2 {
			if err := f.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func TestOpenRefusesFolder(t *testing.T) {
	if _, err := mmap.Open(t.TempDir()); err == nil {
		t.Error("a folder was mapped")
	}
}
