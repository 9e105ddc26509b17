//go:build !purego

#include "textflag.h"

// func archPrctl(code, argument uintptr) (errno uintptr)
TEXT ·archPrctl(SB), NOSPLIT, $0-24
	MOVQ code+0(FP), DI
	MOVQ argument+8(FP), SI
	MOVL $158, AX
	SYSCALL
	NEGQ AX // -errno, or 0
	MOVQ AX, errno+16(FP)
	RET
