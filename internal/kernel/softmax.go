package kernel

import "math"

// A Softmax describes rows whose values become shares that add up to 1.
type Softmax struct {
	// Channels is the number of values of a row.
	Channels int
	// SrcStride and DstStride lead from one row to the next, in floats.
	SrcStride, DstStride int
	// Scale multiplies the values first; it is not negative.
	Scale float32
}

// check panics where the slices of a call are too short for it: an error of the caller.
func (s *Softmax) check(m int, dst, src []float32) {
	checkPixels("softmax", m, s.Channels, []int{0}, s.Channels, s.SrcStride, len(src))
	checkRows("softmax", m, s.Channels, s.DstStride, 0, dst, nil)
}

// SoftmaxGeneric computes m ≥ 1 rows. For every row i, in float64,
//
//	x = src[i*SrcStride:][:Channels]
//	y[c] = exp(Scale * (x[c]-max(x)))
//	dst[i*DstStride+c] = y[c] / sum(y)
//
// src may overlap dst only if it is dst. No float is read or written but those that the loop
// names. What a row comes to does not depend on m. A NaN or an infinity above all makes
// NaNs of its whole row.
//
// Variants compute in float32. They err by at most 10 + |log(y[c])|*2 + Channels/8 roundings to
// float32 of the value, and by 2^-140.
func SoftmaxGeneric(s *Softmax, m int, dst, src []float32) {
	s.check(m, dst, src)
	scale := float64(s.Scale)
	for i := range m {
		x, out := src[i*s.SrcStride:][:s.Channels], dst[i*s.DstStride:][:s.Channels]
		most, sum := math.Inf(-1), 0.0
		for _, v := range x {
			most = math.Max(most, float64(v))
		}
		for _, v := range x {
			sum += math.Exp(scale * (float64(v) - most))
		}
		for c, v := range x {
			out[c] = float32(math.Exp(scale*(float64(v)-most)) / sum)
		}
	}
}
