package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// directVariants returns the variants that have Direct, the portable one first.
func directVariants() []*Variant {
	vs := []*Variant{{Name: "portable", Direct: DirectGeneric, RoundThirds: RoundThirdsGeneric, RoundPlanes: RoundPlanesGeneric}}
	for _, v := range Variants() {
		if v.Direct != nil {
			vs = append(vs, v)
		}
	}
	return vs
}

// randomPairs fills x with pairs of which every half is used as a number of its own, so
// that no product of parts is too small to be missed.
func randomPairs(x []Pair, r *rand.Rand) {
	for i := range x {
		x[i] = MakePair(float32(r.NormFloat64()), float32(r.NormFloat64()))
	}
}

// guardedPairs is guarded for words.
func guardedPairs(t testing.TB, what string, n int, r *rand.Rand) ([]Pair, func()) {
	floats, check := guarded(t, what, n, r)
	return pairsIn(floats), check
}

// wanted returns what Direct computes for channel c of a pixel, in float64 and before it is
// stored: the sum over the products that make up one of numbers in parts, written out.
func (d *Direct) wanted(x, w, res []Pair, c int) float64 {
	products := map[int][]string{1: {"00"}, 2: {"00", "01", "10"}, 3: {"00", "01", "02", "10", "11", "20"}}[d.Parts]
	sum := float64(math.Float32frombits(uint32(w[c])))
	for s, at := range d.Segments {
		values := 32 * d.Depth
		if d.Depth == 0 {
			values = 2 * d.Pairs
		}
		for k := range values {
			block, in := k/32, k%32
			for _, p := range products {
				a := x[at+16*int(d.Src)*block+16*int(p[0]-'0')+in/2].half(in)
				b := w[32+512*((s*max(d.Depth, 1)+block)*d.Parts+int(p[1]-'0'))+c/16*256+in/2*16+c%16].half(in)
				sum += float64(a) * float64(b)
			}
		}
	}
	if res == nil {
		return float64(d.Act.Apply(float32(sum)))
	}
	return float64(d.Apply(float32(sum), d.Res.Get(res, c)))
}

// TestDirect compares Direct with a sum in float64, for numbers in one to three parts, for all
// ways to store them, runs of every length that are stored in pieces or not at all, an odd number of
// runs, residuals before and after the activation, and looks at what lies around the
// words that are written.
func TestDirect(t *testing.T) {
	for _, v := range directVariants() {
		for parts := 1; parts <= 3; parts++ {
			for src := Storage(parts); src <= Thirds; src++ {
				for dst := Floats; dst <= Halves; dst++ {
					for res := Floats; res <= Halves; res++ {
						d := Direct{Src: src, Dst: dst, Res: res, Parts: parts}
						t.Run(fmt.Sprintf("%s/%d parts/%d to %d, residual %d", v.Name, parts, src, dst, res), func(t *testing.T) {
							testDirect(t, v, d, rand.New(rand.NewPCG(uint64(parts), uint64(100*src+10*dst+res))))
						})
					}
				}
			}
		}
	}
}

func testDirect(t *testing.T, v *Variant, d Direct, r *rand.Rand) {
	const blocks = 3 // of channels of a pixel, everywhere
	for range 3 {
		d.Depth, d.Length = 1+r.IntN(2), 1+r.IntN(16)
		if d.Src == Pairs && r.IntN(2) == 0 {
			d.Depth, d.Pairs = 0, 1+r.IntN(16)
		}
		d.Act, d.ActLast = []Act{LeakyReLU(0.1), ReLU6, Identity}[r.IntN(3)], r.IntN(2) == 0
		d.SrcStride, d.DstStride, d.ResStride = d.Src.Words(32*blocks), d.Dst.Words(32*blocks), d.Res.Words(32*blocks)
		d.Segments = d.Segments[:0]
		for range 1 + r.IntN(3) {
			d.Segments = append(d.Segments, d.Src.Words(32*r.IntN(2*blocks)))
		}
		count := 1 + r.IntN(5)
		pixels := count*d.Length + 2
		src, checkSrc := guardedPairs(t, "src", d.SrcStride*pixels, r)
		dst, checkDst := guardedPairs(t, "dst", d.DstStride*pixels, r)
		res, checkRes := guardedPairs(t, "residual", d.ResStride*pixels, r)
		w, checkW := guardedPairs(t, "weights", d.PackedDirect(), r)
		randomPairs(src, r)
		randomPairs(w, r)
		for c := range 32 {
			w[c] = Pair(math.Float32bits(float32(r.NormFloat64())))
		}
		for p := range pixels {
			for c := range 32 * blocks {
				d.Res.put(res[p*d.ResStride:], c, float32(r.NormFloat64()))
			}
		}
		var runs []TileRun
		var pieces []TilePiece
		for i := range count {
			run := TileRun{Src: i * d.Length * d.SrcStride}
			for row := r.IntN(2); row < d.Length; {
				n := 1 + r.IntN(d.Length-row)
				at := i*d.Length + row
				pieces = append(pieces, TilePiece{row, n, at*d.DstStride + d.Dst.Words(32), at*d.ResStride + d.Res.Words(64)})
				run.Pieces++
				row += n + r.IntN(2)
			}
			runs = append(runs, run)
		}
		if r.IntN(4) == 0 {
			res = nil
		}
		var next []Pair
		if r.IntN(2) == 0 {
			next = w
		}
		before := make([]Pair, len(dst))
		copy(before, dst)
		v.Direct(&d, runs, pieces, dst, src, res, w, next, make([]float32, DirectSums))
		left := pieces
		for _, run := range runs {
			for _, p := range left[:run.Pieces] {
				for i := range p.Count {
					at, x := p.Dst+i*d.DstStride, src[run.Src+(p.Row+i)*d.SrcStride:]
					var y []Pair
					if res != nil {
						y = res[p.Res+i*d.ResStride:]
					}
					for c := range 32 {
						got, want := float64(d.Dst.Get(dst[at:], c)), d.wanted(x, w, y, c)
						// Sums of up to 1,152 products of numbers about 1 err by a few times
						// 2^-24 of 30; what is stored in parts by 2^-8 or 2^-16 of it.
						limit := 1e-4 + math.Abs(want)*[...]float64{0, 1.0 / 250, 1.0 / 60000}[d.Dst]
						if !(math.Abs(got-want) <= limit) {
							t.Fatalf("%+v: channel %d of pixel %d of %+v of %+v: %v, expected %v", d, c, i, p, run, got, want)
						}
					}
					copy(before[at:], dst[at:at+d.Dst.Words(32)])
				}
			}
			left = left[run.Pieces:]
		}
		for i, x := range dst {
			if x != before[i] {
				t.Fatalf("%+v: wrote word %d, which is of no piece", d, i)
			}
		}
		checkSrc()
		checkDst()
		checkRes()
		checkW()
	}
}

// TestDirectIsBounded: more runs than one call in assembly takes, in several calls, each
// with the pieces that are its.
func TestDirectIsBounded(t *testing.T) {
	if len(directVariants()) == 1 {
		t.Skip("this processor has no kernels whose calls are bounded")
	}
	const runs, blocks = 70, 180
	r := rand.New(rand.NewPCG(5, 5))
	d := Direct{Segments: []int{0}, Depth: blocks, Length: 2, SrcStride: Thirds.Words(32), DstStride: 32, Src: Thirds,
		Parts: 3, Epilogue: Epilogue{Act: Identity}}
	src, w := make([]Pair, Thirds.Words(32)*(2*runs+blocks)), make([]Pair, d.PackedDirect())
	randomPairs(src, r)
	randomPairs(w[32:], r)
	var tiles []TileRun
	var pieces []TilePiece
	for i := range runs {
		tiles = append(tiles, TileRun{2 * i * d.SrcStride, 1 + i%2})
		pieces = append(pieces, TilePiece{Row: 0, Count: 2 - i%2, Dst: 2 * i * 32})
		if i%2 == 1 {
			pieces = append(pieces, TilePiece{Row: 1, Count: 1, Dst: (2*i + 1) * 32})
		}
	}
	for _, v := range directVariants()[1:] {
		dst := make([]Pair, 2*runs*32)
		v.Direct(&d, tiles, pieces, dst, src, nil, w, w, make([]float32, DirectSums))
		for p := range 2 * runs {
			want := d.wanted(src[p*d.SrcStride:], w, nil, p%32)
			if got := float64(Floats.Get(dst[p*32:], p%32)); math.Abs(got-want) > 5e-3 {
				t.Fatalf("%s: pixel %d: %v, expected %v", v.Name, p, got, want)
			}
		}
	}
}

// TestDirectChecks: what would lead out of a slice is found before anything is computed.
func TestDirectChecks(t *testing.T) {
	for _, v := range directVariants() {
		for name, change := range map[string]func(d *Direct, run *TileRun, p *TilePiece){
			"run beyond src":      func(d *Direct, run *TileRun, p *TilePiece) { run.Src++ },
			"run before src":      func(d *Direct, run *TileRun, p *TilePiece) { run.Src = -1 },
			"segment beyond src":  func(d *Direct, run *TileRun, p *TilePiece) { d.Segments = []int{0, 1} },
			"piece beyond dst":    func(d *Direct, run *TileRun, p *TilePiece) { p.Dst++ },
			"piece beyond res":    func(d *Direct, run *TileRun, p *TilePiece) { p.Res++ },
			"piece beyond run":    func(d *Direct, run *TileRun, p *TilePiece) { p.Row++ },
			"empty piece":         func(d *Direct, run *TileRun, p *TilePiece) { p.Count = 0 },
			"pieces not given":    func(d *Direct, run *TileRun, p *TilePiece) { run.Pieces = 2 },
			"deeper than weights": func(d *Direct, run *TileRun, p *TilePiece) { d.Depth = 2; d.SrcStride = 0 },
			"parts not stored":    func(d *Direct, run *TileRun, p *TilePiece) { d.Src = Pairs },
			"pairs of 3 parts":    func(d *Direct, run *TileRun, p *TilePiece) { d.Depth, d.Pairs = 0, 16 },
			"no pairs":            func(d *Direct, run *TileRun, p *TilePiece) { d.Depth, d.Parts, d.Src = 0, 1, Pairs },
			"run of 17":           func(d *Direct, run *TileRun, p *TilePiece) { d.Length = 17; d.SrcStride = 0 },
		} {
			d := Direct{Segments: []int{0}, Depth: 1, Length: 4, SrcStride: 32, DstStride: 32, ResStride: 32, Src: Halves,
				Dst: Halves, Res: Halves, Parts: 2}
			run, piece := TileRun{0, 1}, TilePiece{0, 4, 0, 0}
			w := make([]Pair, d.PackedDirect())
			change(&d, &run, &piece)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s: no panic", v.Name, name)
					}
				}()
				v.Direct(&d, []TileRun{run}, []TilePiece{piece}, make([]Pair, 128), make([]Pair, 128), make([]Pair, 128), w,
					nil, make([]float32, DirectSums))
			}()
		}
	}
}

// TestRoundThirds: three parts hold a float32 but for its last bit or two, the same on all
// variants.
func TestRoundThirds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, srcStride, dstStride = 5, 33, 50
	rounding := Thirds.Rounding(srcStride, dstStride)
	src, checkSrc := guarded(t, "src", (m-1)*srcStride+32, r)
	fill(src, r)
	want := make([]Pair, (m-1)*dstStride+48)
	RoundThirdsGeneric(&rounding, m, want, src)
	for i := range m {
		for c := range 32 {
			x := float64(src[i*srcStride+c])
			if got := float64(Thirds.Get(want[i*dstStride:], c)); math.Abs(got-x) > 0x1p-23*math.Abs(x) {
				t.Fatalf("%v became %v", x, got)
			}
		}
	}
	for _, v := range directVariants() {
		dst, check := guardedPairs(t, "dst", len(want), r)
		v.RoundThirds(&rounding, m, dst, src)
		for i := range m {
			for j := range 48 {
				if at := i*dstStride + j; dst[at] != want[at] {
					t.Fatalf("%s: word %d: %x, expected %x", v.Name, at, dst[at], want[at])
				}
			}
		}
		check()
		checkSrc()
	}
}

// BenchmarkDirect times 256 pixels of a layer of 3x3 and 128 channels, in the cache.
func BenchmarkDirect(b *testing.B) {
	for _, v := range directVariants()[1:] {
		for parts := 1; parts <= 3; parts++ {
			s := Storage(parts)
			const n, depth = 16, 36
			d := Direct{
				Segments: []int{0}, Depth: depth, Length: 16, SrcStride: s.Words(128), DstStride: min(s, Halves).Words(32),
				Src: s, Dst: min(s, Halves), Parts: parts, Epilogue: Epilogue{Act: LeakyReLU(0.1)},
			}
			src, dst, w := make([]Pair, s.Words(128*16*n+depth*32)), make([]Pair, d.DstStride*16*n), make([]Pair, d.PackedDirect())
			r := rand.New(rand.NewPCG(1, 1))
			randomPairs(src, r) // zeros would take less power, and less time
			randomPairs(w, r)
			var runs []TileRun
			var pieces []TilePiece
			for i := range n {
				runs, pieces = append(runs, TileRun{i * 16 * d.SrcStride, 1}), append(pieces, TilePiece{Count: 16, Dst: i * 16 * d.DstStride})
			}
			sums := make([]float32, DirectSums)
			b.Run(fmt.Sprintf("%s/%d parts", v.Name, parts), func(b *testing.B) {
				for b.Loop() {
					v.Direct(&d, runs, pieces, dst, src, nil, w, nil, sums)
				}
				b.ReportMetric(2*n*16*32*depth*32*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

// BenchmarkDirectCall times the longest calls in assembly, which nothing can interrupt, with
// weights and pixels from memory: of as many products as one may have, and of as many runs.
func BenchmarkDirectCall(b *testing.B) {
	for _, v := range directVariants()[1:] {
		for _, c := range []struct{ parts, depth, runs int }{{1, 144, 56}, {2, 144, 18}, {3, 144, 9}, {1, 2, 1024}, {3, 2, 1024}} {
			s := Storage(c.parts)
			d := Direct{
				Segments: []int{0}, Depth: c.depth, Length: 16, SrcStride: s.Words(32 * c.depth), DstStride: min(s, Halves).Words(32),
				Src: s, Dst: min(s, Halves), Parts: c.parts, Epilogue: Epilogue{Act: LeakyReLU(0.1)},
			}
			const calls = 8 // with other memory each
			src, dst, w := make([]Pair, calls*16*c.runs*d.SrcStride), make([]Pair, calls*16*c.runs*d.DstStride), make([]Pair, calls*d.PackedDirect())
			r := rand.New(rand.NewPCG(1, 1))
			randomPairs(src, r)
			randomPairs(w, r)
			var runs []TileRun
			var pieces []TilePiece
			for i := range c.runs {
				runs, pieces = append(runs, TileRun{i * 16 * d.SrcStride, 1}), append(pieces, TilePiece{Count: 16, Dst: i * 16 * d.DstStride})
			}
			sums, i := make([]float32, DirectSums), 0
			b.Run(fmt.Sprintf("%s/%d parts, %d blocks, %d runs", v.Name, c.parts, c.depth, c.runs), func(b *testing.B) {
				for b.Loop() {
					at := i % calls
					v.Direct(&d, runs, pieces, dst[at*len(dst)/calls:], src[at*len(src)/calls:], nil, w[at*len(w)/calls:], nil, sums)
					i++
				}
			})
		}
	}
}
