// Package atomicfile writes files that appear whole or not at all. Links are followed: the
// file that they lead to is replaced, and they stay. What is there and is no regular file, a
// device or a named pipe, is never replaced: it is written through, or refused by what it is.
package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gozoo/zoo/internal/bounded"
)

// Write calls write with a temporary file beside path, and renames that to path
// once it is on disk. If anything fails, path is left as it was and the temporary
// file is removed. An existing file keeps its permissions; a new one gets 0644
// less the umask.
//
// Where path leads to a character device, a named pipe or an open descriptor of this
// process, such as /dev/stdout, write's bytes go there at once. A folder, a socket, a disk
// and a terminal are refused, with a *fs.PathError.
func Write(path string, write func(w io.Writer) error) error {
	return WriteContext(context.Background(), path, write)
}

// WriteContext is Write, in which a context ends the waiting for whoever reads from a named
// pipe. Where w is an *os.File it is a regular one, and may be written in any order.
func WriteContext(ctx context.Context, path string, write func(w io.Writer) error) error {
	t, err := find(path)
	if err != nil {
		return err
	}
	if t.stream {
		return t.writeThrough(ctx, write)
	}
	return t.replace(mode(t.real), func(tmp string) error {
		f, err := os.OpenFile(tmp, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		err = write(f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		return err
	})
}

// Replace is Write for a writer that wants the name of the temporary file. It refuses
// whatever is no regular file.
func Replace(path string, write func(tmp string) error) error {
	return replaceRegular(path, mode, write)
}

// ReplaceMode is Replace for a file that is to have other permissions. Until it is
// complete nobody but its user can read it.
func ReplaceMode(path string, perm os.FileMode, write func(tmp string) error) error {
	return replaceRegular(path, func(string) os.FileMode { return perm }, write)
}

func replaceRegular(path string, perm func(path string) os.FileMode, write func(tmp string) error) error {
	t, err := find(path)
	if err != nil {
		return err
	}
	if t.stream {
		return t.refuse("%s: name a regular file", t.kind)
	}
	return t.replace(perm(t.real), write)
}

// Check returns the error that Write would begin with, and writes nothing.
func Check(path string) error {
	t, err := find(path)
	if err != nil || t.stream {
		return err
	}
	dir, _ := filepath.Split(t.real)
	if st, err := os.Stat(dir + "."); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: errors.Unwrap(err)}
	} else if !st.IsDir() {
		return t.refuse("what it is in is no folder")
	}
	return nil
}

// replace calls write with a temporary file beside the target and puts that in its place.
func (t *target) replace(perm os.FileMode, write func(tmp string) error) (err error) {
	dir, base := filepath.Split(t.real)
	if dir == "" {
		dir = "."
	}
	// CreateTemp makes files private; what is published is readable like any
	// other file of its user. The name leaves room within the longest one.
	f, err := os.CreateTemp(dir, "."+strings.ToValidUTF8(base[:min(len(base), 100)], "")+".*.tmp")
	if err != nil {
		// The file that was asked for says more than the temporary one.
		if perr := (*os.PathError)(nil); errors.As(err, &perr) {
			perr.Path = t.path
		}
		return err
	}
	tmp := f.Name()
	defer func() {
		if err != nil {
			os.Remove(tmp)
		}
	}()
	if err = f.Close(); err != nil {
		return err
	}
	if err = write(tmp); err != nil {
		return err
	}
	if err = chmod(tmp, perm); err != nil {
		return err
	}
	if err = sync(tmp); err != nil {
		return err
	}
	// Something else may have come there meanwhile. No system renames only over regular
	// files: what comes between these two calls is lost.
	if st, err := os.Lstat(t.real); err == nil && !st.Mode().IsRegular() {
		return t.refuse("%s is there now: nothing was written", bounded.Kind(st.Mode()))
	}
	if err = os.Rename(tmp, t.real); err != nil {
		return err
	}
	if runtime.GOOS != "windows" {
		// The rename itself lasts once the folder is on disk. Some file systems
		// cannot sync a folder; the file's content is safe all the same.
		_ = sync(dir)
	}
	return nil
}

// mode returns the permissions that the file at path is to have.
func mode(path string) os.FileMode {
	if st, err := os.Stat(path); err == nil {
		return st.Mode().Perm()
	}
	return 0o644 &^ umask()
}

func sync(path string) error {
	flag := os.O_RDONLY
	if runtime.GOOS == "windows" {
		flag = os.O_RDWR // FlushFileBuffers wants write access
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	err = Sync(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// refuse returns an error that says why nothing is written to the target.
func (t *target) refuse(format string, args ...any) error {
	return &os.PathError{Op: "write", Path: t.path, Err: fmt.Errorf(format, args...)}
}
