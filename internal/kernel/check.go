package kernel

import "fmt"

// checkPixels panics unless src, of so many floats or pairs, holds what m pixels stride
// apart read: length of them from each segment on.
func checkPixels(what string, m, channels int, segments []int, length, stride, src int) {
	if m < 1 || channels < 1 || len(segments) == 0 || length < 1 {
		panic(fmt.Sprintf("kernel: %s: %d pixels of %d channels, %d segments of %d: expected at least one of each", what, m, channels, len(segments), length))
	}
	far := 0
	for _, at := range segments {
		if at < 0 {
			panic(fmt.Sprintf("kernel: %s: segment at %d", what, at))
		}
		far = max(far, at)
	}
	if need := (m-1)*stride + far + length; need > src {
		panic(fmt.Sprintf("kernel: %s: src of length %d, %d are read", what, src, need))
	}
}

// checkRows panics unless dst, and res where it is not nil, hold m pixels.
func checkRows(what string, m, channels, dstStride, resStride int, dst, res []float32) {
	if need := (m-1)*dstStride + channels; need > len(dst) {
		panic(fmt.Sprintf("kernel: %s: dst of %d floats, %d are written", what, len(dst), need))
	}
	if need := (m-1)*resStride + channels; res != nil && need > len(res) {
		panic(fmt.Sprintf("kernel: %s: residual of %d floats, %d are read", what, len(res), need))
	}
}
