package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// everyBF16 runs f for the portable kernels of bf16 and for each variant that has some,
// the slower ones included.
func everyBF16(t *testing.T, f func(t *testing.T, v *Variant)) {
	for _, v := range bf16Variants() {
		t.Run(v.Name, func(t *testing.T) { f(t, v) })
	}
}

func bf16Variants() []*Variant {
	portable := generic
	portable.RoundBF16, portable.PanelBF16 = RoundBF16Generic, PanelBF16Generic
	portable.RoundSplit, portable.PanelSplit = RoundSplitGeneric, PanelSplitGeneric
	vs := []*Variant{&portable}
	for _, v := range slices.Concat(Variants(), Slower()) {
		if v.PanelBF16 != nil {
			vs = append(vs, v)
		}
	}
	return vs
}

// oneRow returns one row of m pixels.
func oneRow(m int) Rows { return Rows{Count: 1, Pixels: m} }

// pairsIn returns the memory of x as pairs.
func pairsIn(x []float32) []Pair {
	return unsafe.Slice((*Pair)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// TestMakePair compares with rounding by the definition: of the two bf16 numbers that
// enclose a float, the nearer one, and of two equally near the one whose last bit is 0.
func TestMakePair(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	check := func(x float32) {
		t.Helper()
		pair := MakePair(x, -x)
		got, negated := pair.Floats()
		if x != x {
			if got == got || negated == negated {
				t.Fatalf("a NaN becomes %v, %v", got, negated)
			}
			return
		}
		if math.Float32bits(negated) != math.Float32bits(-got) {
			t.Fatalf("%v becomes %v, its negative %v", x, got, negated)
		}
		bits := math.Float32bits(x)
		if math.Abs(float64(x)) < 0x1p-126 {
			if math.Float32bits(got) != bits&(1<<31) {
				t.Fatalf("subnormal %v becomes %v", x, got)
			}
			return
		}
		down := math.Float32frombits(bits &^ 0xffff)
		up := math.Float32frombits(bits&^0xffff + 1<<16)
		next := float64(up)
		if math.IsInf(next, 0) { // the largest floats round as if the exponents went on
			next = math.Copysign(0x1p128, next)
		}
		gapDown, gapUp := math.Abs(float64(x)-float64(down)), math.Abs(next-float64(x))
		want := down
		if gapUp < gapDown || gapUp == gapDown && bits>>16&1 == 1 {
			want = up
		}
		if got != want {
			t.Fatalf("%v (%#x) becomes %v, want %v", x, bits, got, want)
		}
	}
	for _, x := range specials {
		check(x)
	}
	for range 200000 {
		check(math.Float32frombits(r.Uint32()))
		check(math.Float32frombits(r.Uint32() &^ 0x7fff)) // ties
	}
}

// TestRoundBF16 compares with MakePair bit by bit: every kind of number, and every
// length of a rest.
func TestRoundBF16(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		for channels := 1; channels <= 131; channels++ {
			for memory := range memories {
				roundingCase(t, v, 1+channels%5, channels, channels%3, uint64(channels), memory, false)
			}
		}
	})
}

func roundingCase(t testing.TB, v *Variant, m, channels, gap int, seed uint64, memory memory, split bool) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 2))
	slice, check := memory.slices(t, rnd)
	r := &Rounding{Channels: channels, SrcStride: channels + gap, DstStride: (channels+1)/2 + gap}
	src := slice("src", (m-1)*r.SrcStride+channels)
	for i := range src {
		if src[i] = math.Float32frombits(rnd.Uint32()); rnd.IntN(8) == 0 {
			src[i] = specials[rnd.IntN(len(specials))]
		}
	}
	n := (m-1)*r.DstStride + (channels+1)/2
	if split {
		r.Low = n + gap
	}
	dst := pairsIn(slice("dst", r.Low+n))
	want := slices.Clone(dst)
	for i := range m {
		x := append(slices.Clone(src[i*r.SrcStride:][:channels]), 0)
		for c := 0; c < channels; c += 2 {
			high := MakePair(x[c], x[c+1])
			want[i*r.DstStride+c/2] = high
			if a, b := high.Floats(); split {
				want[r.Low+i*r.DstStride+c/2] = MakePair(x[c]-a, x[c+1]-b)
			}
		}
	}
	if split {
		v.RoundSplit(r, m, dst, src)
	} else {
		v.RoundBF16(r, m, dst, src)
	}
	check()
	for i := range want {
		if !sameBF16(dst[i], want[i]) {
			t.Fatalf("%s: %d pixels of %d channels, gap %d: pair %d is %#08x, want %#08x", v.Name, m, channels, gap, i, dst[i], want[i])
		}
	}
}

// sameBF16 reports whether a and b are the same numbers, or NaNs in the same places.
func sameBF16(a, b Pair) bool {
	a0, a1 := a.Floats()
	b0, b1 := b.Floats()
	return same(a0, b0) && same(a1, b1)
}

// testPairs computes a panelCase, of which length counts pairs, with products of bf16, or
// of split numbers. Its want is that of the same numbers, before they were split, in float64.
func (c panelCase) testPairs(t testing.TB, v *Variant, split bool) {
	t.Helper()
	wide := c
	wide.length *= 2
	d := wide.data(t, v)
	narrow := *d.p
	narrow.SegmentLen, narrow.SrcStride = c.length, (d.p.SrcStride+1)/2
	d.p.SrcStride = 2 * narrow.SrcStride
	narrow.Segments = nil
	for i, at := range d.p.Segments {
		narrow.Segments = append(narrow.Segments, at/2)
		d.p.Segments[i] = at / 2 * 2
	}
	r := rand.New(rand.NewPCG(c.seed, 3))
	slice, check := c.memory.slices(t, r)
	k, rows := narrow.K(), oneRow(c.m)
	n := (c.m-1)*narrow.SrcStride + slices.Max(narrow.Segments) + c.length
	parts, panel := 1, (1+k)*v.Width
	if split {
		parts, rows.Low = 2, n+c.gap
	}
	src, w := pairsIn(slice("pairs", n+rows.Low)), pairsIn(slice("packed pairs", parts*panel))
	// pair stores two numbers, or their parts, and returns what was stored.
	pair := func(high, low *Pair, a, b float32) (float32, float32) {
		*high = MakePair(a, b)
		x, y := high.Floats()
		if !split {
			return x, y
		}
		*low = MakePair(a-x, b-y)
		return a, b
	}
	d.src = make([]float32, 2*n)
	for i := range n {
		d.src[2*i], d.src[2*i+1] = pair(&src[i], &src[rows.Low+i], float32(r.NormFloat64()), float32(r.NormFloat64()))
	}
	clear(w)
	for ch := range c.channels {
		w[ch] = Pair(math.Float32bits(d.bias[ch]))
		for i := range k {
			at, x := (1+i)*v.Width+ch, d.weights[ch*2*k+2*i:]
			x[0], x[1] = pair(&w[at], &w[(parts-1)*panel+at], x[0], x[1])
		}
	}
	before, res := slices.Clone(d.dst), slices.Clone(d.res)
	// One rounding each for sums, activation and residual; products are exact, but for
	// what splitting misses: 2^-15 of each.
	ops := 2*k*(2*parts-1) + 4
	if split {
		v.PanelSplit(&narrow, rows, d.dst, src, w, d.res)
		ops += 1 << 9
	} else {
		v.PanelBF16(&narrow, rows, d.dst, src, w, d.res)
	}
	check()
	d.compare(t, v, c, before, res, ops)
}

func TestPanelBF16(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) { testPanels(t, v, false) })
}

// testPanels computes panels of every number of pixels and every kind of rest.
func testPanels(t *testing.T, v *Variant, split bool) {
	seed := uint64(0)
	for m := 1; m <= 2*v.Pixels+1; m++ {
		for _, channels := range []int{1, 3, v.Width/2 - 1, v.Width / 2, v.Width/2 + 1, v.Width - 1, v.Width} {
			for _, k := range [][2]int{{1, 1}, {1, 4}, {2, 3}, {3, 9}, {1, 13}, {9, 8}, {1, 16}, {3, 32}, {2, 35}} {
				seed++
				a := acts[seed%uint64(len(acts))]
				for memory := range memories {
					panelCase{m, channels, k[0], k[1], int(seed % 3), residualKind(seed % uint64(residuals)), a.act, seed%4 < 2, seed, memory}.testPairs(t, v, split)
				}
			}
		}
	}
}

// TestPanelBF16DoesNotDependOnTiles: as TestPanelDoesNotDependOnTiles.
func TestPanelBF16DoesNotDependOnTiles(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		r := rand.New(rand.NewPCG(5, 5))
		m := 2*v.Pixels + 1
		p := &Panel{Segments: []int{3, 0, 9}, SegmentLen: 11, SrcStride: 12, DstStride: v.Width, Epilogue: Epilogue{Act: LeakyReLU(0.01)}}
		src, w := make([]Pair, (m-1)*p.SrcStride+20), make([]Pair, (1+p.K())*v.Width)
		for i := range src {
			src[i] = MakePair(float32(r.NormFloat64()), float32(r.NormFloat64()))
		}
		for i := range w {
			w[i] = MakePair(float32(r.NormFloat64()), float32(r.NormFloat64()))
		}
		whole := make([]float32, m*v.Width)
		v.PanelBF16(p, oneRow(m), whole, src, w, nil)
		for n := 1; n < m; n++ {
			for _, channels := range []int{1, v.Width / 2, v.Width} {
				part := make([]float32, (n-1)*p.DstStride+channels)
				v.PanelBF16(p, oneRow(n), part, src[(m-n)*p.SrcStride:], w, nil)
				for i := range n {
					if !slices.Equal(part[i*p.DstStride:][:channels], whole[(m-n+i)*p.DstStride:][:channels]) {
						t.Fatalf("%d pixels, %d channels: pixel %d differs from the one of a larger tile", n, channels, i)
					}
				}
			}
		}
	})
}

// TestPanelBF16SpecialValues: NaNs and infinities come out.
func TestPanelBF16SpecialValues(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		one := MakePair(1, float32(math.Copysign(0, -1)))
		for _, a := range acts {
			p := &Panel{Segments: []int{0}, SegmentLen: 1, SrcStride: 1, DstStride: 3, Epilogue: Epilogue{Act: a.act}}
			w := make([]Pair, 2*v.Width)
			for c := range 3 {
				w[c], w[v.Width+c] = Pair(1<<31), one // bias -0
			}
			src, dst := make([]Pair, len(specials)), make([]float32, 3*len(specials))
			for i, x := range specials {
				src[i] = MakePair(x, 1)
			}
			v.PanelBF16(p, oneRow(len(src)), dst, src, w, nil)
			for i, got := range dst {
				x, _ := src[i/3].Floats()
				// Sums of zeros are of either sign.
				if want := a.act.Apply(x); !same(got, want) && (got != 0 || want != 0) {
					t.Fatalf("%s: %v gives %v, want %v", a.name, x, got, want)
				}
			}
		}
	})
}

// TestBF16Contract: slices that are too short are an error of the caller.
func TestBF16Contract(t *testing.T) {
	everyBF16(t, func(t *testing.T, v *Variant) {
		r := &Rounding{Channels: 5, SrcStride: 6, DstStride: 4}
		p := &Panel{Segments: []int{0, 4}, SegmentLen: 3, SrcStride: 5, DstStride: 4, ResStride: 4, Epilogue: Epilogue{Act: ReLU}}
		pairs := func(n int) []Pair { return make([]Pair, n) }
		f := func(n int) []float32 { return make([]float32, n) }
		weights := 7 * v.Width
		for _, tt := range []struct {
			name string
			call func()
		}{
			{"rounding: no pixel", func() { v.RoundBF16(r, 0, pairs(7), f(11)) }},
			{"rounding: no channel", func() { v.RoundBF16(&Rounding{}, 1, pairs(7), f(11)) }},
			{"rounding: short src", func() { v.RoundBF16(r, 2, pairs(7), f(10)) }},
			{"rounding: short dst", func() { v.RoundBF16(r, 2, pairs(6), f(11)) }},
			{"no pixel", func() { v.PanelBF16(p, oneRow(0), f(7), pairs(12), pairs(weights), nil) }},
			{"short src", func() { v.PanelBF16(p, oneRow(2), f(7), pairs(11), pairs(weights), nil) }},
			{"short dst", func() { v.PanelBF16(p, oneRow(2), f(4), pairs(12), pairs(weights), nil) }},
			{"short weights", func() { v.PanelBF16(p, oneRow(2), f(7), pairs(12), pairs(weights-1), nil) }},
			{"short residual", func() { v.PanelBF16(p, oneRow(2), f(7), pairs(12), pairs(weights), f(6)) }},
		} {
			t.Run(tt.name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				tt.call()
			})
		}
	})
}

func FuzzBF16(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(3), uint8(9), uint8(1), uint8(7))
	f.Add(uint64(2), uint8(14), uint8(32), uint8(1), uint8(64), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, segments, length, gap, kind uint8) {
		for _, v := range bf16Variants() {
			roundingCase(t, v, 1+int(m)%40, 1+int(channels), int(gap)%5, seed, amongGuards, false)
			c := panelCase{
				m: 1 + int(m)%40, channels: 1 + int(channels)%v.Width, segments: 1 + int(segments)%10, length: 1 + int(length)%40,
				gap: int(gap) % 5, res: residualKind(int(kind) % int(residuals)), act: acts[int(kind)%len(acts)].act, last: kind&64 != 0, seed: seed,
			}
			c.testPairs(t, v, false)
			if v.PanelSplit != nil {
				roundingCase(t, v, 1+int(m)%40, 1+int(channels), int(gap)%5, seed, amongGuards, true)
				c.testPairs(t, v, true)
			}
		}
	})
}

func BenchmarkBF16(b *testing.B) {
	for _, v := range bf16Variants() {
		for _, channels := range []int{64, 128, 512} {
			b.Run(fmt.Sprintf("%s/round/%d", v.Name, channels), func(b *testing.B) {
				r := &Rounding{Channels: channels, SrcStride: 2 * channels, DstStride: channels / 2}
				src, dst := make([]float32, 128*channels), make([]Pair, 32*channels)
				for b.Loop() {
					v.RoundBF16(r, 64, dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64*channels/32), "ns/32ch")
			})
		}
		for _, s := range []struct{ m, channels, segments, length int }{
			{v.Pixels, v.Width, 1, 256}, {v.Pixels, v.Width, 1, 32}, {8, v.Width, 3, 768}, {7, v.Width, 1, 256}, {1, v.Width, 1, 256}, {v.Pixels, v.Width / 2, 1, 256},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d/k=%dx%d", v.Name, s.m, s.channels, s.segments, s.length), func(b *testing.B) {
				p := &Panel{SegmentLen: s.length, SrcStride: s.length, DstStride: s.channels, Epilogue: Epilogue{Act: LeakyReLU(0.01)}}
				for i := range s.segments {
					p.Segments = append(p.Segments, i*s.length)
				}
				src, w, dst := make([]Pair, (s.m+s.segments)*s.length), make([]Pair, (1+p.K())*v.Width), make([]float32, s.m*s.channels)
				for b.Loop() {
					v.PanelBF16(p, oneRow(s.m), dst, src, w, nil)
				}
				gflops(b, 2*s.m*s.channels*2*p.K())
			})
		}
	}
}
