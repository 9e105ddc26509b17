package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A winogradCase is a 3x3 convolution of one image, computed by tiles on random data.
type winogradCase struct {
	in, out, h, w int
	res           residualKind
	act           Act
	last          bool
	seed          uint64
	memory        memory
}

func (c winogradCase) String() string {
	return fmt.Sprintf("%d to %d channels, %dx%d, res=%d slope=%v max=%v last=%v", c.in, c.out, c.h, c.w, c.res, c.act.Slope, c.act.Max, c.last)
}

// test compares with the convolution by its definition, in float64.
func (c winogradCase) test(t testing.TB, v *Variant) {
	t.Helper()
	const tile = WinogradTile
	r := rand.New(rand.NewPCG(c.seed, 5))
	slice, check := c.memory.slices(t, r)
	th, tw := (c.h+tile-1)/tile, (c.w+tile-1)/tile
	ph, pw := tile*th+2, tile*tw+2 // with the border
	src := slice("src", ph*pw*c.in)
	for i := range src {
		if y, x := i/c.in/pw, i/c.in%pw; y == 0 || y > c.h || x == 0 || x > c.w {
			src[i] = 0
		}
	}
	dst := slice("dst", c.h*c.w*c.out)
	bias, weights := slice("bias", c.out), make([]float32, c.out*c.in*9)
	fill(weights, r)
	var res []float32
	switch c.res {
	case ownResidual:
		res = slice("residual", c.h*c.w*c.out)
	case sameAsDst:
		res = dst
	}
	resBefore := slices.Clone(res)

	in := &WinogradIn{Channels: c.in, SrcStride: c.in, SrcRow: pw * c.in, Plane: th*tw*c.in + 3}
	out := &WinogradOut{Channels: c.out, Plane: th*tw*c.out + 1, DstStride: c.out, DstRow: c.w * c.out, ResStride: c.out, ResRow: c.w * c.out,
		Epilogue: Epilogue{Act: c.act, ActLast: c.last}}
	planes := slice("planes", 35*in.Plane+th*tw*c.in)
	products := slice("products", 35*out.Plane+th*tw*c.out)
	for i := range th * tw {
		v.WinogradIn(in, planes[i*c.in:][:35*in.Plane+c.in], src[(i/tw*tile*pw+i%tw*tile)*c.in:])
	}
	multiply := &Panel{Segments: []int{0}, SegmentLen: c.in, SrcStride: c.in, DstStride: c.out, Epilogue: Epilogue{Act: Identity}}
	u, ones := make([]float32, WinogradPlanes*c.out*c.in), slices.Repeat([]float64{1}, c.out)
	for i := range c.in {
		WinogradWeights(u[i*c.out:], c.out*c.in, c.out, weights[9*i:], 9*c.in, ones)
	}
	for xi := range WinogradPlanes {
		for first := 0; first < c.out; first += v.Width {
			n := min(v.Width, c.out-first)
			w := packPanel(v.Width, n, c.in, func(int) float32 { return 0 }, func(ch, i int) float32 { return u[(xi*c.in+i)*c.out+first+ch] })
			v.Panel(multiply, th*tw, products[xi*out.Plane+first:][:(th*tw-1)*c.out+n], planes[xi*in.Plane:][:th*tw*c.in], w, nil)
		}
	}
	for i := range th * tw {
		y, x := i/tw*tile, i%tw*tile
		at := (y*c.w + x) * c.out
		var rs []float32
		if res != nil {
			rs = res[at:]
		}
		v.WinogradOut(out, min(tile, c.h-y), min(tile, c.w-x), dst[at:], products[i*c.out:], bias, rs)
	}
	check()

	for i, got := range dst {
		y, x, o := i/c.out/c.w, i/c.out%c.w, i%c.out
		var s sum
		s.add(float64(bias[o]))
		for k := range 9 {
			for ch := range c.in {
				s.add(float64(src[((y+k/3)*pw+x+k%3)*c.in+ch]) * float64(weights[(o*c.in+ch)*9+k]))
			}
		}
		residual := 0.0
		if res != nil {
			residual = float64(resBefore[i])
		}
		// The transforms amplify the rounding of what they add up: the products of the
		// absolute values of A, G and B in one dimension come to at most 17, in two to 300
		// of the largest terms. Random signs leave 1 to 2 % of it.
		if err := s.apply(out.Epilogue, residual).near(got, 9*c.in+100); err != nil {
			t.Fatalf("%s: %v: pixel %d,%d channel %d: %v", v.Name, c, y, x, o, err)
		}
	}
}

func TestWinograd(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for _, channels := range [][2]int{{16, 16}, {32, 48}, {80, 16}} {
			for _, size := range [][2]int{{1, 1}, {2, 3}, {4, 4}, {3, 8}, {7, 5}, {8, 10}} {
				for memory := range memories {
					seed++
					a := acts[seed%uint64(len(acts))]
					winogradCase{channels[0], channels[1], size[0], size[1], residualKind(seed % uint64(residuals)), a.act, seed%4 < 2, seed, memory}.test(t, v)
				}
			}
		}
	})
}

// winogradG is G as arXiv:1509.09308 writes it, for the points of this package.
var winogradG = [WinogradPatch][3]float64{
	{1 / pointProduct, 0, 0},
	{1 / normA, a1 / normA, a2 / normA},
	{1 / normA, -a1 / normA, a2 / normA},
	{1 / normB, b1 / normB, b2 / normB},
	{1 / normB, -b1 / normB, b2 / normB},
	{0, 0, 1},
}

// TestWinogradWeights compares with G g Gᵀ by its definition, and checks that nothing else
// is written.
func TestWinogradWeights(t *testing.T) {
	const channels, stride, plane = 3, 11, 7
	r := rand.New(rand.NewPCG(1, 6))
	w, scale := make([]float32, (channels-1)*stride+9), []float64{1, -0.3, 1e-3}
	fill(w, r)
	untouched := float32(math.Inf(1))
	dst := slices.Repeat([]float32{untouched}, WinogradPlanes*plane)
	WinogradWeights(dst, plane, channels, w, stride, scale)
	for at, got := range dst {
		k, c := at/plane, at%plane
		if c >= channels {
			if got != untouched {
				t.Errorf("plane %d: float %d was written", k, c)
			}
			continue
		}
		want, size := 0.0, 0.0
		for y, a := range winogradG[k/WinogradPatch] {
			for x, b := range winogradG[k%WinogradPatch] {
				term := a * b * float64(w[c*stride+3*y+x]) * scale[c]
				want, size = want+term, size+math.Abs(term)
			}
		}
		if d := math.Abs(float64(got) - want); d > size/(1<<24) {
			t.Errorf("channel %d, plane %d: %v, want %v", c, k, got, want)
		}
	}
}

// TestWinogradMatrices checks by exact arithmetic on small numbers that the three
// matrices compute a convolution: Aᵀ [(G g) ∘ (Bᵀ d)] is d filtered by g, for every
// unit vector d and g.
func TestWinogradMatrices(t *testing.T) {
	for k := range 3 {
		for j := range WinogradPatch {
			for i := range WinogradTile {
				got := 0.0
				for p := range WinogradPatch {
					got += float64(winogradA[i][p]) * winogradG[p][k] * float64(winogradB[p][j])
				}
				want := 0.0
				if i+k == j {
					want = 1
				}
				if d := got - want; d > 1e-14 || d < -1e-14 {
					t.Errorf("output %d of input %d and weight %d: %v, want %v", i, j, k, got, want)
				}
			}
		}
	}
}

func TestWinogradContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		in := &WinogradIn{Channels: 16, SrcStride: 16, SrcRow: 96, Plane: 16}
		out := &WinogradOut{Channels: 16, Plane: 16, DstStride: 16, DstRow: 64, ResStride: 16, ResRow: 64, Epilogue: Epilogue{Act: ReLU}}
		f := func(n int) []float32 { return make([]float32, n) }
		odd, oddOut := *in, *out
		odd.Channels, oddOut.Channels = 8, 24
		for _, tt := range []struct {
			name string
			call func()
		}{
			{"channels in", func() { v.WinogradIn(&odd, f(576), f(576)) }},
			{"channels out", func() { v.WinogradOut(&oddOut, 4, 4, f(1000), f(1000), f(24), nil) }},
			{"short src", func() { v.WinogradIn(in, f(576), f(575)) }},
			{"short planes", func() { v.WinogradIn(in, f(575), f(576)) }},
			{"short products", func() { v.WinogradOut(out, 4, 4, f(256), f(575), f(16), nil) }},
			{"short dst", func() { v.WinogradOut(out, 4, 4, f(255), f(576), f(16), nil) }},
			{"short residual", func() { v.WinogradOut(out, 4, 4, f(256), f(576), f(16), f(255)) }},
			{"short bias", func() { v.WinogradOut(out, 4, 4, f(256), f(576), f(15), nil) }},
			{"no rows", func() { v.WinogradOut(out, 0, 4, f(256), f(576), f(16), nil) }},
			{"five columns", func() { v.WinogradOut(out, 4, 5, f(999), f(576), f(16), nil) }},
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

func FuzzWinograd(f *testing.F) {
	f.Add(uint64(1), uint8(1), uint8(1), uint8(5), uint8(6), uint8(7))
	f.Fuzz(func(t *testing.T, seed uint64, in, out, h, w, kind uint8) {
		for _, v := range Variants() {
			winogradCase{
				in: 16 * (1 + int(in)%5), out: 16 * (1 + int(out)%5), h: 1 + int(h)%11, w: 1 + int(w)%11,
				res: residualKind(int(kind) % int(residuals)), act: acts[int(kind)%len(acts)].act, last: kind&64 != 0, seed: seed,
			}.test(t, v)
		}
	})
}

func BenchmarkWinogradWeights(b *testing.B) {
	const in, width = 256, 32
	size := (1 + in) * width
	w, scale, dst := make([]float32, 9*in*width), make([]float64, width), make([]float32, WinogradPlanes*size)
	for b.Loop() {
		for i := range in {
			WinogradWeights(dst[(1+i)*width:], size, width, w[9*i:], 9*in, scale)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*in*width), "ns/filter")
}

func BenchmarkWinograd(b *testing.B) {
	for _, v := range Variants() {
		const channels, tiles = 64, 28
		in := &WinogradIn{Channels: channels, SrcStride: channels, SrcRow: 66 * channels, Plane: tiles*channels + 16}
		out := &WinogradOut{Channels: channels, Plane: tiles*channels + 16, DstStride: channels, DstRow: 64 * channels, Epilogue: Epilogue{Act: LeakyReLU(0.01)}}
		src, planes, bias := make([]float32, 66*66*channels), make([]float32, 36*in.Plane), make([]float32, channels)
		b.Run("in/"+v.Name, func(b *testing.B) {
			for b.Loop() {
				for i := range tiles {
					v.WinogradIn(in, planes[i*channels:], src[i%14*4*channels:])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tiles*channels/16), "ns/tile-16ch")
		})
		b.Run("out/"+v.Name, func(b *testing.B) {
			for b.Loop() {
				for i := range tiles {
					v.WinogradOut(out, 4, 4, src[i%14*4*channels:], planes[i*channels:], bias, nil)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tiles*channels/16), "ns/tile-16ch")
		})
	}
}
