package kernel

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/internal/cpu"
)

// levels runs a test at every level of vector instructions that this machine has.
func levels(t *testing.T, f func(t *testing.T)) {
	for l := cpu.Generic; l <= cpu.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			undo, err := cpu.Set(l)
			if err != nil {
				t.Fatal(err)
			}
			defer undo()
			f(t)
		})
	}
}

// guards is how many bytes around a slice of a test must stay as they are.
const guards = 64

// guarded returns n bytes with others around them, and a function that fails the test if
// one of those has changed.
func guarded(t *testing.T, n int, r *rand.Rand) (x []uint8, check func()) {
	all := make([]uint8, n+2*guards)
	for i := range all {
		all[i] = uint8(r.Uint32())
	}
	before, after := bytes.Clone(all[:guards]), bytes.Clone(all[n+guards:])
	return all[guards : guards+n : guards+n], func() {
		t.Helper()
		if !bytes.Equal(before, all[:guards]) || !bytes.Equal(after, all[n+guards:]) {
			t.Fatalf("%d bytes: something around them was written", n)
		}
	}
}

func random(n int, r *rand.Rand) []uint8 {
	x := make([]uint8, n)
	extreme := r.IntN(2) == 0
	for i := range x {
		x[i] = uint8(r.Uint32())
		if extreme {
			x[i] = -(x[i] & 1) // 0 or 255
		}
	}
	return x
}

// same runs two functions on memory of the same content and compares what they leave.
func same(t *testing.T, n int, r *rand.Rand, want, got func(dst []uint8), what ...any) {
	t.Helper()
	a, checkA := guarded(t, n, r)
	b, checkB := guarded(t, n, r)
	copy(b, a)
	want(a)
	got(b)
	checkA()
	checkB()
	if !bytes.Equal(a, b) {
		t.Fatalf("%v: expected % x, found % x", what, a, b)
	}
}

func TestInverse(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for range 20000 {
			var b [64]int16
			// Sparse or full, of a size as in files or any; only in the first row now and then.
			count, limit := 1+r.IntN(64), 1<<(3+r.IntN(14))
			last, rows := 0, 64
			if r.IntN(4) == 0 {
				rows = 8
			}
			for range count {
				i := r.IntN(rows)
				b[i] = int16(r.IntN(limit) - limit/2)
				if i > 0 {
					last = 63
				}
			}
			stride := 8 + r.IntN(20)
			same(t, 7*stride+8, r, func(dst []uint8) { InverseGeneric(&b, last, dst, stride) },
				func(dst []uint8) { Inverse(&b, last, dst, stride) }, b)
		}
	})
}

// Blocks without anything in the first column and row but the first coefficient have one
// level: the transform's constant is exact. Others keep the mean.
func TestInverseLevels(t *testing.T) {
	for dc := -1024; dc < 1024; dc++ {
		var got [64]uint8
		InverseGeneric(&[64]int16{int16(dc)}, 0, got[:], 8)
		want := uint8(min(max((dc+4)>>3+128, 0), 255)) // the mean is dc/8, rounded
		if got != [64]uint8(bytes.Repeat([]uint8{want}, 64)) {
			t.Fatalf("%d: expected all %d, found %d", dc, want, got)
		}
	}
}

func TestChroma(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		for range 2000 {
			n := 3 + r.IntN(150)
			a, b, c := random(n, r), random(n, r), random(n, r)
			same(t, 2*n, r, func(dst []uint8) { WidenGeneric(dst, a) }, func(dst []uint8) { Widen(dst, a) }, n)
			same(t, 2*n, r, func(dst []uint8) { WidenBlendGeneric(dst, a, b) }, func(dst []uint8) { WidenBlend(dst, a, b) }, n)
			same(t, 3*n, r, func(dst []uint8) { YCbCrGeneric(dst, a, b, c) }, func(dst []uint8) { YCbCr(dst, a, b, c) }, n)
			same(t, 3*n, r, func(dst []uint8) { InterleaveGeneric(dst, a, b, c) }, func(dst []uint8) { Interleave(dst, a, b, c) }, n)
		}
	})
}

// All values of luma and chroma there are.
func TestYCbCrAll(t *testing.T) {
	levels(t, func(t *testing.T) {
		y, cb, cr := make([]uint8, 256), make([]uint8, 256), make([]uint8, 256)
		want, got := make([]uint8, 3*256), make([]uint8, 3*256)
		for i := range 256 {
			cr[i] = uint8(i)
		}
		for l := range 256 {
			for b := range 256 {
				for i := range 256 {
					y[i], cb[i] = uint8(l), uint8(b)
				}
				YCbCrGeneric(want, y, cb, cr)
				YCbCr(got, y, cb, cr)
				if !bytes.Equal(want, got) {
					t.Fatalf("y %d, cb %d: other colours", l, b)
				}
			}
		}
	})
}

func taps(in, n, out int, r *rand.Rand) *Taps {
	t := &Taps{N: n, Weights: make([]int32, n*out)}
	for i := range out {
		t.At = append(t.At, int32(i*(in-n)/max(out-1, 1)))
		left := int32(1 << Precision)
		for k := range n - 1 {
			w := int32(r.IntN(1<<Precision)) - 1<<(Precision-2)
			t.Weights[i*n+k] = w
			left -= w
		}
		t.Weights[i*n+n-1] = left
	}
	return t
}

func TestRows(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		for range 2000 {
			in := 1 + r.IntN(70)
			x := taps(in, 1+r.IntN(min(in, 9)), 1+r.IntN(70), r)
			out, rows, gap := len(x.At), 1+r.IntN(10), r.IntN(9)
			from, _ := x.Span()
			src := random(rows*(3*in+gap)+r.IntN(4), r) // sometimes there is room behind it
			stride := 3*out + r.IntN(9)
			same(t, (rows-1)*stride+3*out, r,
				func(dst []uint8) { RowsGeneric(dst, stride, src[3*from:], 3*in+gap, rows, x, from) },
				func(dst []uint8) { Rows(dst, stride, src[3*from:], 3*in+gap, rows, x, from) }, in, x.N, out, rows)
		}
	})
}

func TestColumns(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for range 2000 {
			n, width, gap := 1+r.IntN(9), 1+r.IntN(200), r.IntN(9)
			w := taps(n, n, 1, r).Weights
			src := random((n-1)*(width+gap)+width, r)
			same(t, width, r, func(dst []uint8) { ColumnsGeneric(dst, src, width+gap, w) },
				func(dst []uint8) { Columns(dst, src, width+gap, w) }, n, width)
		}
	})
}

// Sums are rounded, halves up, and held to a byte.
func TestColumnsRounds(t *testing.T) {
	levels(t, func(t *testing.T) {
		const one = 1 << Precision
		for _, tt := range []struct {
			pixel  uint8
			weight int32
			want   uint8
		}{
			{200, one, 200}, {201, one / 2, 101}, {201, one/2 - 1, 100}, {3, one / 2, 2},
			{255, 2 * one, 255}, {255, -one, 0}, {1, -one / 2, 0}, {0, 77, 0},
		} {
			src := bytes.Repeat([]uint8{tt.pixel}, 70)
			for _, n := range []int{1, 70} {
				dst := make([]uint8, n)
				Columns(dst, src, n, []int32{tt.weight})
				if want := bytes.Repeat([]uint8{tt.want}, n); !bytes.Equal(dst, want) {
					t.Errorf("%d * %d: expected %d, found %d", tt.pixel, tt.weight, want[0], dst)
				}
			}
		}
	})
}
