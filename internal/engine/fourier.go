package engine

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// tableStep copies a table that follows from the size of an image, (H,W,C), to every image. One task is
// one row of output.
type tableStep struct {
	out   view
	table []float32
}

func (c *compiler) fourierPosition(u unit, op nn.FourierPosition) step {
	out := c.layout.view(u.out)
	return &tableStep{out, fourier(op, out.buf.h, out.buf.w)}
}

func (s *tableStep) tasks() int { return s.out.rows() }

func (s *tableStep) run(f *frame, task int) {
	out, stride := s.out.row(f.mem, task)
	w, c := s.out.buf.w, s.out.c
	row := s.table[task%s.out.buf.h*w*c:]
	for x := range w {
		copy(out[x*stride:][:c], row[x*c:])
	}
}

// fourier returns nn.FourierPosition's table (h,w,2*Hidden), every operation rounded to float32 as the
// reference rounds it.
func fourier(op nn.FourierPosition, h, w int) []float32 {
	rows, columns := waves(op, h), waves(op, w)
	var table []float32
	for y := range h {
		for x := range w {
			table = append(table, rows[y*op.Hidden:][:op.Hidden]...)
			table = append(table, columns[x*op.Hidden:][:op.Hidden]...)
		}
	}
	return table
}

// waves returns the channels of each of n places along one side, (n,Hidden).
func waves(op nn.FourierPosition, n int) []float32 {
	var out []float32
	last := float32(n) + 1e-6
	for i := range n {
		turn := float32(i+1) / last
		turn *= 2 * math.Pi
		for c := range op.Hidden {
			exponent := float32(c/2*2) / float32(op.Hidden)
			angle := float64(turn / float32(math.Pow(op.Temperature, float64(exponent))))
			if c%2 == 0 {
				out = append(out, float32(math.Sin(angle)))
			} else {
				out = append(out, float32(math.Cos(angle)))
			}
		}
	}
	return out
}
