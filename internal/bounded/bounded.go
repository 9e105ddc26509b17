// Package bounded reads files that come from outside: regular files only, and never more of
// one than its kind can need. A device, a named pipe or a file that grows without end is an
// error that says so, not a program that hangs or takes the machine's memory.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Bounds of files by their kind, in bytes.
const (
	Catalogue = 4 << 20   // a zoo.toml
	Lock      = 16 << 20  // a zoo.lock
	Key       = 64 << 10  // a key or a signature
	Ref       = 64 << 10  // what the cache notes of a name or a file
	Golden    = 256 << 20 // a golden file
	Index     = 64 << 20  // an index of a sharded checkpoint

	Image   = 256 << 20 // an image file of a set; with its pixels it must fit into memory
	List    = 128 << 20 // a list of labelled images
	Names   = 1 << 20   // a list of class names
	EvalLog = 4 << 30   // a log of an evaluation
)

// ErrIrregular is, by errors.Is, the error of what is not a regular file, and ErrTooLong of
// one that has more bytes than its kind may.
var (
	ErrIrregular = errors.New("not a regular file")
	ErrTooLong   = errors.New("longer than such a file may be")
)

// Open opens a regular file, or a link to one, for reading. It does not wait for what writes
// to a named pipe. The error is a *fs.PathError, of ErrIrregular where something else lies at
// the path.
func Open(path string) (*os.File, error) {
	// Opening alone can have effects on a device, so that the path is looked at first. The
	// file that was opened counts, whatever lay there a moment before.
	st, err := os.Stat(path)
	if err == nil {
		err = regular(path, st)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if st, err = f.Stat(); err == nil {
		err = regular(path, st)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func regular(path string, st os.FileInfo) error {
	if st.Mode().IsRegular() {
		return nil
	}
	return &os.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w (%s)", ErrIrregular, Kind(st.Mode()))}
}

// Kind names what is not a regular file.
func Kind(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeSymlink != 0:
		return "a link"
	case m&os.ModeNamedPipe != 0:
		return "a named pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	case m&os.ModeCharDevice != 0:
		return "a device"
	case m&os.ModeDevice != 0:
		return "a disk"
	}
	return "no regular file"
}

// ReadFile reads a regular file of at most limit bytes. The error is that of Open, or wraps
// ErrTooLong.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadAll(f, limit)
	if errors.Is(err, ErrTooLong) {
		err = &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, err
}

// ReadFS is ReadFile for a file of a file system.
func ReadFS(fsys fs.FS, name string, limit int64) ([]byte, error) {
	st, err := fs.Stat(fsys, name)
	if err == nil {
		err = regular(name, st)
	}
	if err != nil {
		return nil, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadAll(f, limit)
	if errors.Is(err, ErrTooLong) {
		err = &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, err
}

// ReadAll reads r to its end, which must come within limit bytes. The error wraps ErrTooLong
// where it does not; then at most one byte more was read.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrTooLong, limit)
	}
	return data, nil
}
