package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// What a file system cannot do is no error; what went wrong is.
func TestAble(t *testing.T) {
	for err, want := range map[syscall.Errno]bool{
		syscall.EINVAL: true, syscall.ENOSYS: true, syscall.ENOTSUP: true, syscall.EIO: false, syscall.ENOSPC: false, syscall.EACCES: false,
	} {
		if got := able(&fs.PathError{Op: "sync", Path: "f", Err: err}) == nil; got != want {
			t.Errorf("%v is passed over: %v, want %v", err, got, want)
		}
	}
}

// A pipe is a file that cannot be synced.
func TestSyncPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a pipe is another thing there")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := w.Sync(); err == nil {
		t.Skip("this system syncs pipes")
	}
	if err := Sync(w); err != nil {
		t.Error(err)
	}
	w.Close()
	if err := Sync(w); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error of a closed file: %v", err)
	}
}
