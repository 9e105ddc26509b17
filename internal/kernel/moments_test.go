package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A momentsCase is a call of Moments.
type momentsCase struct{ lineCase }

func (c momentsCase) test(t testing.TB, v *Variant) {
	t.Helper()
	c.inPlace = true // which spares the rows of an output
	w := c.lines(t, 12)
	dst := w.slice("moments", 2*c.m)
	v.Moments(&Runs{Floats: c.channels, Stride: w.srcStride}, c.m, dst, w.src)
	w.check()
	for i := range c.m {
		x := w.x[i*w.srcStride:][:c.channels]
		mean, deviation := moments(x)
		for j, want := range []float64{mean, deviation} {
			// Differences from a mean that is large lose what float64 rounds of it.
			if got := float64(dst[2*i+j]); math.Abs(got-want) > 0x1p-23*math.Abs(want)+0x1p-48*math.Abs(mean)+0x1p-149 {
				t.Fatalf("%s: %+v: run %d: moment %d is %v, want %v", v.Name, c, i, j, got, want)
			}
		}
	}
}

// moments returns mean and standard deviation, of differences from one of the values.
func moments(x []float32) (mean, deviation float64) {
	n, shift := float64(len(x)), float64(x[0])
	for _, v := range x {
		mean += (float64(v) - shift) / n
	}
	for _, v := range x {
		d := float64(v) - shift - mean
		deviation += d * d / n
	}
	return shift + mean, math.Sqrt(deviation)
}

func TestMoments(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for _, floats := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 97, 768, 1023} {
			for _, values := range [][2]float64{{0, 1}, {3, 0.1}, {-1000, 1}, {1 << 18, 1}, {1, 0}, {0, 0x1p-60}, {0, 0x1p90}} {
				for memory := range memories {
					seed++
					momentsCase{lineCase{m: 1 + int(seed%4), channels: floats, gap: int(seed % 7), mean: values[0], deviation: values[1], seed: seed, memory: memory}}.test(t, v)
				}
			}
		}
	})
}

// TestMomentsSpecials: a NaN or an infinity spoils the moments of its run, and of no other.
func TestMomentsSpecials(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, special := range specials[:3] {
			for _, floats := range []int{3, 8, 21, 40} {
				r := rand.New(rand.NewPCG(2, 2))
				src, dst := make([]float32, 3*floats), make([]float32, 6)
				fill(src, r)
				src[floats+r.IntN(floats)] = special
				v.Moments(&Runs{floats, floats}, 3, dst, src)
				for i, x := range dst {
					if finite := x-x == 0; finite != (i/2 != 1) {
						t.Errorf("%v in run 1 of %d floats: moment %d of run %d is %v", special, floats, i%2, i/2, x)
					}
				}
			}
		}
	})
}

// TestJoinMoments: runs have the moments of all that they are made of.
func TestJoinMoments(t *testing.T) {
	const runs, floats = 7, 30
	src, pairs := make([]float32, runs*floats), make([]float32, 2*runs)
	r := rand.New(rand.NewPCG(3, 3))
	for i := range src {
		src[i] = float32(100 + float64(i/floats) + r.NormFloat64())
	}
	MomentsGeneric(&Runs{floats, floats}, runs, pairs, src)
	mean, variance := JoinMoments(pairs)
	wantMean, wantDeviation := moments(src)
	if math.Abs(mean/wantMean-1) > 1e-7 || math.Abs(math.Sqrt(variance)/wantDeviation-1) > 1e-6 {
		t.Errorf("mean %v and deviation %v, want %v and %v", mean, math.Sqrt(variance), wantMean, wantDeviation)
	}
}

func TestMomentsContract(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	everyVariant(t, func(t *testing.T, v *Variant) {
		r := &Runs{Floats: 5, Stride: 6}
		for name, call := range map[string]func(){
			"no run":    func() { v.Moments(r, 0, f(4), f(11)) },
			"no float":  func() { v.Moments(&Runs{}, 1, f(4), f(11)) },
			"short dst": func() { v.Moments(r, 2, f(3), f(11)) },
			"short src": func() { v.Moments(r, 2, f(4), f(10)) },
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

func FuzzMoments(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(1), int16(3))
	f.Fuzz(func(t *testing.T, seed uint64, m, floats, gap uint8, mean int16) {
		for _, v := range Variants() {
			momentsCase{lineCase{m: 1 + int(m)%9, channels: 1 + int(floats), gap: int(gap) % 5, mean: float64(mean), deviation: 1, seed: seed, memory: amongGuards}}.test(t, v)
		}
	})
}

func BenchmarkMoments(b *testing.B) {
	for _, v := range Variants() {
		for _, floats := range []int{64, 3584} {
			b.Run(fmt.Sprintf("%d/%s", floats, v.Name), func(b *testing.B) {
				const m = 14
				src, dst := make([]float32, m*floats), make([]float32, 2*m)
				fill(src, rand.New(rand.NewPCG(1, 1)))
				for b.Loop() {
					v.Moments(&Runs{floats, floats}, m, dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*m*floats), "ns/value")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
