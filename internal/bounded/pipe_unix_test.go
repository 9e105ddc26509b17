//go:build unix

package bounded_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gozoo/zoo/internal/bounded"
)

// TestPipe opens a pipe that nobody writes to, which must not be waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := bounded.Open(path); !errors.Is(err, bounded.ErrIrregular) {
		t.Errorf("error %v, want %v", err, bounded.ErrIrregular)
	}
}
