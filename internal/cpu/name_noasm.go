//go:build !amd64 || purego

package cpu

// Name returns the empty text: without CPUID the processor is not asked.
func Name() string { return "" }
