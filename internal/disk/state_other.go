//go:build !darwin && !freebsd && !linux

package disk

import "os"

// StateOf returns the state of the file at path, links followed.
func StateOf(path string) (State, error) {
	st, err := os.Stat(path)
	if err != nil {
		return State{}, err
	}
	return State{Size: st.Size(), Modified: st.ModTime().UnixNano()}, nil
}
