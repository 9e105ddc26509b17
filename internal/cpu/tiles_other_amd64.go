//go:build !purego && !linux

package cpu

// requestTiles says no: only Linux is asked.
func requestTiles() bool { return false }
