//go:build !purego

package cpu

// archPrctl is the system call arch_prctl. It is written out, where package syscall would
// do, so that internal/amxemu finds a place at which to answer in Linux's stead.
//
//go:noescape
func archPrctl(code, argument uintptr) (errno uintptr)

// requestTiles asks Linux for the permission to use tiles, for all threads of this
// process; see its Documentation/arch/x86/xstate.rst. It is refused by what is older
// than Linux 5.16, by some sandboxes, and where a thread has a signal stack too small to
// save tiles on, which those of Go are not. A tile instruction without permission is fatal.
func requestTiles() bool {
	const requestPermission, tileData = 0x1023, 18
	return archPrctl(requestPermission, tileData) == 0
}
