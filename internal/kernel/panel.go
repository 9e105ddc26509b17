package kernel

import "fmt"

// A Panel describes the tiles of one convolution: a tile is a run of pixels of one
// output row, times the output channels of one packed weight panel. It is the same
// for all tiles and is not changed by computing them.
type Panel struct {
	// Segments are the places of the taps: offsets in src, relative to a pixel's
	// first tap. From each, SegmentLen consecutive floats are read.
	Segments   []int
	SegmentLen int
	// SrcStride, DstStride and ResStride lead from one pixel to the next, in floats.
	SrcStride, DstStride, ResStride int
	Epilogue
}

// check returns the channels that a call is about and panics where its slices, of which
// src and w have the given lengths, are too short for it: an error of the caller.
func (p *Panel) check(width, m int, dst []float32, src, w int, res []float32) (channels int) {
	channels = min(len(dst)-(m-1)*p.DstStride, width)
	checkPixels("panel", m, channels, p.Segments, p.SegmentLen, p.SrcStride, src)
	checkRows("panel", m, channels, p.DstStride, p.ResStride, dst, res)
	if need := (p.K() + 1) * width; need > w {
		panic(fmt.Sprintf("kernel: panel: %d packed weights, %d are read", w, need))
	}
	return channels
}

// K returns the length of the sums: the floats that one output value is made of.
func (p *Panel) K() int { return len(p.Segments) * p.SegmentLen }

// PanelGeneric computes m ≥ 1 pixels of up to Width channels: for every pixel i and
// every channel c,
//
//	sum = w[c]
//	for s, at := range p.Segments {
//		for k := range p.SegmentLen {
//			sum += src[i*SrcStride+at+k] * w[(1+s*SegmentLen+k)*Width+c]
//		}
//	}
//	dst[i*DstStride+c] = p.Epilogue.Apply(sum, res[i*ResStride+c])
//
// The number of channels is what dst holds of pixel m-1, at most Width. A nil res
// adds nothing; one may overlap dst only if it is dst. There are at least one
// segment and one float in it, and w is whole: (1+K)*Width floats. No float is read
// or written but those that the loop names. Where m is more than the Pixels of the
// variant, the pixels are computed in tiles of about the same size. What a pixel
// comes to depends neither on m nor on the number of channels.
func PanelGeneric(p *Panel, m int, dst, src, w, res []float32) {
	const width = 8
	channels := p.check(width, m, dst, len(src), len(w), res)
	var sums [2][width]float32
	for i := 0; i < m; i += 2 {
		pair := min(m-i, 2)
		// An odd last pixel is computed twice and stored once.
		a, b := src[i*p.SrcStride:], src[(i+pair-1)*p.SrcStride:]
		for c := 0; c < channels; c += 4 {
			four(p, a, b, w[c:], width, (*[4]float32)(sums[0][c:]), (*[4]float32)(sums[1][c:]))
		}
		for j := range pair {
			out := dst[(i+j)*p.DstStride:][:channels]
			if res == nil {
				for c := range out {
					out[c] = p.Act.Apply(sums[j][c])
				}
				continue
			}
			r := res[(i+j)*p.ResStride:][:channels]
			for c := range out {
				out[c] = p.Apply(sums[j][c], r[c])
			}
		}
	}
}

// four sums four channels of two pixels, which fit the registers of any processor.
func four(p *Panel, a, b, w []float32, width int, x, y *[4]float32) {
	x0, x1, x2, x3 := w[0], w[1], w[2], w[3]
	y0, y1, y2, y3 := x0, x1, x2, x3
	w = w[width:]
	n := p.SegmentLen
	at := 0
	for _, s := range p.Segments {
		as, bs := a[s:][:n], b[s:][:n]
		for k, ak := range as {
			bk := bs[k]
			wk := (*[4]float32)(w[at:])
			x0 += ak * wk[0]
			x1 += ak * wk[1]
			x2 += ak * wk[2]
			x3 += ak * wk[3]
			y0 += bk * wk[0]
			y1 += bk * wk[1]
			y2 += bk * wk[2]
			y3 += bk * wk[3]
			at += width
		}
	}
	*x = [4]float32{x0, x1, x2, x3}
	*y = [4]float32{y0, y1, y2, y3}
}
