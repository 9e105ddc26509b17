//go:build !amd64 || purego

package kernel

// assembly returns no variants: there are none for this processor, or none are wanted.
func assembly() []*Variant { return nil }

// Slower returns no variants either.
func Slower() []*Variant { return nil }
