// Package bigtest keeps tests of large networks from filling memory together: go test
// runs the tests of several packages at a time, and each network of a hundred million
// weights takes half a gigabyte twice. Only tests import it.
package bigtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/gofrs/flock"
)

// Alone waits until no other test that called it is running, in any process of this
// machine's user, and has memory given back at once: what is large here holds no
// pointers, so that collecting it costs little. It is undone when t ends, and must not be
// called twice in one test and its subtests.
func Alone(t testing.TB) {
	t.Helper()
	lock := flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("zoo-bigtest-%d.lock", os.Getuid())))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	percent := debug.SetGCPercent(10)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.FreeOSMemory()
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	})
}
