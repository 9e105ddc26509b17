package engine

import "github.com/gozoo/zoo/nn"

// unfoldStep lays the pixels of each window side by side. One task is a piece of a row of output.
type unfoldStep struct {
	in, out        view
	k, stride      int
	top, left      int // the border, which is zero
	inRows, inCols int
}

func (c *compiler) unfold(u unit, op nn.Unfold) step {
	s := &unfoldStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), k: op.K, stride: op.Stride}
	s.inRows, s.inCols = s.in.buf.h, s.in.buf.w
	s.top, _, s.left, _ = op.Pads(s.inRows, s.inCols)
	return s
}

func (s *unfoldStep) tasks() int { return s.out.tasks() }

func (s *unfoldStep) run(f *frame, task int) {
	out := s.out.piece(f.mem, task)
	n, y := out.row/s.out.buf.h, out.row%s.out.buf.h
	taps := s.k * s.k
	for i := range out.m {
		dst, ix := out.x[i*out.stride:][:s.out.c], (out.at+i)*s.stride-s.left
		for ky := range s.k {
			iy := y*s.stride - s.top + ky
			for kx := range s.k {
				x, to := ix+kx, dst[ky*s.k+kx:]
				if iy < 0 || iy >= s.inRows || x < 0 || x >= s.inCols {
					for c := range s.in.c {
						to[c*taps] = 0
					}
					continue
				}
				for c, v := range f.mem[s.in.at(n, iy, x):][:s.in.c] {
					to[c*taps] = v
				}
			}
		}
	}
}
