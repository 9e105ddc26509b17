package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMaxPool(t *testing.T) {
	testPool(t, func(v *Variant) poolFunc { return v.MaxPool }, func(x []float32, _ float64) float32 {
		best := x[0]
		for _, x := range x {
			if x != x || best != best {
				return float32(math.NaN())
			}
			if x > best {
				best = x
			}
		}
		return best
	})
}

// TestAvgPool: float64 sums in the order of the segments, so every variant comes to
// the same bits.
func TestAvgPool(t *testing.T) {
	testPool(t, func(v *Variant) poolFunc { return v.AvgPool }, func(x []float32, divisor float64) float32 {
		sum := 0.0
		for _, x := range x {
			sum += float64(x)
		}
		return float32(sum / divisor)
	})
}

// TestNormPool: squares are exact in float64, so every variant comes to the same bits.
func TestNormPool(t *testing.T) {
	testPool(t, func(v *Variant) poolFunc { return v.NormPool }, func(x []float32, _ float64) float32 {
		sum := 0.0
		for _, x := range x {
			sum += float64(x) * float64(x)
		}
		return float32(math.Sqrt(sum))
	})
}

type poolFunc = func(p *Pool, m int, dst, src []float32)

// testPool compares a pooling with want, which is given the values of one window.
func testPool(t *testing.T, pool func(v *Variant) poolFunc, want func(x []float32, divisor float64) float32) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		r := rand.New(rand.NewPCG(1, 3))
		for _, m := range []int{1, 2, 5} {
			for _, channels := range []int{1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 64, 97} {
				for _, taps := range []int{1, 2, 9} {
					for memory := range memories {
						slice, check := memory.slices(t, r)
						p := &Pool{Channels: channels, SrcStride: 2 * channels, DstStride: channels + 1, Divisor: float64(taps)}
						far := 0
						for range taps {
							at := r.IntN(5 * channels)
							p.Segments, far = append(p.Segments, at), max(far, at)
						}
						src, dst := slice("src", (m-1)*p.SrcStride+far+channels), slice("dst", (m-1)*p.DstStride+channels)
						for i := range src {
							if r.IntN(20) == 0 {
								src[i] = specials[r.IntN(len(specials))]
							}
						}
						wants := append([]float32(nil), dst...)
						window := make([]float32, taps)
						for i := range m {
							for c := range channels {
								for tap, at := range p.Segments {
									window[tap] = src[i*p.SrcStride+at+c]
								}
								wants[i*p.DstStride+c] = want(window, p.Divisor)
							}
						}
						pool(v)(p, m, dst, src)
						check()
						for i := range dst {
							if !same(dst[i], wants[i]) {
								t.Fatalf("m=%d channels=%d taps=%d: at %d: got %v, want %v", m, channels, taps, i, dst[i], wants[i])
							}
						}
					}
				}
			}
		}
	})
}

func TestPoolContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for name, pool := range map[string]poolFunc{"max": v.MaxPool, "average": v.AvgPool, "norm": v.NormPool} {
			for _, tt := range []struct {
				name     string
				m        int
				dst, src int
				segment  int
			}{
				{"no window", 0, 20, 40, 5}, {"short dst", 2, 19, 40, 5}, {"short src", 2, 20, 34, 5}, {"negative segment", 2, 20, 40, -1},
			} {
				t.Run(name+", "+tt.name, func(t *testing.T) {
					defer func() {
						if recover() == nil {
							t.Error("no panic")
						}
					}()
					p := &Pool{Segments: []int{0, tt.segment}, Channels: 10, SrcStride: 20, DstStride: 10, Divisor: 2}
					pool(p, tt.m, make([]float32, tt.dst), make([]float32, tt.src))
				})
			}
		}
	})
}

func BenchmarkPool(b *testing.B) {
	for _, v := range Variants() {
		for name, pool := range map[string]poolFunc{"max": v.MaxPool, "average": v.AvgPool, "norm": v.NormPool} {
			b.Run(name+"/"+v.Name, func(b *testing.B) {
				const channels, width, m = 64, 114, 56
				p := &Pool{Channels: channels, SrcStride: 2 * channels, DstStride: channels, Divisor: 9}
				for tap := range 9 {
					p.Segments = append(p.Segments, (tap/3*width+tap%3)*channels)
				}
				src, dst := make([]float32, 3*width*channels), make([]float32, m*channels)
				for b.Loop() {
					pool(p, m, dst, src)
				}
				b.ReportMetric(float64(9*4*len(dst))*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GB/s")
			})
		}
	}
}
