package store

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asUser runs f as somebody whom permissions hold back. For root that is another
// user, as far as files go, on a thread that ends with f.
func asUser(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	done := make(chan bool)
	go func() {
		runtime.LockOSThread() // for good: the thread is nobody's
		unix.SetfsuidRetUid(nobody)
		now, err := unix.SetfsuidRetUid(-1) // changes nothing, tells who it is
		if err == nil && now == nobody {
			f()
		}
		done <- err == nil && now == nobody
	}()
	if !<-done {
		t.Skip("this system does not let the test be another user")
	}
}

func setUmask(mask int) { unix.Umask(mask) }
