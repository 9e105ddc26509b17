//go:build !linux

package store

import (
	"os"
	"runtime"
	"testing"
)

// asUser runs f as somebody whom permissions hold back.
func asUser(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("permissions do not hold this user back")
	}
	f()
}

func setUmask(int) {}
