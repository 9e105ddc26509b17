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
}

func (r *Rounding) check(m int, dst []Pair, src []float32) {
	checkPixels("rounding", m, r.Channels, []int{0}, r.Channels, r.SrcStride, len(src))
	if need := (m-1)*r.DstStride + (r.Channels+1)/2; need > len(dst) {
		panic(fmt.Sprintf("kernel: rounding: dst of %d pairs, %d are written", len(dst), need))
	}
}

// RoundBF16Generic rounds m ≥ 1 pixels to bf16. For every pixel i and channel c, where
// channel Channels is 0,
//
//	dst[i*DstStride+c/2] = MakePair(src[i*SrcStride+c], src[i*SrcStride+c+1]) // c even
func RoundBF16Generic(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, dst, src)
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

// PanelBF16Generic computes what PanelGeneric does, with products of bf16 numbers
// that are added up in float32. SegmentLen and the offsets in src count pairs, as does
// the packed panel w, whose first row holds the biases as the bits of float32:
//
//	sum = math.Float32frombits(uint32(w[c]))
//	for s, at := range p.Segments {
//		for k := range p.SegmentLen {
//			a0, a1 := src[i*SrcStride+at+k].Floats()
//			b0, b1 := w[(1+s*SegmentLen+k)*Width+c].Floats()
//			sum += a1*b1
//			sum += a0*b0
//		}
//	}
//	dst[i*DstStride+c] = p.Epilogue.Apply(sum, res[i*ResStride+c])
//
// Both products are exact in float32. A sum that is subnormal may count as zero.
func PanelBF16Generic(p *Panel, m int, dst []float32, src, w []Pair, res []float32) {
	const width = 8
	channels := p.check(width, m, dst, len(src), len(w), res)
	for i := range m {
		x := src[i*p.SrcStride:]
		out := dst[i*p.DstStride:][:channels]
		for c := range out {
			sum, ws := math.Float32frombits(uint32(w[c])), w[width+c:]
			for s, at := range p.Segments {
				for k, pair := range x[at:][:p.SegmentLen] {
					a0, a1 := pair.Floats()
					b0, b1 := ws[(s*p.SegmentLen+k)*width].Floats()
					sum += a1 * b1
					sum += a0 * b0
				}
			}
			if res == nil {
				out[c] = p.Act.Apply(sum)
			} else {
				out[c] = p.Apply(sum, res[i*p.ResStride+c])
			}
		}
	}
}
