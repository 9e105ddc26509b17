package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// normRoundings is how many roundings of |s*weight| + |bias| a LayerNorm may err by.
const normRoundings = 6

// A lineCase is m rows of values of that mean and standard deviation.
type lineCase struct {
	m, channels, gap int
	mean, deviation  float64
	inPlace          bool
	seed             uint64
	memory           memory
}

// lines are what a lineCase is computed in, and what was there before.
type lines struct {
	src, dst, x, before  []float32
	srcStride, dstStride int
	slice                func(what string, n int) []float32 // as memory.slices has it
	check                func()
}

func (c lineCase) lines(t testing.TB, stream uint64) *lines {
	t.Helper()
	w := &lines{srcStride: c.channels + c.gap, dstStride: c.channels + c.gap/2}
	w.slice, w.check = c.memory.slices(t, rand.New(rand.NewPCG(c.seed, stream)))
	w.src = w.slice("src", (c.m-1)*w.srcStride+c.channels)
	for i := range w.src {
		w.src[i] = float32(c.mean + c.deviation*float64(w.src[i]))
	}
	w.dst = w.src
	if c.inPlace {
		w.dstStride = w.srcStride
	} else {
		w.dst = w.slice("dst", (c.m-1)*w.dstStride+c.channels)
	}
	w.x, w.before = slices.Clone(w.src), slices.Clone(w.dst)
	return w
}

// checkBetween fails the test where something between two rows was written.
func (c lineCase) checkBetween(t testing.TB, w *lines, v *Variant) {
	t.Helper()
	for i := range c.m - 1 {
		for at := i*w.dstStride + c.channels; at < (i+1)*w.dstStride; at++ {
			if w.dst[at] != w.before[at] {
				t.Fatalf("%s: %+v: wrote between rows %d and %d", v.Name, c, i, i+1)
			}
		}
	}
}

// A layerNormCase is a call of LayerNorm.
type layerNormCase struct {
	lineCase
	eps float64
}

func (c layerNormCase) test(t testing.TB, v *Variant) {
	t.Helper()
	w := c.lines(t, 9)
	weight, bias := w.slice("weight", c.channels), w.slice("bias", c.channels)
	l := &LayerNorm{Channels: c.channels, SrcStride: w.srcStride, DstStride: w.dstStride, Eps: c.eps}
	v.LayerNorm(l, c.m, w.dst, w.src, weight, bias)
	w.check()
	for i := range c.m {
		pixel := w.x[i*l.SrcStride:][:c.channels]
		for ch, want := range normalised(pixel, c.eps) {
			s := sum{}
			s.add(want * float64(weight[ch]))
			s.add(float64(bias[ch]))
			if err := s.near(w.dst[i*l.DstStride+ch], normRoundings); err != nil {
				t.Fatalf("%s: %+v: pixel %d channel %d: %v", v.Name, c, i, ch, err)
			}
		}
	}
	c.checkBetween(t, w, v)
}

// normalised returns (x-mean)/sqrt(variance+eps): sums of differences from one of the
// values, of which float64 loses nothing that a float32 would show.
func normalised(x []float32, eps float64) []float64 {
	n, shift := float64(len(x)), float64(x[0])
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += (float64(v) - shift) / n
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v) - shift - mean
		variance += out[i] * out[i] / n
	}
	for i := range out {
		out[i] /= math.Sqrt(variance + eps)
	}
	return out
}

func TestLayerNorm(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for _, channels := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 96, 97, 768, 1023} {
			for _, values := range [][3]float64{ // mean, deviation, eps
				{0, 1, 1e-6}, {3, 0.1, 1e-5}, {-1000, 1, 1e-6}, {1 << 18, 1, 1e-12}, {1, 0, 1e-6}, {0, 0x1p-60, 0x1p-140}, {0, 0x1p90, 1e-6},
			} {
				for memory := range memories {
					seed++
					layerNormCase{
						lineCase{1 + int(seed%4), channels, int(seed % 7), values[0], values[1], seed%2 == 0, seed, memory}, values[2],
					}.test(t, v)
				}
			}
		}
	})
}

// TestLayerNormOfOneValue: what the bound of roundings says for a pixel without variance
// is that its normalised values are zero.
func TestLayerNormOfOneValue(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, value := range []float32{0, 1, -0.3, 12345.678} {
			const n = 29
			src, weight, bias, dst := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range n {
				src[i], weight[i], bias[i] = value, 1, float32(i)
			}
			v.LayerNorm(&LayerNorm{Channels: n, Eps: 1e-6}, 1, dst, src, weight, bias)
			for i, got := range dst {
				if math.Abs(float64(got-bias[i])) > 1e-6*max(1, float64(bias[i])) {
					t.Errorf("%v everywhere: channel %d is %v, want its bias %v", value, i, got, bias[i])
				}
			}
		}
	})
}

// TestLayerNormSpecials: a NaN or an infinity makes NaNs of its whole pixel, and of no
// other.
func TestLayerNormSpecials(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, special := range specials[:3] {
			for _, channels := range []int{3, 8, 21, 40} {
				r := rand.New(rand.NewPCG(2, 2))
				src, dst := make([]float32, 3*channels), make([]float32, 3*channels)
				weight, bias := make([]float32, channels), make([]float32, channels)
				fill(src, r)
				fill(weight, r)
				fill(bias, r)
				src[channels+r.IntN(channels)] = special
				v.LayerNorm(&LayerNorm{Channels: channels, SrcStride: channels, DstStride: channels, Eps: 1e-6}, 3, dst, src, weight, bias)
				for i, x := range dst {
					if isNaN := x != x; isNaN != (i/channels == 1) {
						t.Errorf("%v in pixel 1 of %d channels: pixel %d channel %d is %v", special, channels, i/channels, i%channels, x)
					}
				}
			}
		}
	})
}

func TestLayerNormContract(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	everyVariant(t, func(t *testing.T, v *Variant) {
		l := &LayerNorm{Channels: 5, SrcStride: 6, DstStride: 7, Eps: 1}
		for name, call := range map[string]func(){
			"no pixel":     func() { v.LayerNorm(l, 0, f(12), f(11), f(5), f(5)) },
			"no channel":   func() { v.LayerNorm(&LayerNorm{}, 1, f(12), f(11), f(5), f(5)) },
			"short dst":    func() { v.LayerNorm(l, 2, f(11), f(11), f(5), f(5)) },
			"short src":    func() { v.LayerNorm(l, 2, f(12), f(10), f(5), f(5)) },
			"short weight": func() { v.LayerNorm(l, 2, f(12), f(11), f(4), f(5)) },
			"short bias":   func() { v.LayerNorm(l, 2, f(12), f(11), f(5), f(4)) },
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

func FuzzLayerNorm(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(1), int16(3))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, gap uint8, mean int16) {
		for _, v := range Variants() {
			layerNormCase{lineCase{1 + int(m)%9, 1 + int(channels), int(gap) % 5, float64(mean), 1, gap&64 != 0, seed, amongGuards}, 1e-6}.test(t, v)
		}
	})
}

func BenchmarkLayerNorm(b *testing.B) {
	for _, v := range Variants() {
		for _, channels := range []int{40, 96, 384, 768} {
			b.Run(fmt.Sprintf("%d/%s", channels, v.Name), func(b *testing.B) {
				const m = 14
				l := &LayerNorm{Channels: channels, SrcStride: channels, DstStride: channels, Eps: 1e-6}
				src, dst, w := make([]float32, m*channels), make([]float32, m*channels), make([]float32, channels)
				fill(src, rand.New(rand.NewPCG(1, 1)))
				for b.Loop() {
					v.LayerNorm(l, m, dst, src, w, w)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*m*channels), "ns/value")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
