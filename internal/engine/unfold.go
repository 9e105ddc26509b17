package engine

import "github.com/gozoo/zoo/nn"

// unfoldStep lays the pixels of each window side by side. One task is a piece of a row of output.
type unfoldStep struct {
	in, out        view
	k, stride      int
	channel, pixel int // floats from one channel of a window to the next, and from one pixel
	top, left      int // the border, which is zero
}

func (c *compiler) unfold(u unit, op nn.Unfold) step {
	s := &unfoldStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), k: op.K, stride: op.Stride}
	s.channel, s.pixel = op.K*op.K, 1
	if op.PixelFirst {
		s.channel, s.pixel = 1, s.in.c
	}
	s.top, _, s.left, _ = op.Pads(s.in.buf.h, s.in.buf.w)
	return s
}

func (s *unfoldStep) tasks() int { return s.out.tasks() }

func (s *unfoldStep) run(f *frame, task int) {
	out, b := s.out.piece(f.mem, task), s.in.buf
	n, y := out.row/s.out.buf.h, out.row%s.out.buf.h
	for i := range out.m {
		dst, ix := out.x[i*out.stride:][:s.out.c], (out.at+i)*s.stride-s.left
		for ky := range s.k {
			iy := y*s.stride - s.top + ky
			for kx := range s.k {
				x, to := ix+kx, dst[(ky*s.k+kx)*s.pixel:]
				if iy < 0 || iy >= b.h || x < 0 || x >= b.w {
					for c := range s.in.c {
						to[c*s.channel] = 0
					}
					continue
				}
				for c, v := range f.mem[s.in.at(n, iy, x):][:s.in.c] {
					to[c*s.channel] = v
				}
			}
		}
	}
}
