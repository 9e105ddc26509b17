// Package atomicfile writes files that appear whole or not at all.
package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// Write calls write with a temporary file beside path, and renames that to path
// once it is on disk. If anything fails, path is left as it was and the temporary
// file is removed. An existing file keeps its permissions; a new one gets 0644
// less the umask.
func Write(path string, write func(w io.Writer) error) error {
	return Replace(path, func(tmp string) error {
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

// Replace is Write for a writer that wants the name of the temporary file.
func Replace(path string, write func(tmp string) error) error {
	return ReplaceMode(path, mode(path), write)
}

// ReplaceMode is Replace for a file that is to have other permissions. Until it is
// complete nobody but its user can read it.
func ReplaceMode(path string, perm os.FileMode, write func(tmp string) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return &os.PathError{Op: "write", Path: path, Err: errors.New("is a folder: name a file in it")}
	}
	// CreateTemp makes files private; what is published is readable like any
	// other file of its user.
	f, err := os.CreateTemp(dir, "."+base+".*.tmp")
	if err != nil {
		// The file that was asked for says more than the temporary one.
		if perr := (*os.PathError)(nil); errors.As(err, &perr) {
			perr.Path = path
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
	if err = os.Rename(tmp, path); err != nil {
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
