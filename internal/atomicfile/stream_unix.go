//go:build unix

package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gozoo/zoo/internal/bounded"
)

// descriptor returns the open descriptor of this process that a path names. Such a path is
// no file of its own: what it leads to may be a pipe, a socket, or a file that somebody else
// is in the middle of.
func descriptor(path string) (n int, ok bool) {
	switch path = filepath.Clean(path); path {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", fmt.Sprintf("/proc/%d/fd/", os.Getpid())} {
		if number, found := strings.CutPrefix(path, dir); found {
			n, err := strconv.Atoi(number)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// pause is how often it is looked whether a named pipe has a reader.
const pause = 20 * time.Millisecond

// open opens a stream for writing. A named pipe is waited for until somebody reads from it.
func (t *target) open(ctx context.Context) (*os.File, error) {
	if t.descriptor >= 0 {
		n, err := syscall.Dup(t.descriptor) // the same place in the same file
		if err != nil {
			return nil, t.refuse("%w", err)
		}
		syscall.CloseOnExec(n)
		return os.NewFile(uintptr(n), t.path), nil
	}
	for {
		f, err := os.OpenFile(t.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if t.kind != bounded.Kind(os.ModeNamedPipe) || !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, t.refuse("nobody reads from it: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}
