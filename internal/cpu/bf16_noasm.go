//go:build !amd64 || purego

package cpu

// FastBF16 reports whether there are kernels for bf16: there are none without assembly.
func FastBF16() bool { return false }
