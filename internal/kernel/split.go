package kernel

import "math"

// Split float32: x is taken for high + low, where high is x rounded to bf16 and low is
// what that leaves, rounded too. What both together miss is at most 2^-17 of x, and the
// product of the low parts of two numbers, which is left out, is at most 2^-16 of theirs:
// three products of bf16 come within 2^-15 of the one that they stand for, as a rule much
// nearer, with errors of either sign.

// RoundSplitGeneric splits m ≥ 1 pixels: what RoundBF16Generic does, and for every pixel
// i and even channel c, where a0 and a1 are the numbers of dst[i*DstStride+c/2],
//
//	dst[i*DstStride+Low+c/2] = MakePair(src[i*SrcStride+c]-a0, src[i*SrcStride+c+1]-a1)
//
// An infinity, or what is rounded to one, has a NaN for its low part.
func RoundSplitGeneric(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, r.Low, dst, src)
	for i := range m {
		x, out := src[i*r.SrcStride:][:r.Channels], dst[i*r.DstStride:]
		for c := 0; c < len(x); c += 2 {
			var next float32
			if c+1 < len(x) {
				next = x[c+1]
			}
			high := MakePair(x[c], next)
			a0, a1 := high.Floats()
			out[c/2], out[r.Low+c/2] = high, MakePair(x[c]-a0, next-a1)
		}
	}
}

// PanelSplitGeneric is PanelBF16Generic for split numbers. Low pairs lie rows.Low after
// high ones. w is two packed panels: of the high parts of all weights, then of the low
// parts, whose biases are not read. To each sum are added the products of low and high,
// high and high, and high and low parts.
func PanelSplitGeneric(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32) {
	channels := rows.check(p, genericWidth, rows.Low, dst, len(src), len(w)/2, res)
	low := w[len(w)/2:]
	panelPairs(p, &rows, channels, dst, src, res, func(x []Pair, c int) float32 {
		sum := dot(p, math.Float32frombits(uint32(w[c])), x[rows.Low:], w[c:])
		sum = dot(p, sum, x, w[c:])
		return dot(p, sum, x, low[c:])
	})
}
