//go:build !amd64 || purego

package cpu

// HasBF16 reports whether there are kernels for bf16: there are none without assembly.
func HasBF16() bool { return false }

// FastBF16 reports whether there are kernels for bf16: there are none without assembly.
func FastBF16() bool { return false }
