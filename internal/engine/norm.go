package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// layerNormStep normalises the channels of each pixel, in equal runs; one task is a piece of a row
// of output.
type layerNormStep struct {
	in, out      view
	norm         kernel.LayerNorm
	weight, bias []float32
	variant      *kernel.Variant
}

func (c *compiler) layerNorm(u unit, op nn.LayerNorm) (step, error) {
	s := &layerNormStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), variant: c.options.Variant}
	s.norm = kernel.LayerNorm{Channels: op.C, SrcStride: s.in.buf.c, DstStride: s.out.buf.c, Eps: op.Eps}
	var err error
	if s.weight, err = float32s(c.net.bound, u.node.Params[0]); err == nil {
		s.bias, err = float32s(c.net.bound, u.node.Params[1])
	}
	return s, err
}

func (s *layerNormStep) tasks() int { return s.out.tasks() }

func (s *layerNormStep) run(f *frame, task int) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	for c := 0; c < s.in.c; c += s.norm.Channels {
		s.variant.LayerNorm(&s.norm, out.m, out.x[c:], in.x[c:], s.weight, s.bias)
	}
}

// responseNormStep is ConvNeXt V2's normalisation; one task is one image. It pools the
// norms; with them it is a depthwise convolution of one tap whose input is added to its
// output.
type responseNormStep struct {
	in, out     view
	gamma, beta []float32
	eps         float64
	pool        kernel.Pool
	depth       kernel.Depthwise
	variant     *kernel.Variant
}

func (c *compiler) responseNorm(u unit, op nn.ResponseNorm) (step, error) {
	s := &responseNormStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), eps: op.Eps, variant: c.options.Variant}
	b := s.in.buf
	s.pool = kernel.Pool{Segments: segments(b, b.h, b.w), Channels: s.in.c}
	s.depth = kernel.Depthwise{
		Segments: []int{0}, Channels: s.in.c,
		SrcStride: b.c, DstStride: s.out.buf.c, ResStride: b.c, Epilogue: kernel.Epilogue{Act: kernel.Identity},
	}
	var err error
	if s.gamma, err = float32s(c.net.bound, u.node.Params[0]); err == nil {
		s.beta, err = float32s(c.net.bound, u.node.Params[1])
	}
	return s, err
}

func (s *responseNormStep) tasks() int { return s.in.buf.n }

// scratch returns the floats that one task needs: what is added to each channel, and
// what it is multiplied by.
func (s *responseNormStep) scratch() int { return 2 * s.in.c }

func (s *responseNormStep) run(f *frame, n int) {
	w := f.scratch[:2*s.in.c]
	copy(w, s.beta)
	factors := w[s.in.c:]
	s.variant.NormPool(&s.pool, 1, factors, f.mem[s.in.at(n, 0, 0):])
	mean := 0.0
	for _, norm := range factors {
		mean += float64(norm)
	}
	mean /= float64(s.in.c)
	for c, norm := range factors {
		factors[c] = float32(float64(s.gamma[c]) * float64(norm) / (mean + s.eps))
	}
	h := s.in.buf.h
	for row := n * h; row < (n+1)*h; row++ {
		in, _ := s.in.row(f.mem, row)
		out, _ := s.out.row(f.mem, row)
		s.variant.Depthwise(&s.depth, s.in.buf.w, out, in, w, in)
	}
}
