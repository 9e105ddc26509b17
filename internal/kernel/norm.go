package kernel

import (
	"fmt"
	"math"
)

// A LayerNorm describes rows of pixels whose channels are normalised.
type LayerNorm struct {
	// Channels is the number of channels.
	Channels int
	// SrcStride and DstStride lead from one pixel to the next, in floats.
	SrcStride, DstStride int
	// Eps is added to the variance.
	Eps float64
}

// check panics where the slices of a call are too short for it: an error of the
// caller.
func (l *LayerNorm) check(m int, dst, src, weight, bias []float32) {
	checkPixels("layer norm", m, l.Channels, []int{0}, l.Channels, l.SrcStride, len(src))
	checkRows("layer norm", m, l.Channels, l.DstStride, 0, dst, nil)
	if l.Channels > len(weight) || l.Channels > len(bias) {
		panic(fmt.Sprintf("kernel: layer norm: %d weights and %d biases, %d are read", len(weight), len(bias), l.Channels))
	}
}

// LayerNormGeneric normalises m ≥ 1 pixels. For every pixel i, in float64,
//
//	x = src[i*SrcStride:][:Channels]
//	mean = sum(x) / Channels
//	variance = sum((x-mean)²) / Channels
//	for c := range Channels {
//		dst[i*DstStride+c] = (x[c]-mean)/sqrt(variance+Eps)*weight[c] + bias[c]
//	}
//
// src may overlap dst only if it is dst. No float is read or written but those that the
// loop names. What a pixel comes to does not depend on m.
//
// Variants sum in float64 too, so that nothing of a mean that is large beside the variance
// is lost, and compute in float32 after that. With s for (x[c]-mean)/sqrt(variance+Eps),
// they err by at most six roundings to float32 of |s*weight[c]| + |bias[c]|, where the root
// of variance+Eps lies between 2^-100 and 2^100 and is no less than 2^-20 of the mean.
func LayerNormGeneric(l *LayerNorm, m int, dst, src, weight, bias []float32) {
	l.check(m, dst, src, weight, bias)
	n := float64(l.Channels)
	for i := range m {
		x, out := src[i*l.SrcStride:][:l.Channels], dst[i*l.DstStride:][:l.Channels]
		mean, variance := 0.0, 0.0
		for _, v := range x {
			mean += float64(v)
		}
		mean /= n
		for _, v := range x {
			d := float64(v) - mean
			variance += d * d
		}
		scale := 1 / math.Sqrt(variance/n+l.Eps)
		for c, v := range x {
			out[c] = float32((float64(v)-mean)*scale)*weight[c] + bias[c]
		}
	}
}
