//go:build unix

package atomicfile

import (
	"os"
	"syscall"
)

var processUmask = func() os.FileMode {
	m := syscall.Umask(0o022)
	syscall.Umask(m)
	return os.FileMode(m)
}()

// umask returns the process's umask as it was at start: asking means setting it
// for a moment, which is safe only before other goroutines make files.
func umask() os.FileMode { return processUmask }
