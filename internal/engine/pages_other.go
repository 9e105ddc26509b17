//go:build !linux

package engine

// preferHugePages does nothing where pages cannot be chosen.
func preferHugePages([]byte) {}
