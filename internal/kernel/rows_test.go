package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A rowCase is a call of Depthwise, or for groups of more than one channel of
// Grouped, on random data.
type rowCase struct {
	size              int // channels of a group; 1 is a depthwise convolution
	m, channels, taps int
	gap               int // between the pixels of src, dst and residual
	res               residualKind
	act               Act
	last              bool
	seed              uint64
	memory            memory
}

func (c rowCase) String() string {
	return fmt.Sprintf("size=%d m=%d channels=%d taps=%d gap=%d res=%d slope=%v max=%v last=%v", c.size, c.m, c.channels, c.taps, c.gap, c.res, c.act.Slope, c.act.Max, c.last)
}

// rowData is what a call works on. Weights are [channel][input of its group][tap].
type rowData struct {
	segments                        []int
	srcStride, dstStride, resStride int
	dst, src, res                   []float32
	bias, weights                   []float32
	run                             func(m int, dst, src, res []float32)
	check                           func()
}

func (c rowCase) data(t testing.TB, v *Variant) *rowData {
	r := rand.New(rand.NewPCG(c.seed, 2))
	d := &rowData{srcStride: c.channels + c.gap, dstStride: c.channels + c.gap, resStride: c.channels + 2*c.gap}
	far := 0
	for range c.taps {
		at := r.IntN(4 * c.channels)
		d.segments, far = append(d.segments, at), max(far, at)
	}
	slice, check := c.memory.slices(t, r)
	d.check = check
	d.src = slice("src", (c.m-1)*d.srcStride+far+c.channels)
	d.dst = slice("dst", (c.m-1)*d.dstStride+c.channels)
	d.bias, d.weights = make([]float32, c.channels), make([]float32, c.channels*c.size*c.taps)
	fill(d.bias, r)
	fill(d.weights, r)
	switch c.res {
	case ownResidual:
		d.res = slice("residual", (c.m-1)*d.resStride+c.channels)
	case sameAsDst:
		d.resStride, d.res = d.dstStride, d.dst
	}
	e := Epilogue{Act: c.act, ActLast: c.last}
	var packed []float32
	if c.size == 1 {
		p := &Depthwise{Segments: d.segments, Channels: c.channels, SrcStride: d.srcStride, DstStride: d.dstStride, ResStride: d.resStride, Epilogue: e}
		packed = append(packed, d.bias...)
		for tap := range c.taps {
			for ch := range c.channels {
				packed = append(packed, d.weights[ch*c.taps+tap])
			}
		}
		w := slice("weights", len(packed))
		copy(w, packed)
		d.run = func(m int, dst, src, res []float32) { v.Depthwise(p, m, dst, src, w, res) }
		return d
	}
	p := &Grouped{Segments: d.segments, Channels: c.channels, Size: c.size, Lanes: max(v.Lanes, c.size), SrcStride: d.srcStride, DstStride: d.dstStride, ResStride: d.resStride, Epilogue: e}
	packed = PackGrouped(p,
		func(ch int) float32 { return d.bias[ch] },
		func(ch, in, tap int) float32 {
			if in/c.size != ch/c.size {
				t.Fatalf("channel %d was asked for its weight of input %d, which is not of its group", ch, in)
			}
			return d.weights[(ch*c.size+in%c.size)*c.taps+tap]
		})
	w := slice("weights", len(packed))
	copy(w, packed)
	d.run = func(m int, dst, src, res []float32) { v.Grouped(p, m, dst, src, w, res) }
	return d
}

// want computes one value in float64.
func (c rowCase) want(d *rowData, i, ch int, res []float32) sum {
	var s sum
	s.add(float64(d.bias[ch]))
	for in := range c.size {
		for tap, at := range d.segments {
			x := d.src[i*d.srcStride+at+ch/c.size*c.size+in]
			s.add(float64(x) * float64(d.weights[(ch*c.size+in)*c.taps+tap]))
		}
	}
	residual := 0.0
	if res != nil {
		residual = float64(res[i*d.resStride+ch])
	}
	return s.apply(Epilogue{Act: c.act, ActLast: c.last}, residual)
}

func (c rowCase) test(t testing.TB, v *Variant) {
	t.Helper()
	d := c.data(t, v)
	before, res := slices.Clone(d.dst), slices.Clone(d.res)
	d.run(c.m, d.dst, d.src, d.res)
	d.check()
	for i, got := range d.dst {
		pixel, ch := i/d.dstStride, i%d.dstStride
		if ch >= c.channels {
			if got != before[i] {
				t.Fatalf("%s: %v: wrote between pixels %d and %d", v.Name, c, pixel, pixel+1)
			}
			continue
		}
		// One rounding each for products, sums, activation and residual.
		if err := c.want(d, pixel, ch, res).near(got, 2*c.taps*c.size+4); err != nil {
			t.Fatalf("%s: %v: pixel %d channel %d: %v", v.Name, c, pixel, ch, err)
		}
	}
}

func TestDepthwise(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		testRows(t, v, 1, []int{1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 97, 288})
	})
}

func TestGrouped(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, size := range []int{2, 4, 8, 16} {
			var channels []int
			for _, groups := range []int{1, 2, 3, 4, 5, 7, 8} {
				channels = append(channels, groups*size)
			}
			testRows(t, v, size, channels)
		}
	})
}

func testRows(t *testing.T, v *Variant, size int, channels []int) {
	seed := uint64(size)
	for m := 1; m <= v.Pixels+3; m++ {
		for _, c := range channels {
			for _, taps := range []int{1, 2, 9} {
				seed++
				a := acts[seed%uint64(len(acts))]
				for memory := range memories {
					rowCase{size, m, c, taps, int(seed % 3), residualKind(seed % uint64(residuals)), a.act, seed%4 < 2, seed, memory}.test(t, v)
				}
			}
		}
	}
}

// TestRowsDoNotDependOnTiles: a pixel comes to the same bits alone and in a row.
func TestRowsDoNotDependOnTiles(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, size := range []int{1, 4, 8} {
			c := rowCase{size: size, m: 2*v.Pixels + 1, channels: 40, taps: 9, gap: 1, act: LeakyReLU(0.01), seed: 3}
			d := c.data(t, v)
			d.run(c.m, d.dst, d.src, nil)
			for m := 1; m < c.m; m++ {
				from := c.m - m
				part := make([]float32, (m-1)*d.dstStride+c.channels)
				d.run(m, part, d.src[from*d.srcStride:], nil)
				for i := range m {
					got, want := part[i*d.dstStride:][:c.channels], d.dst[(from+i)*d.dstStride:][:c.channels]
					if !slices.Equal(got, want) {
						t.Fatalf("groups of %d, %d pixels: pixel %d differs from the one of a longer row", size, m, i)
					}
				}
			}
		}
	})
}

// TestRowsSpecialValues: as TestPanelSpecialValues.
func TestRowsSpecialValues(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		const channels = 21 // of Depthwise: whole registers and a part of one
		n := len(specials)
		w := make([]float32, 2*channels)
		for c := range channels {
			w[c], w[channels+c] = float32(math.Copysign(0, -1)), 1
		}
		src, dst, res := make([]float32, n*channels), make([]float32, n*channels), make([]float32, n*channels)
		for i := range src {
			src[i] = specials[i/channels]
		}
		for _, a := range acts {
			for _, last := range []bool{false, true} {
				for _, residual := range specials {
					for i := range res {
						res[i] = residual
					}
					e := Epilogue{Act: a.act, ActLast: last}
					p := &Depthwise{Segments: []int{0}, Channels: channels, SrcStride: channels, DstStride: channels, ResStride: channels, Epilogue: e}
					v.Depthwise(p, n, dst, src, w, res)
					for i, got := range dst {
						if want := e.Apply(src[i], residual); !same(got, want) {
							t.Fatalf("%s, last=%v, residual %v: channel %d: %v gives %v, want %v", a.name, last, residual, i%channels, src[i], got, want)
						}
					}
				}
			}
		}
	})
}

// TestRowsContract: slices that are too short are an error of the caller.
func TestRowsContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		for _, size := range []int{1, 4} {
			c := rowCase{size: size, m: 3, channels: 12, taps: 2, gap: 1, res: ownResidual, act: ReLU, seed: 1}
			tests := []struct {
				name string
				call func(d *rowData)
			}{
				{"no pixel", func(d *rowData) { d.run(0, d.dst, d.src, d.res) }},
				{"short src", func(d *rowData) { d.run(3, d.dst, d.src[:len(d.src)-1], d.res) }},
				{"short dst", func(d *rowData) { d.run(3, d.dst[:len(d.dst)-1], d.src, d.res) }},
				{"short residual", func(d *rowData) { d.run(3, d.dst, d.src, d.res[:len(d.res)-1]) }},
				{"negative segment", func(d *rowData) { d.segments[0] = -1; d.run(3, d.dst, d.src, d.res) }},
			}
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s, groups of %d", tt.name, size), func(t *testing.T) {
					d := c.data(t, v)
					defer func() {
						if recover() == nil {
							t.Error("no panic")
						}
					}()
					tt.call(d)
				})
			}
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(3), uint8(1), uint8(7))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, taps, gap, kind uint8) {
		for _, v := range Variants() {
			size := 1 << (kind % 5)
			c := rowCase{
				size: size, m: 1 + int(m)%40, channels: size * (1 + int(channels)%(160/size)), taps: 1 + int(taps)%26,
				gap: int(gap) % 5, res: residualKind(int(kind) / 5 % int(residuals)), act: acts[int(kind)%len(acts)].act, last: kind&64 != 0, seed: seed,
			}
			c.test(t, v)
		}
	})
}

func BenchmarkRows(b *testing.B) {
	for _, s := range []struct{ size, m, channels, taps int }{
		{1, 56, 96, 9}, {1, 14, 480, 25}, {1, 7, 1152, 25},
		{4, 56, 128, 9}, {8, 28, 256, 9},
	} {
		for _, v := range Variants() {
			b.Run(fmt.Sprintf("size=%d/%dx%d/taps=%d/%s", s.size, s.m, s.channels, s.taps, v.Name), func(b *testing.B) {
				c := rowCase{size: s.size, m: s.m, channels: s.channels, taps: s.taps, act: LeakyReLU(0.01)}
				d := c.data(b, v)
				side := int(math.Sqrt(float64(s.taps)))
				for i := range d.segments {
					d.segments[i] = (i/side*(s.m+side) + i%side) * s.channels
				}
				d.src = make([]float32, (side*(s.m+side)+s.m)*s.channels)
				for b.Loop() {
					d.run(s.m, d.dst, d.src, nil)
				}
				gflops(b, 2*s.m*s.channels*s.taps*s.size)
			})
		}
	}
}
