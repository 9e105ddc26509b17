package engine

import "github.com/gozoo/zoo/nn"

// rotaryStep turns pairs of channels of each head by the angles of their token. One task is a piece
// of a row of output.
type rotaryStep struct {
	in, out  view
	cos, sin []float32 // of each pixel, the channels of a head
	dim      int       // channels of a head
	extra    int       // tokens before the pixels, which stay as they are
}

func (c *compiler) rotary(u unit, op nn.Rotary) (step, error) {
	s := &rotaryStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), dim: op.Dim, extra: op.Extra}
	var err error
	if s.cos, err = float32s(c.net.bound, u.node.Params[0]); err == nil {
		s.sin, err = float32s(c.net.bound, u.node.Params[1])
	}
	return s, err
}

func (s *rotaryStep) tasks() int { return s.out.tasks() }

func (s *rotaryStep) run(f *frame, task int) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	first := out.row%s.out.buf.h*s.out.buf.w + out.at - s.extra
	for i := range out.m {
		src, dst, at := in.x[i*in.stride:][:s.in.c], out.x[i*out.stride:][:s.in.c], first+i
		if at < 0 {
			copy(dst, src)
			continue
		}
		cos, sin := s.cos[at*s.dim:][:s.dim], s.sin[at*s.dim:][:s.dim]
		for ; len(src) > 0; src, dst = src[s.dim:], dst[s.dim:] {
			turn(dst[:s.dim], src[:s.dim], cos, sin)
		}
	}
}

// turn turns the pairs of one head.
func turn(dst, src, cos, sin []float32) {
	src, cos, sin = src[:len(dst)], cos[:len(dst)], sin[:len(dst)]
	for c := 1; c < len(dst); c += 2 {
		a, b := src[c-1], src[c]
		dst[c-1] = a*cos[c-1] - b*sin[c-1]
		dst[c] = b*cos[c] + a*sin[c]
	}
}
