package atomicfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/gozoo/zoo/internal/bounded"
)

// A target is what a path leads to.
type target struct {
	path       string // as it was given
	real       string // behind all links; what is there, if anything, is a regular file unless stream
	stream     bool   // whether it is written through
	descriptor int    // of this process, which a stream is; -1 for none
	kind       string // of a stream
}

// maxLinks is how many links may follow each other, as in Linux.
const maxLinks = 40

// find follows the links of a path. What they lead to need not be there: then it is made.
func find(path string) (*target, error) {
	t := &target{path: path, real: path, descriptor: -1}
	st, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &os.PathError{Op: "write", Path: path, Err: reason(err)}
	}
	for range maxLinks {
		if n, ok := descriptor(t.real); ok {
			t.stream, t.descriptor, t.kind = true, n, "an open descriptor"
			return t, nil
		}
		link, lerr := os.Lstat(t.real)
		if lerr != nil || link.Mode()&os.ModeSymlink == 0 {
			break
		}
		to, lerr := os.Readlink(t.real)
		if lerr != nil {
			return nil, lerr
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(t.real) // not cleaned: its elements may be links
			to = dir + to
		}
		t.real = to
	}
	if err != nil {
		return t, nil // nothing there
	}
	switch m := st.Mode(); {
	case m.IsDir():
		return nil, t.refuse("is a folder: name a file in it")
	case m.IsRegular():
		if at, err := os.Lstat(t.real); err != nil || !os.SameFile(st, at) {
			return nil, t.refuse("cannot tell which file its links lead to: name that")
		}
	case m&os.ModeCharDevice != 0, m&os.ModeNamedPipe != 0:
		t.stream, t.kind = true, bounded.Kind(m)
	default:
		return nil, t.refuse("is %s: name a file", bounded.Kind(m))
	}
	return t, nil
}

// reason returns what went wrong, without the path that an error of package os names.
func reason(err error) error {
	if perr := (*os.PathError)(nil); errors.As(err, &perr) {
		return perr.Err
	}
	return err
}

// writeThrough calls write with what the target is. The context ends a write that nobody takes.
func (t *target) writeThrough(ctx context.Context, write func(w io.Writer) error) error {
	f, err := t.open(ctx)
	if err != nil {
		return err
	}
	if isTerminal(f) {
		f.Close()
		return t.refuse("is a terminal: name a file, or a pipe to a program")
	}
	stop := context.AfterFunc(ctx, func() { f.SetWriteDeadline(time.Unix(1, 0)) }) // heeded by pipes
	err = write(struct{ io.Writer }{f})                                            // not to be written in another order
	stop()
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// isTerminal reports whether a file is a terminal. Unlike Fd it leaves a pipe as it is.
func isTerminal(f *os.File) (is bool) {
	c, err := f.SyscallConn()
	if err == nil {
		err = c.Control(func(fd uintptr) { is = term.IsTerminal(int(fd)) })
	}
	return is && err == nil
}
