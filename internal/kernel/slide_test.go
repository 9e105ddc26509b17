package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A slideCase is a call of Slide on random data.
type slideCase struct {
	rows, steps, m, channels int
	pair                     bool // two rows of output
	gap                      int  // between rows of vectors, and pixels
	res                      residualKind
	act                      Act
	last                     bool
	seed                     uint64
	memory                   memory
}

func (c slideCase) test(t testing.TB, v *Variant) {
	t.Helper()
	r := rand.New(rand.NewPCG(c.seed, 3))
	slice, check := c.memory.slices(t, r)
	n := v.Lanes
	p := &Slide{Lanes: n, FixedRow: (c.steps + c.gap) * n, SlidingRow: (c.steps + c.m - 1 + 2*c.gap) * n,
		DstStride: c.channels + c.gap, ResStride: c.channels + 2*c.gap, Epilogue: Epilogue{Act: c.act, ActLast: c.last}}
	sliding := slice("sliding", (c.rows-1)*p.SlidingRow+(c.steps+c.m-1)*n)
	bias := slice("bias", n)
	out := make([]SlideRow, 1, 2)
	if c.pair {
		out = out[:2]
	}
	var before [2][]float32
	if c.res == sameAsDst {
		p.ResStride = p.DstStride
	}
	for i := range out {
		out[i] = SlideRow{Fixed: slice("fixed", (c.rows-1)*p.FixedRow+c.steps*n), Dst: slice("dst", (c.m-1)*p.DstStride+c.channels)}
		switch c.res {
		case ownResidual:
			out[i].Res = slice("residual", (c.m-1)*p.ResStride+c.channels)
		case sameAsDst:
			out[i].Res = out[i].Dst
		}
		before[i] = slices.Clone(out[i].Dst)
	}
	// What the sums come to before anything is written.
	var want [2][]sum
	for i, o := range out {
		for at := range o.Dst {
			pixel, ch := at/p.DstStride, at%p.DstStride
			var s sum
			if ch < c.channels {
				s.add(float64(bias[ch]))
				for y := range c.rows {
					for step := range c.steps {
						s.add(float64(o.Fixed[y*p.FixedRow+step*n+ch]) * float64(sliding[y*p.SlidingRow+(step+pixel)*n+ch]))
					}
				}
				residual := 0.0
				if o.Res != nil {
					residual = float64(o.Res[pixel*p.ResStride+ch])
				}
				s = s.apply(p.Epilogue, residual)
			}
			want[i] = append(want[i], s)
		}
	}
	v.Slide(p, c.rows, c.steps, c.m, sliding, bias, out[0], append(out, SlideRow{})[1])
	check()
	for i, o := range out {
		for at, got := range o.Dst {
			if at%p.DstStride >= c.channels {
				if got != before[i][at] {
					t.Fatalf("%s: %+v: wrote between pixels of row %d", v.Name, c, i)
				}
				continue
			}
			if err := want[i][at].near(got, 2*c.rows*c.steps+4); err != nil {
				t.Fatalf("%s: %+v: row %d, pixel %d, channel %d: %v", v.Name, c, i, at/p.DstStride, at%p.DstStride, err)
			}
		}
	}
}

func TestSlide(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for m := 1; m <= v.Pixels+3; m++ {
			for channels := 1; channels <= v.Lanes; channels += 1 + int(seed%3) {
				for _, size := range [][2]int{{1, 1}, {2, 5}, {7, 3}} {
					for memory := range memories {
						seed++
						a := acts[seed%uint64(len(acts))]
						slideCase{
							size[0], size[1], m, channels, seed%3 > 0, int(seed % 4),
							residualKind(seed / 3 % uint64(residuals)), a.act, seed%5 < 2, seed, memory,
						}.test(t, v)
					}
				}
			}
			seed++
			slideCase{3, 4, m, v.Lanes, true, 1, ownResidual, ReLU, true, seed, amongGuards}.test(t, v)
		}
	})
}

// TestSlideDoesNotDependOnTiles: a pixel comes to the same bits alone, in a row, and beside another row.
func TestSlideDoesNotDependOnTiles(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		const rows, steps = 5, 9
		n, m, r := v.Lanes, 2*v.Pixels+1, rand.New(rand.NewPCG(7, 7))
		p := &Slide{Lanes: n, FixedRow: steps * n, SlidingRow: (steps + m - 1) * n, DstStride: n, Epilogue: Epilogue{Act: ReLU}}
		sliding, fixed, bias := make([]float32, rows*p.SlidingRow), make([]float32, (rows+1)*p.FixedRow), make([]float32, n)
		for _, x := range [][]float32{sliding, fixed, bias} {
			fill(x, r)
		}
		row := func(from int) SlideRow { return SlideRow{Fixed: fixed[from*p.FixedRow:], Dst: make([]float32, m*n)} }
		first, second := row(0), row(1)
		v.Slide(p, rows, steps, m, sliding, bias, first, second)
		for i, want := range []SlideRow{first, second} {
			for from := range m {
				got := row(i)
				v.Slide(p, rows, steps, m-from, sliding[from*n:], bias, got, SlideRow{})
				if !slices.Equal(got.Dst[:(m-from)*n], want.Dst[from*n:]) {
					t.Fatalf("row %d from pixel %d on differs from what it comes to beside the other, in a longer row", i, from)
				}
			}
		}
	})
}

// TestSlideContract: slices that are too short are an error of the caller.
func TestSlideContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		const rows, steps, m = 3, 4, 5
		n := v.Lanes
		for name, change := range map[string]func(p *Slide, sliding, bias *[]float32, first, second *SlideRow){
			"sliding":       func(_ *Slide, x, _ *[]float32, _, _ *SlideRow) { *x = (*x)[1:] },
			"bias":          func(_ *Slide, _, x *[]float32, _, _ *SlideRow) { *x = (*x)[1:] },
			"fixed":         func(_ *Slide, _, _ *[]float32, r, _ *SlideRow) { r.Fixed = r.Fixed[1:] },
			"second fixed":  func(_ *Slide, _, _ *[]float32, _, r *SlideRow) { r.Fixed = r.Fixed[1:] },
			"no channel":    func(p *Slide, _, _ *[]float32, r, _ *SlideRow) { r.Dst = r.Dst[:(m-1)*p.DstStride] },
			"second dst":    func(_ *Slide, _, _ *[]float32, _, r *SlideRow) { r.Dst = r.Dst[1:] },
			"second res":    func(_ *Slide, _, _ *[]float32, _, r *SlideRow) { r.Res = r.Dst[1:] },
			"negative rows": func(p *Slide, _, _ *[]float32, _, _ *SlideRow) { p.FixedRow = -1 },
		} {
			p := &Slide{Lanes: n, FixedRow: steps * n, SlidingRow: (steps + m - 1) * n, DstStride: n, ResStride: n, Epilogue: Epilogue{Act: ReLU}}
			sliding, bias := make([]float32, rows*p.SlidingRow), make([]float32, n)
			first := SlideRow{Fixed: make([]float32, rows*p.FixedRow), Dst: make([]float32, m*n)}
			second := SlideRow{Fixed: make([]float32, rows*p.FixedRow), Dst: make([]float32, m*n)}
			change(p, &sliding, &bias, &first, &second)
			t.Run(name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				v.Slide(p, rows, steps, m, sliding, bias, first, second)
			})
		}
	})
}

func FuzzSlide(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(3), uint8(17), uint8(3), uint8(7))
	f.Fuzz(func(t *testing.T, seed uint64, rows, steps, m, channels, kind uint8) {
		for _, v := range Variants() {
			slideCase{1 + int(rows)%9, 1 + int(steps)%17, 1 + int(m)%40, 1 + int(channels)%v.Lanes, kind&1 != 0, int(kind) >> 1 % 5,
				residualKind(int(kind) / 5 % int(residuals)), acts[int(kind)%len(acts)].act, kind&64 != 0, seed, amongGuards}.test(t, v)
		}
	})
}

func BenchmarkSlide(b *testing.B) {
	for _, s := range []struct{ rows, steps, m int }{{31, 31, 14}, {14, 14, 14}, {7, 7, 7}} {
		for _, v := range Variants() {
			for pair := range 2 {
				b.Run(fmt.Sprintf("%dx%d/pixels=%d/rows=%d/%s", s.rows, s.steps, s.m, 1+pair, v.Name), func(b *testing.B) {
					n := v.Lanes
					p := &Slide{Lanes: n, FixedRow: s.steps * n, SlidingRow: (s.steps + 3*s.m) * n, DstStride: n, Epilogue: Epilogue{Act: ReLU}}
					bias, sliding := make([]float32, n), make([]float32, s.rows*p.SlidingRow)
					fixed, dst := make([]float32, (s.rows+1)*p.FixedRow), make([]float32, 2*s.m*n)
					first, second := SlideRow{Fixed: fixed, Dst: dst[s.m*n:]}, SlideRow{}
					if pair == 1 {
						second = SlideRow{Fixed: fixed[p.FixedRow:], Dst: dst[:s.m*n]}
					}
					for b.Loop() {
						v.Slide(p, s.rows, s.steps, s.m, sliding, bias, first, second)
					}
					gflops(b, 2*(1+pair)*s.rows*s.steps*s.m*n)
				})
			}
		}
	}
}
