package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A panelCase is a call of Panel on random data.
type panelCase struct {
	m, channels, segments, length int
	gap                           int // between the pixels of src, dst and residual
	res                           residualKind
	act                           Act
	last                          bool
	seed                          uint64
	memory                        memory
}

type residualKind int

const (
	noResidual residualKind = iota
	ownResidual
	sameAsDst // the residual is what dst held before
	residuals
)

func (c panelCase) String() string {
	return fmt.Sprintf("m=%d channels=%d segments=%dx%d gap=%d res=%d slope=%v max=%v last=%v", c.m, c.channels, c.segments, c.length, c.gap, c.res, c.act.Slope, c.act.Max, c.last)
}

// panelData is what a call works on.
type panelData struct {
	p             *Panel
	dst, src, res []float32
	bias, weights []float32 // of channel c for input i: weights[c*K+i]
	packed        []float32
	check         func()
}

func (c panelCase) data(t testing.TB, v *Variant) *panelData {
	r := rand.New(rand.NewPCG(c.seed, 1))
	p := &Panel{SegmentLen: c.length, Epilogue: Epilogue{Act: c.act, ActLast: c.last}}
	p.SrcStride, p.DstStride, p.ResStride = c.length+c.gap, c.channels+c.gap, c.channels+2*c.gap
	far := 0
	for range c.segments {
		at := r.IntN(3 * (c.length + 1))
		p.Segments, far = append(p.Segments, at), max(far, at)
	}
	d := &panelData{p: p}
	slice, check := c.memory.slices(t, r)
	d.check = check
	d.src = slice("src", (c.m-1)*p.SrcStride+far+c.length)
	d.dst = slice("dst", (c.m-1)*p.DstStride+c.channels)
	d.bias, d.weights = make([]float32, c.channels), make([]float32, c.channels*p.K())
	fill(d.bias, r)
	fill(d.weights, r)
	packed := packPanel(v.Width, c.channels, p.K(),
		func(ch int) float32 { return d.bias[ch] },
		func(ch, i int) float32 { return d.weights[ch*p.K()+i] })
	d.packed = slice("weights", len(packed))
	copy(d.packed, packed)
	switch c.res {
	case ownResidual:
		d.res = slice("residual", (c.m-1)*p.ResStride+c.channels)
	case sameAsDst:
		p.ResStride, d.res = p.DstStride, d.dst
	}
	return d
}

// packPanel packs the weights of up to width output channels: first their biases,
// then for each of the k inputs the weights of all channels, zeros for the
// channels that are not there. Weight returns the weight of channel c for input i,
// in the order of Panel.Segments.
func packPanel(width, channels, k int, bias func(c int) float32, weight func(c, i int) float32) []float32 {
	w := make([]float32, (k+1)*width)
	for c := range channels {
		w[c] = bias(c)
		for i := range k {
			w[(i+1)*width+c] = weight(c, i)
		}
	}
	return w
}

// want computes one value in float64.
func (d *panelData) want(i, ch int, res []float32) sum {
	k := d.p.K()
	s := sum{}
	s.add(float64(d.bias[ch]))
	at := ch * k
	for _, seg := range d.p.Segments {
		for _, x := range d.src[i*d.p.SrcStride+seg:][:d.p.SegmentLen] {
			s.add(float64(x) * float64(d.weights[at]))
			at++
		}
	}
	residual := 0.0
	if res != nil {
		residual = float64(res[i*d.p.ResStride+ch])
	}
	return s.apply(d.p.Epilogue, residual)
}

func (c panelCase) test(t testing.TB, v *Variant) {
	t.Helper()
	d := c.data(t, v)
	before, res := slices.Clone(d.dst), slices.Clone(d.res)
	v.Panel(d.p, c.m, d.dst, d.src, d.packed, d.res)
	// One rounding each for products, sums, activation and residual.
	d.compare(t, v, c, before, res, 2*d.p.K()+4)
}

// compare compares what a call wrote with what it should have been, and fails the test
// unless it is within ops roundings and everything else is as before.
func (d *panelData) compare(t testing.TB, v *Variant, c panelCase, before, res []float32, ops int) {
	t.Helper()
	d.check()
	for i, got := range d.dst {
		pixel, ch := i/d.p.DstStride, i%d.p.DstStride
		if ch >= c.channels {
			if got != before[i] {
				t.Fatalf("%s: %v: wrote between pixels %d and %d", v.Name, c, pixel, pixel+1)
			}
			continue
		}
		if err := d.want(pixel, ch, res).near(got, ops); err != nil {
			t.Fatalf("%s: %v: pixel %d channel %d: %v", v.Name, c, pixel, ch, err)
		}
	}
}

func TestPanel(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for m := 1; m <= 2*v.Pixels+1; m++ {
			for _, channels := range []int{1, 3, v.Width/2 - 1, v.Width / 2, v.Width/2 + 1, v.Width - 1, v.Width} {
				for _, k := range [][2]int{{1, 1}, {1, 4}, {2, 3}, {3, 9}, {1, 13}, {9, 8}} {
					seed++
					a := acts[seed%uint64(len(acts))]
					for memory := range memories {
						panelCase{m, channels, k[0], k[1], int(seed % 3), residualKind(seed % uint64(residuals)), a.act, seed%4 < 2, seed, memory}.test(t, v)
					}
				}
			}
		}
	})
}

// TestPanelDoesNotDependOnTiles: a pixel comes to the same bits alone and in a tile
// of any size, and a channel to the same alone and with others, so that results do
// not depend on how the engine divides the work.
func TestPanelDoesNotDependOnTiles(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		c := panelCase{m: 2*v.Pixels + 1, channels: v.Width, segments: 3, length: 11, gap: 1, act: LeakyReLU(0.01), seed: 3}
		d := c.data(t, v)
		v.Panel(d.p, c.m, d.dst, d.src, d.packed, nil)
		for m := 1; m < c.m; m++ {
			for _, channels := range []int{1, v.Width / 2, v.Width} {
				from := c.m - m
				part := make([]float32, (m-1)*d.p.DstStride+channels)
				v.Panel(d.p, m, part, d.src[from*d.p.SrcStride:], d.packed, nil)
				for i := range m {
					got, want := part[i*d.p.DstStride:][:channels], d.dst[(from+i)*d.p.DstStride:][:channels]
					if !slices.Equal(got, want) {
						t.Fatalf("%d pixels, %d channels: pixel %d differs from the one of a larger tile", m, channels, i)
					}
				}
			}
		}
	})
}

// TestPanelSpecialValues: NaNs, infinities and zeros of either sign come out as in
// the portable code, bit by bit but for what a NaN carries.
func TestPanelSpecialValues(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		negativeZero := float32(math.Copysign(0, -1)) // -0 + x is x for every x
		n := len(specials)
		for _, a := range acts {
			for _, last := range []bool{false, true} {
				for _, residual := range append(slices.Clone(specials), 7) {
					e := Epilogue{Act: a.act, ActLast: last}
					p := &Panel{Segments: []int{0}, SegmentLen: 1, SrcStride: 1, DstStride: 3, ResStride: 3, Epilogue: e}
					w := packPanel(v.Width, 3, 1, func(int) float32 { return negativeZero }, func(int, int) float32 { return 1 })
					dst, res := make([]float32, 3*n), make([]float32, 3*n)
					for i := range res {
						res[i] = residual
					}
					check := func(what string, want func(x float32) float32) {
						t.Helper()
						for i, x := range specials {
							for _, got := range dst[3*i:][:3] {
								if !same(got, want(x)) {
									t.Fatalf("%s, last=%v, %s: %v gives %v, want %v", a.name, last, what, x, got, want(x))
								}
							}
						}
					}
					v.Panel(p, n, dst, specials, w, res)
					check(fmt.Sprintf("residual %v", residual), func(x float32) float32 { return e.Apply(x, residual) })
					v.Panel(p, n, dst, specials, w, nil)
					check("no residual", a.act.Apply)
				}
			}
		}
	})
}

// TestPanelContract: slices that are too short are an error of the caller, in every
// variant alike.
func TestPanelContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		base := panelCase{m: 3, channels: 5, segments: 2, length: 3, gap: 1, res: ownResidual, act: ReLU, seed: 1}
		tests := []struct {
			name  string
			spoil func(d *panelData)
			m     int
		}{
			{"no pixel", func(d *panelData) {}, 0},
			{"no segment", func(d *panelData) { d.p.Segments = nil }, 3},
			{"empty segment", func(d *panelData) { d.p.SegmentLen = 0 }, 3},
			{"negative segment", func(d *panelData) { d.p.Segments[0] = -1 }, 3},
			{"short src", func(d *panelData) { d.src = d.src[:len(d.src)-1] }, 3},
			{"short dst", func(d *panelData) { d.dst = d.dst[:2*d.p.DstStride] }, 3},
			{"short weights", func(d *panelData) { d.packed = d.packed[:len(d.packed)-1] }, 3},
			{"short residual", func(d *panelData) { d.res = d.res[:len(d.res)-1] }, 3},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				d := base.data(t, v)
				tt.spoil(d)
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				v.Panel(d.p, tt.m, d.dst, d.src, d.packed, d.res)
			})
		}
	})
}

func FuzzPanel(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(3), uint8(9), uint8(1), uint8(7))
	f.Add(uint64(2), uint8(14), uint8(32), uint8(1), uint8(64), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, segments, length, gap, kind uint8) {
		for _, v := range Variants() {
			c := panelCase{
				m: 1 + int(m)%40, channels: 1 + int(channels)%v.Width, segments: 1 + int(segments)%10, length: 1 + int(length)%40,
				gap: int(gap) % 5, res: residualKind(int(kind) % int(residuals)), act: acts[int(kind)%len(acts)].act, last: kind&64 != 0, seed: seed,
			}
			c.test(t, v)
		}
	})
}

func BenchmarkPanel(b *testing.B) {
	for _, v := range Variants() {
		shapes := []struct{ m, channels, segments, length int }{
			{v.Pixels, v.Width, 1, 512}, {v.Pixels, v.Width, 1, 64}, {v.Pixels, v.Width, 3, 9},
			{8, v.Width, 3, 1536}, {7, v.Width, 1, 512}, {4, v.Width, 1, 512}, {1, v.Width, 1, 512},
			{v.Pixels, v.Width / 2, 1, 512},
		}
		for _, s := range shapes {
			b.Run(fmt.Sprintf("%s/%dx%d/k=%dx%d", v.Name, s.m, s.channels, s.segments, s.length), func(b *testing.B) {
				p := &Panel{SegmentLen: s.length, SrcStride: s.length, DstStride: s.channels, Epilogue: Epilogue{Act: LeakyReLU(0.01)}}
				for i := range s.segments {
					p.Segments = append(p.Segments, i*s.length)
				}
				src, dst := make([]float32, (s.m+s.segments)*s.length), make([]float32, s.m*s.channels)
				w := make([]float32, (1+p.K())*v.Width)
				r := rand.New(rand.NewPCG(1, 1))
				fill(src, r)
				fill(w, r)
				for b.Loop() {
					v.Panel(p, s.m, dst, src, w, nil)
				}
				gflops(b, 2*s.m*s.channels*p.K())
			})
		}
	}
}

// gflops reports the speed of a benchmark of which one turn takes ops additions and
// multiplications.
func gflops(b *testing.B, ops int) {
	b.ReportMetric(float64(ops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}
