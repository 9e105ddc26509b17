package kernel

import (
	"fmt"
	"math"
)

// A Pair is two bf16 numbers, of consecutive channels: the first in the lower half. A
// bf16 number is the upper half of a float32.
type Pair uint32

// MakePair rounds a and b to bf16: to the nearest, of two equally near to the even one,
// as PyTorch does. Unlike there a subnormal number becomes a zero of its sign, which is
// what processors do. A NaN stays one.
func MakePair(a, b float32) Pair { return Pair(bf16(a)) | Pair(bf16(b))<<16 }

func bf16(x float32) uint16 {
	const exponent, sign = 0xff << 23, 1 << 31
	bits := math.Float32bits(x)
	switch {
	case x != x:
		return uint16(bits>>16) | 1<<6 // quiet
	case bits&exponent == 0:
		return uint16(bits & sign >> 16)
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Floats returns the numbers of p.
func (p Pair) Floats() (a, b float32) {
	return math.Float32frombits(uint32(p << 16)), math.Float32frombits(uint32(p &^ 0xffff))
}

// A Rounding describes how rows of pixels become pairs.
type Rounding struct {
	// Channels is the number of floats of a pixel; it has (Channels+1)/2 pairs.
	Channels int
	// SrcStride leads from one pixel to the next in floats, DstStride in pairs.
	SrcStride, DstStride int
	// Low leads from the pairs of the rounded numbers to those of what rounding left of
	// them, where they are split.
	Low int
}

func (r *Rounding) check(m, low int, dst []Pair, src []float32) {
	checkPixels("rounding", m, r.Channels, []int{0}, r.Channels, r.SrcStride, len(src))
	if need := (m-1)*r.DstStride + low + (r.Channels+1)/2; low < 0 || need > len(dst) {
		panic(fmt.Sprintf("kernel: rounding: dst of %d pairs, %d are written", len(dst), need))
	}
}

// RoundBF16Generic rounds m ≥ 1 pixels to bf16. For every pixel i and channel c, where
// channel Channels is 0,
//
//	dst[i*DstStride+c/2] = MakePair(src[i*SrcStride+c], src[i*SrcStride+c+1]) // c even
func RoundBF16Generic(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, 0, dst, src)
	for i := range m {
		x, out := src[i*r.SrcStride:][:r.Channels], dst[i*r.DstStride:]
		for c := 0; c+1 < len(x); c += 2 {
			out[c/2] = MakePair(x[c], x[c+1])
		}
		if last := len(x) - 1; last%2 == 0 {
			out[last/2] = MakePair(x[last], 0)
		}
	}
}

// Rows are rows of pixels that are computed at a time.
type Rows struct {
	Count, Pixels int // rows, and pixels of each
	Src, Dst, Res int // lead from one row to the next: in pairs, in floats, in floats
	// Low leads from the pairs of rounded numbers in src to those of what rounding left
	// of them, where they are split.
	Low int
}

// check returns the channels that a call is about; see Panel.check. weights is the
// length of the panel and low that of the way to the low parts.
func (r *Rows) check(p *Panel, width, low int, dst []float32, src, weights int, res []float32) (channels int) {
	last := r.Count - 1
	if last < 0 || r.Src < 0 || r.Dst < 0 || r.Res < 0 || low < 0 {
		panic(fmt.Sprintf("kernel: rows: %+v: expected at least one, and no way back", *r))
	}
	dst = dst[min(last*r.Dst, len(dst)):]
	if res != nil {
		res = res[min(last*r.Res, len(res)):]
	}
	return p.check(width, r.Pixels, dst, src-last*r.Src-low, weights, res)
}

// row returns what belongs to row y.
func (r *Rows) row(p *Panel, y, channels int, dst []float32, src []Pair, res []float32) ([]float32, []Pair, []float32) {
	if res != nil {
		res = res[y*r.Res:]
	}
	return dst[y*r.Dst:][:(r.Pixels-1)*p.DstStride+channels], src[y*r.Src:], res
}

// PanelBF16Generic computes rows of what PanelGeneric computes one of, with products of
// bf16 numbers that are added up in float32. SegmentLen, SrcStride and the offsets in
// src count pairs, as does the packed panel w, whose first row holds the biases as the
// bits of float32: for every row y, pixel i and channel c,
//
//	x := src[y*rows.Src+i*SrcStride:]
//	sum = math.Float32frombits(uint32(w[c]))
//	for s, at := range p.Segments {
//		for k := range p.SegmentLen {
//			a0, a1 := x[at+k].Floats()
//			b0, b1 := w[(1+s*SegmentLen+k)*Width+c].Floats()
//			sum += a1*b1
//			sum += a0*b0
//		}
//	}
//	dst[y*rows.Dst+i*DstStride+c] = p.Epilogue.Apply(sum, res[y*rows.Res+i*ResStride+c])
//
// Both products are exact in float32. A variant may add them up in another order, but
// in the same one for all pixels and channels. A sum that is subnormal may count as
// zero, and a sum of zeros may have either sign.
func PanelBF16Generic(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32) {
	channels := rows.check(p, genericWidth, 0, dst, len(src), len(w), res)
	panelPairs(p, &rows, channels, dst, src, res, func(x []Pair, c int) float32 {
		return dot(p, math.Float32frombits(uint32(w[c])), x, w[c:])
	})
}

const genericWidth = 8

// panelPairs computes rows with sums from sum, for the pairs from the first of a pixel on
// and a channel.
func panelPairs(p *Panel, rows *Rows, channels int, dst []float32, src []Pair, res []float32, sum func(x []Pair, c int) float32) {
	for y := range rows.Count {
		out, x, r := rows.row(p, y, channels, dst, src, res)
		for i := range rows.Pixels {
			for c := range channels {
				s := sum(x[i*p.SrcStride:], c)
				if r == nil {
					out[i*p.DstStride+c] = p.Act.Apply(s)
				} else {
					out[i*p.DstStride+c] = p.Apply(s, r[i*p.ResStride+c])
				}
			}
		}
	}
}

// dot adds to sum the products of the pairs of x with one channel of a panel, of which
// w begins with the bias.
func dot(p *Panel, sum float32, x, w []Pair) float32 {
	w = w[genericWidth:]
	for s, at := range p.Segments {
		for k, pair := range x[at:][:p.SegmentLen] {
			a0, a1 := pair.Floats()
			b0, b1 := w[(s*p.SegmentLen+k)*genericWidth].Floats()
			sum += a1 * b1
			sum += a0 * b0
		}
	}
	return sum
}
