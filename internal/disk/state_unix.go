//go:build darwin || freebsd || linux

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// StateOf returns the state of the file at path, links followed.
func StateOf(path string) (State, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return State{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return State{Size: st.Size, Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Inode: st.Ino}, nil
}
