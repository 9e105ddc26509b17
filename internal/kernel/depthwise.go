package kernel

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

// DepthwiseGeneric computes m pixels. For every pixel i and channel c,
//
//	sum = w[c]
//	for s, at := range p.Segments {
//		sum += src[i*SrcStride+at+c] * w[(1+s)*Channels+c]
//	}
//	dst[i*DstStride+c] = p.Epilogue.Apply(sum, res[i*ResStride+c])
//
// A nil res adds nothing.
func DepthwiseGeneric(p *Depthwise, m int, dst, src, w, res []float32) {
	n := p.Channels
	bias, w := w[:n], w[n:]
	for i := range m {
		out := dst[i*p.DstStride:][:n]
		copy(out, bias)
		for s, at := range p.Segments {
			x := src[i*p.SrcStride+at:][:n]
			ws := w[s*n:][:n]
			for c := range out {
				out[c] += x[c] * ws[c]
			}
		}
		if res == nil {
			for c, sum := range out {
				out[c] = p.Act.Apply(sum)
			}
			continue
		}
		r := res[i*p.ResStride:][:n]
		for c, sum := range out {
			out[c] = p.Apply(sum, r[c])
		}
	}
}
