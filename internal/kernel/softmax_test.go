package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A softmaxCase is a call of Softmax.
type softmaxCase struct {
	lineCase
	scale float32
}

func (c softmaxCase) test(t testing.TB, v *Variant) {
	t.Helper()
	w := c.lines(t, 11)
	s := &Softmax{Channels: c.channels, SrcStride: w.srcStride, DstStride: w.dstStride, Scale: c.scale}
	v.Softmax(s, c.m, w.dst, w.src)
	w.check()
	for i := range c.m {
		row := w.x[i*s.SrcStride:][:c.channels]
		most, sum := float64(slices.Max(row)), 0.0
		for _, x := range row {
			sum += math.Exp(float64(c.scale) * (float64(x) - most))
		}
		for ch, x := range row {
			y := float64(c.scale) * (float64(x) - most)
			want, got := math.Exp(y)/sum, float64(w.dst[i*s.DstStride+ch])
			roundings := 10 - 2*y + float64(c.channels)/8
			if !(math.Abs(got-want) <= roundings*0x1p-24*want+0x1p-140) {
				t.Fatalf("%s: %+v: row %d value %d: %v, want %v within %.0f roundings", v.Name, c, i, ch, got, want, roundings)
			}
		}
	}
	c.checkBetween(t, w, v)
}

func TestSoftmax(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for _, channels := range []int{1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 49, 50, 196, 197, 577} {
			for _, values := range [][3]float64{ // mean, deviation, scale
				{0, 1, 1}, {3, 10, 0.125}, {-1000, 1, 1}, {1000, 1, 1}, {0, 200, 1}, {-5, 0, 1}, {0, 0x1p60, 0x1p-60}, {0, 1, 0},
			} {
				for memory := range memories {
					seed++
					softmaxCase{
						lineCase{1 + int(seed%4), channels, int(seed % 7), values[0], values[1], seed%2 == 0, seed, memory}, float32(values[2]),
					}.test(t, v)
				}
			}
		}
	})
}

// TestSoftmaxSpecials: a NaN or an infinity makes NaNs of its row and of no other; values
// of minus infinity have no share.
func TestSoftmaxSpecials(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, special := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, channels := range []int{3, 8, 21, 40} {
				r := rand.New(rand.NewPCG(2, 2))
				src, dst := make([]float32, 3*channels), make([]float32, 3*channels)
				fill(src, r)
				at := channels + r.IntN(channels)
				src[at] = special
				v.Softmax(&Softmax{Channels: channels, SrcStride: channels, DstStride: channels, Scale: 0.5}, 3, dst, src)
				for i, x := range dst {
					if wantNaN := special != float32(math.Inf(-1)) && i/channels == 1; (x != x) != wantNaN {
						t.Errorf("%v in row 1 of %d: row %d value %d is %v", special, channels, i/channels, i%channels, x)
					}
				}
				if special < 0 && dst[at] != 0 {
					t.Errorf("the share of %v is %v", special, dst[at])
				}
			}
		}
	})
}

func TestSoftmaxContract(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	everyVariant(t, func(t *testing.T, v *Variant) {
		s := &Softmax{Channels: 5, SrcStride: 6, DstStride: 7, Scale: 1}
		for name, call := range map[string]func(){
			"no row":    func() { v.Softmax(s, 0, f(12), f(11)) },
			"no value":  func() { v.Softmax(&Softmax{}, 1, f(12), f(11)) },
			"short dst": func() { v.Softmax(s, 2, f(11), f(11)) },
			"short src": func() { v.Softmax(s, 2, f(12), f(10)) },
		} {
			t.Run(name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				call()
			})
		}
	})
}

func FuzzSoftmax(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(1), int16(3))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, gap uint8, mean int16) {
		for _, v := range Variants() {
			softmaxCase{lineCase{1 + int(m)%9, 1 + int(channels), int(gap) % 5, float64(mean), 3, gap&64 != 0, seed, amongGuards}, 0.7}.test(t, v)
		}
	})
}

func BenchmarkSoftmax(b *testing.B) {
	for _, v := range Variants() {
		for _, channels := range []int{49, 197, 577} {
			b.Run(fmt.Sprintf("%d/%s", channels, v.Name), func(b *testing.B) {
				const m = 28
				s := &Softmax{Channels: channels, SrcStride: channels, DstStride: channels, Scale: 0.125}
				src, dst := make([]float32, m*channels), make([]float32, m*channels)
				fill(src, rand.New(rand.NewPCG(1, 1)))
				for b.Loop() {
					v.Softmax(s, m, dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*m*channels), "ns/value")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
