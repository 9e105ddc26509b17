//go:build !unix

package atomicfile

import (
	"context"
	"os"
)

// descriptor returns none: on this system no path names an open descriptor.
func descriptor(string) (n int, ok bool) { return 0, false }

// open opens a stream for writing.
func (t *target) open(context.Context) (*os.File, error) { return os.OpenFile(t.path, os.O_WRONLY, 0) }
