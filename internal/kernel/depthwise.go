package kernel

import "fmt"

// A Depthwise describes the rows of one depthwise convolution, in which every
// channel is filtered on its own.
type Depthwise struct {
	// Segments are the places of the taps: offsets in src, relative to a pixel's
	// first tap.
	Segments []int
	// Channels is the number of channels.
	Channels int
	// SrcStride, DstStride and ResStride lead from one pixel to the next, in floats.
	SrcStride, DstStride, ResStride int
	Epilogue
}

// check panics where the slices of a call are too short for it: an error of the
// caller.
func (p *Depthwise) check(m int, dst, src, w, res []float32) {
	checkPixels("depthwise", m, p.Channels, p.Segments, p.Channels, p.SrcStride, len(src))
	checkRows("depthwise", m, p.Channels, p.DstStride, p.ResStride, dst, res)
	if need := (1 + len(p.Segments)) * p.Channels; need > len(w) {
		panic(fmt.Sprintf("kernel: depthwise: %d packed weights, %d are read", len(w), need))
	}
}

// DepthwiseGeneric computes m ≥ 1 pixels. For every pixel i and channel c,
//
//	sum = w[c]
//	for s, at := range p.Segments {
//		sum += src[i*SrcStride+at+c] * w[(1+s)*Channels+c]
//	}
//	dst[i*DstStride+c] = p.Epilogue.Apply(sum, res[i*ResStride+c])
//
// A nil res adds nothing; one may overlap dst only if it is dst. No float is read or
// written but those that the loop names. What a pixel comes to does not depend on m.
func DepthwiseGeneric(p *Depthwise, m int, dst, src, w, res []float32) {
	p.check(m, dst, src, w, res)
	p.channels(0, m, dst, src, w, res)
}

// channels computes the channels from first on, some at a time: their sums are kept
// apart from dst, which may hold the residual.
func (p *Depthwise) channels(first, m int, dst, src, w, res []float32) {
	var buf [64]float32
	for i := range m {
		for from := first; from < p.Channels; from += len(buf) {
			sums := buf[:min(len(buf), p.Channels-from)]
			copy(sums, w[from:])
			for s, at := range p.Segments {
				x := src[i*p.SrcStride+at+from:][:len(sums)]
				ws := w[(1+s)*p.Channels+from:][:len(sums)]
				for c := range sums {
					sums[c] += x[c] * ws[c]
				}
			}
			for c, sum := range sums {
				if to := &dst[i*p.DstStride+from+c]; res == nil {
					*to = p.Act.Apply(sum)
				} else {
					*to = p.Apply(sum, res[i*p.ResStride+from+c])
				}
			}
		}
	}
}
