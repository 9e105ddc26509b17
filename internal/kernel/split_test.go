package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// everySplit runs f for each variant that has kernels of split numbers.
func everySplit(t *testing.T, f func(t *testing.T, v *Variant)) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		if v.PanelSplit != nil {
			f(t, v)
		}
	})
}

func TestRoundSplit(t *testing.T) {
	everySplit(t, func(t *testing.T, v *Variant) {
		for channels := 1; channels <= 131; channels++ {
			for memory := range memories {
				roundingCase(t, v, 1+channels%5, channels, channels%3, uint64(channels), memory, true)
			}
		}
	})
}

// TestSplitMissesLittle: the parts of a number are within 2^-17 of it, or 2^-126 where
// the low one is subnormal.
func TestSplitMissesLittle(t *testing.T) {
	everySplit(t, func(t *testing.T, v *Variant) {
		r := rand.New(rand.NewPCG(6, 6))
		p := &Rounding{Channels: 1, SrcStride: 1, DstStride: 1, Low: 1}
		for range 20000 {
			x := math.Float32frombits(r.Uint32())
			if a := math.Abs(float64(x)); x != x || a > 0x1.fep127 {
				continue
			}
			pairs := make([]Pair, 2)
			v.RoundSplit(p, 1, pairs, []float32{x})
			high, _ := pairs[0].Floats()
			low, _ := pairs[1].Floats()
			if d := math.Abs(float64(high) + float64(low) - float64(x)); d > 0x1p-17*math.Abs(float64(x)) && d > 0x1p-126 {
				t.Fatalf("%v is split into %v and %v, which misses %.3g of it", x, high, low, d/math.Abs(float64(x)))
			}
		}
	})
}

func TestPanelSplit(t *testing.T) {
	everySplit(t, func(t *testing.T, v *Variant) { testPanels(t, v, true) })
}

// TestRowsEqualRowByRow: rows at a time come to what each comes to alone, and nothing
// between them is written.
func TestRowsEqualRowByRow(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		for seed := range uint64(400) {
			r := rand.New(rand.NewPCG(seed, 8))
			rows := Rows{Count: 1 + r.IntN(9), Pixels: 1 + r.IntN(20)}
			if seed%8 == 0 {
				rows.Pixels += r.IntN(50)
			}
			channels, length := 1+r.IntN(v.Width), 1+r.IntN(40)
			p := &Panel{
				SegmentLen: length, SrcStride: 1 + r.IntN(3*length), DstStride: channels + r.IntN(3), ResStride: channels + r.IntN(3),
				Epilogue: Epilogue{Act: acts[r.IntN(len(acts))].act, ActLast: r.IntN(2) == 0},
			}
			for range 1 + r.IntN(3) {
				p.Segments = append(p.Segments, r.IntN(2*length))
			}
			rows.Src = (rows.Pixels+r.IntN(3))*p.SrcStride + r.IntN(2)*r.IntN(3)
			rows.Dst = (rows.Pixels+r.IntN(3))*p.DstStride + r.IntN(3)
			rows.Res = (rows.Pixels+r.IntN(3))*p.ResStride + r.IntN(3)
			for memory := range memories {
				rowsCase(t, v, p, rows, channels, r, memory, false)
				if v.PanelSplit != nil {
					rowsCase(t, v, p, rows, channels, r, memory, true)
				}
			}
		}
	})
}

func rowsCase(t *testing.T, v *Variant, p *Panel, rows Rows, channels int, r *rand.Rand, memory memory, split bool) {
	t.Helper()
	slice, check := memory.slices(t, r)
	last := rows.Count - 1
	n := last*rows.Src + (rows.Pixels-1)*p.SrcStride + slices.Max(p.Segments) + p.SegmentLen
	compute, parts := v.PanelBF16, 1
	if split {
		compute, parts, rows.Low = v.PanelSplit, 2, n+r.IntN(3)
	}
	src, w := pairsIn(slice("src", rows.Low+n)), pairsIn(slice("weights", parts*(1+p.K())*v.Width))
	for _, pairs := range [][]Pair{src, w} {
		for i := range pairs {
			pairs[i] = MakePair(float32(r.NormFloat64()), float32(r.NormFloat64()))
		}
	}
	dst := slice("dst", last*rows.Dst+(rows.Pixels-1)*p.DstStride+channels)
	var res []float32
	if r.IntN(2) == 0 {
		res = slice("residual", last*rows.Res+(rows.Pixels-1)*p.ResStride+channels)
	}
	want := slices.Clone(dst)
	for y := range rows.Count {
		row := Rows{Count: 1, Pixels: rows.Pixels, Low: rows.Low}
		var from []float32
		if res != nil {
			from = res[y*rows.Res:]
		}
		compute(p, row, want[y*rows.Dst:][:(rows.Pixels-1)*p.DstStride+channels], src[y*rows.Src:], w, from)
	}
	compute(p, rows, dst, src, w, res)
	check()
	if i := firstDifference(dst, want); i >= 0 {
		t.Fatalf("%s: %+v of %+v, %d channels: float %d is %v, row by row %v", v.Name, rows, *p, channels, i, dst[i], want[i])
	}
}

// firstDifference returns the first i where a[i] is not b[i], or -1.
func firstDifference(a, b []float32) int {
	for i := range a {
		if !same(a[i], b[i]) {
			return i
		}
	}
	return -1
}

// TestPanelRowsContract: rows that are not there, and slices that are too short for them, are
// an error of the caller.
func TestPanelRowsContract(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		p := &Panel{Segments: []int{0, 4}, SegmentLen: 3, SrcStride: 5, DstStride: 4, ResStride: 4, Epilogue: Epilogue{Act: ReLU}}
		rows := Rows{Count: 3, Pixels: 2, Src: 20, Dst: 9, Res: 10, Low: 60}
		pairs := func(n int) []Pair { return make([]Pair, n) }
		f := func(n int) []float32 { return make([]float32, n) }
		weights := 7 * v.Width
		none, back, high := rows, rows, rows
		none.Count, back.Src, high.Low = 0, -1, -1
		for _, tt := range []struct {
			rows                   Rows
			dst, src, weights, res int
		}{
			{none, 25, 112, weights, 27}, {back, 25, 112, weights, 27}, {rows, 18, 112, weights, 27}, {rows, 25, 51, weights, 27},
			{rows, 25, 112, weights - 1, 27}, {rows, 25, 112, weights, 26},
			{high, 25, 112, 2 * weights, 27}, {rows, 25, 111, 2 * weights, 27}, {rows, 25, 112, 2*weights - 1, 27},
		} {
			t.Run(fmt.Sprint(tt), func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				if compute := v.PanelBF16; tt.weights < 2*weights-1 {
					compute(p, tt.rows, f(tt.dst), pairs(tt.src), pairs(tt.weights), f(tt.res))
				} else if compute = v.PanelSplit; compute != nil {
					compute(p, tt.rows, f(tt.dst), pairs(tt.src), pairs(tt.weights), f(tt.res))
				} else {
					panic("nothing to test")
				}
			})
		}
	})
}
