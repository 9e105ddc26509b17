package kernel

import "math"

// A Pool describes the rows of one pooling.
type Pool struct {
	// Segments are the places of a window's pixels: offsets in src, relative to its
	// first one. A window that reaches over the border has fewer.
	Segments []int
	// Channels is the number of channels.
	Channels int
	// SrcStride and DstStride lead from one window and its pixel to the next, in
	// floats.
	SrcStride, DstStride int
	// Divisor is what the sums of an average are divided by.
	Divisor float64
}

// check panics where the slices of a call are too short for it: an error of the
// caller.
func (p *Pool) check(m int, dst, src []float32) {
	checkPixels("pool", m, p.Channels, p.Segments, p.Channels, p.SrcStride, len(src))
	checkRows("pool", m, p.Channels, p.DstStride, 0, dst, nil)
}

// MaxPoolGeneric pools m ≥ 1 windows. For every window i and channel c,
//
//	best = src[i*SrcStride+Segments[0]+c]
//	for _, at := range p.Segments[1:] {
//		if x := src[i*SrcStride+at+c]; x > best || x is a NaN {
//			best = x
//		}
//	}
//	dst[i*DstStride+c] = best
//
// A NaN wins, as in PyTorch.
func MaxPoolGeneric(p *Pool, m int, dst, src []float32) {
	p.check(m, dst, src)
	for i := range m {
		p.max(0, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// max pools the channels from first on of one window.
func (p *Pool) max(first int, dst, src []float32) {
	for c := first; c < p.Channels; c++ {
		best := src[p.Segments[0]+c]
		for _, at := range p.Segments[1:] {
			if x := src[at+c]; x > best || x != x {
				best = x
			}
		}
		dst[c] = best
	}
}

// AvgPoolGeneric averages m ≥ 1 windows. For every window i and channel c, in
// float64,
//
//	sum = 0
//	for _, at := range p.Segments {
//		sum += src[i*SrcStride+at+c]
//	}
//	dst[i*DstStride+c] = sum / Divisor
//
// In this order every variant comes to the same bits.
func AvgPoolGeneric(p *Pool, m int, dst, src []float32) {
	p.check(m, dst, src)
	for i := range m {
		p.average(0, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// average averages the channels from first on of one window.
func (p *Pool) average(first int, dst, src []float32) {
	for c := first; c < p.Channels; c++ {
		var sum float64
		for _, at := range p.Segments {
			sum += float64(src[at+c])
		}
		dst[c] = float32(sum / p.Divisor)
	}
}

// NormPoolGeneric takes the 2-norms of m ≥ 1 windows. For every window i and channel c, in
// float64,
//
//	sum = 0
//	for _, at := range p.Segments {
//		sum += src[i*SrcStride+at+c] * src[i*SrcStride+at+c]
//	}
//	dst[i*DstStride+c] = sqrt(sum)
//
// The square of a float32 is exact in float64, so that in this order every variant comes to
// the same bits.
func NormPoolGeneric(p *Pool, m int, dst, src []float32) {
	p.check(m, dst, src)
	for i := range m {
		p.norms(0, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// norms takes the norms of the channels from first on of one window.
func (p *Pool) norms(first int, dst, src []float32) {
	for c := first; c < p.Channels; c++ {
		var sum float64
		for _, at := range p.Segments {
			sum += float64(src[at+c]) * float64(src[at+c])
		}
		dst[c] = float32(math.Sqrt(sum))
	}
}
