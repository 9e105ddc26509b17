//go:build linux && amd64 && !purego

package main

import (
	"syscall"
	"unsafe"
)

// memory is the memory of a process, which its number stands for. It is read and
// written as the process itself may.
type memory int

// System calls that package syscall does not name.
const (
	processVMReadv  = 310
	processVMWritev = 311
)

func (m memory) read(at uint64, dst []byte) error  { return m.copy(processVMReadv, at, dst) }
func (m memory) write(at uint64, src []byte) error { return m.copy(processVMWritev, at, src) }

func (m memory) copy(call uintptr, at uint64, local []byte) error {
	type vector struct {
		base unsafe.Pointer
		size int
	}
	type remote struct {
		base uint64
		size int
	}
	here, there := vector{unsafe.Pointer(unsafe.SliceData(local)), len(local)}, remote{at, len(local)}
	n, _, errno := syscall.Syscall6(call, uintptr(m), uintptr(unsafe.Pointer(&here)), 1, uintptr(unsafe.Pointer(&there)), 1, 0)
	if errno != 0 || int(n) != len(local) {
		return errPage
	}
	return nil
}
