package engine

import "github.com/gozoo/zoo/internal/kernel"

// poolStep takes the largest value or the average of each window. One task is one row
// of output.
type poolStep struct {
	in, out view
	rows    [][]poolRun // of one image
	compute func(p *kernel.Pool, m int, dst, src []float32)
}

// A poolRun is a run of windows in one row that cover the border alike: what lies in
// the border takes no part.
type poolRun struct {
	kernel.Pool
	x, m int // output pixels x ≤ i < x+m
	iy   int // first pixel that the first window covers
	ix   int
}

// pooling says which windows there are.
type pooling struct {
	kh, kw, stride, pad int
	countPad            bool // averages count the border's elements
}

func (c *compiler) pool(u unit, op pooling, compute func(p *kernel.Pool, m int, dst, src []float32)) *poolStep {
	s := &poolStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), compute: compute}
	in, out := s.in.buf, s.out.buf
	for y := range out.h {
		v := op.window(y, op.kh, in.h)
		var runs []poolRun
		for x := 0; x < out.w; {
			h := op.window(x, op.kw, in.w)
			run := poolRun{x: x, m: 1, iy: v.from, ix: h.from}
			for x++; x < out.w && op.window(x, op.kw, in.w) == h.moved(run.m*op.stride); x++ {
				run.m++
			}
			run.Pool = kernel.Pool{
				Segments:  segments(in, v.to-v.from, h.to-h.from),
				Channels:  s.in.c,
				SrcStride: op.stride * in.c, DstStride: out.c,
				Divisor: float64((v.to - v.from) * (h.to - h.from)),
			}
			if op.countPad {
				run.Divisor = float64(v.padded * h.padded)
			}
			runs = append(runs, run)
		}
		s.rows = append(s.rows, runs)
	}
	return s
}

// span is the elements from ≤ i < to of a side that a window covers, and how many it
// covers with the border.
type span struct{ from, to, padded int }

func (s span) moved(by int) span { return span{s.from + by, s.to + by, s.padded} }

// window returns what the i-th window of k elements covers of a side of n.
func (op pooling) window(i, k, n int) span {
	from := i*op.stride - op.pad
	to := min(from+k, n+op.pad)
	return span{max(from, 0), min(to, n), to - from}
}

func (s *poolStep) tasks() int { return s.out.rows() }

func (s *poolStep) run(f *frame, task int) {
	n, y := task/s.out.buf.h, task%s.out.buf.h
	for i := range s.rows[y] {
		r := &s.rows[y][i]
		dst := f.mem[s.out.at(n, y, r.x):][:(r.m-1)*r.DstStride+r.Channels]
		s.compute(&r.Pool, r.m, dst, f.mem[s.in.at(n, r.iy, r.ix):])
	}
}
