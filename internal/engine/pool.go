package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// maxPoolStep takes the largest value of each window; the border never wins.
type maxPoolStep struct {
	in, out view
	op      nn.MaxPool
}

func (s *maxPoolStep) tasks() int { return s.out.rows() }

func (s *maxPoolStep) run(f *frame, task int) {
	b, o := s.in.buf, s.out.buf
	n, y := task/o.h, task%o.h
	top := y*s.op.Stride - s.op.Pad
	for x := range o.w {
		left := x*s.op.Stride - s.op.Pad
		dst := f.mem[s.out.at(n, y, x):][:s.out.c]
		first := true
		for iy := max(top, 0); iy < min(top+s.op.K, b.h); iy++ {
			for ix := max(left, 0); ix < min(left+s.op.K, b.w); ix++ {
				src := f.mem[s.in.at(n, iy, ix):][:s.in.c]
				if first {
					copy(dst, src)
					first = false
					continue
				}
				kernel.Max(dst, src)
			}
		}
	}
}

// averageStep averages each channel; one task is one image.
type averageStep struct{ in, out view }

// averaged is how many channels are summed at a time, on the stack.
const averaged = 512

func (s *averageStep) tasks() int { return s.in.buf.n }

func (s *averageStep) run(f *frame, n int) {
	b := s.in.buf
	var buf [averaged]float64
	for from := 0; from < s.in.c; from += averaged {
		part := s.in.channels(from, min(from+averaged, s.in.c))
		sums := buf[:part.c]
		clear(sums)
		for y := range b.h {
			for x := range b.w {
				kernel.Sum(sums, f.mem[part.at(n, y, x):][:part.c])
			}
		}
		dst := f.mem[s.out.at(n, 0, 0)+from:][:part.c]
		for c, sum := range sums {
			dst[c] = float32(sum / float64(b.h*b.w))
		}
	}
}

// avgPoolStep averages each window, in float64; one task is one row of output.
type avgPoolStep struct {
	in, out view
	op      nn.AvgPool
}

func (s *avgPoolStep) tasks() int { return s.out.rows() }

func (s *avgPoolStep) run(f *frame, task int) {
	b, o := s.in.buf, s.out.buf
	n, y := task/o.h, task%o.h
	top, bottom, rows := s.window(y, b.h)
	var buf [averaged]float64
	for x := range o.w {
		left, right, columns := s.window(x, b.w)
		size := float64((bottom - top) * (right - left))
		if s.op.CountPad {
			size = float64(rows * columns)
		}
		dst := f.mem[s.out.at(n, y, x):][:s.out.c]
		for from := 0; from < s.in.c; from += averaged {
			sums := buf[:min(averaged, s.in.c-from)]
			clear(sums)
			for iy := top; iy < bottom; iy++ {
				for ix := left; ix < right; ix++ {
					kernel.Sum(sums, f.mem[s.in.at(n, iy, ix)+from:][:len(sums)])
				}
			}
			for c, sum := range sums {
				dst[from+c] = float32(sum / size)
			}
		}
	}
}

// window returns the elements from ≤ i < to of a side of n elements that the i-th
// window covers, and how many it covers with the border.
func (s *avgPoolStep) window(i, n int) (from, to, padded int) {
	from = i*s.op.Stride - s.op.Pad
	to = min(from+s.op.K, n+s.op.Pad)
	return max(from, 0), min(to, n), to - from
}
