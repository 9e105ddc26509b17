package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Sync brings a file to the disk, on file systems that can.
func Sync(f *os.File) error { return able(f.Sync()) }

// able returns nil for an error which says that the file system has no such operation: some
// of small devices and of networks have no permissions, or cannot sync.
func able(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// chmod changes the permissions of a file, on file systems that let its owner.
func chmod(path string, perm os.FileMode) error {
	err := able(os.Chmod(path, perm))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
