package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// affineStep scales and shifts each channel, adds another value and applies an
// activation, as far as a unit wants them: it is a depthwise convolution of one tap.
// One task is a piece of a row of output.
type affineStep struct {
	in, out  view
	residual *view
	factors  *view // of each image, in place of weights
	product  bool  // factors are of each pixel
	depth    kernel.Depthwise
	weights  []float32 // what is added to each channel, then what it is multiplied by
	finish   *finish
	variant  *kernel.Variant
}

// affine makes the step of a unit whose operator is nn.BatchNorm, nn.LayerScale, nn.Scale, nn.Mul,
// nn.Add or a piecewise linear nn.Act.
func (c *compiler) affine(u unit) (step, error) {
	s := c.affineOf(u)
	channels := s.in.c
	s.weights = make([]float32, 2*channels)
	factor := float32(1)
	switch op := u.node.Op.(type) {
	case nn.BatchNorm, nn.LayerScale:
		scale, shift, err := foldedNorm(c.net.bound, &u.node, channels)
		if err != nil {
			return nil, err
		}
		for i := range scale {
			s.weights[i], s.weights[channels+i] = float32(shift[i]), float32(scale[i])
		}
		return s, nil
	case nn.Scale:
		factor = float32(op.Factor)
	case nn.Mul:
		v := c.layout.view(u.node.In[1])
		s.factors, s.product = &v, c.layout.sizes[u.node.In[1]] == c.layout.sizes[u.node.In[0]]
	case nn.Act:
		s.depth.Act, _ = piecewise(op)
	}
	for i := range channels {
		s.weights[channels+i] = factor
	}
	return s, nil
}

// affineOf makes a step without weights.
func (c *compiler) affineOf(u unit) *affineStep {
	s := &affineStep{
		in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), residual: c.residual(u), variant: c.options.Variant,
	}
	s.depth = kernel.Depthwise{
		Segments: []int{0}, Channels: s.in.c, SrcStride: s.in.buf.c, DstStride: s.out.buf.c, Epilogue: epilogue(u),
	}
	if s.residual != nil {
		s.depth.ResStride = s.residual.buf.c
	}
	s.finish = c.finish(u, s.in.c, s.out.buf.c)
	return s
}

func (s *affineStep) tasks() int { return s.out.tasks() }

// scratch returns the floats that one task needs.
func (s *affineStep) scratch() int {
	if s.factors == nil {
		return 0
	}
	return 2 * s.in.c
}

func (s *affineStep) run(f *frame, task int) {
	w := s.weights
	if s.factors != nil && !s.product {
		w = f.scratch[:2*s.in.c]
		clear(w[:s.in.c])
		copy(w[s.in.c:], f.mem[s.factors.at(s.out.piece(f.mem, task).row/s.out.buf.h, 0, 0):])
	}
	s.apply(f, task, w)
}

// apply computes the piece of a task with weights w, unless factors are of each pixel.
func (s *affineStep) apply(f *frame, task int, w []float32) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	var res []float32
	if s.residual != nil {
		res = s.residual.piece(f.mem, task).x
	}
	if s.product {
		s.products(f, out, in, s.factors.piece(f.mem, task), res)
	} else {
		s.variant.Depthwise(&s.depth, out.m, out.x, in.x, w, res)
	}
	s.finish.row(out.m, out.x)
}

// products multiplies pixel by pixel: the channels of one are the weights of the other.
func (s *affineStep) products(f *frame, out, in, by piece, res []float32) {
	c := s.in.c
	w := f.scratch[:2*c]
	clear(w[:c])
	for i := range out.m {
		copy(w[c:], by.x[i*by.stride:][:c])
		var r []float32
		if res != nil {
			r = res[i*s.depth.ResStride:][:c]
		}
		s.variant.Depthwise(&s.depth, 1, out.x[i*out.stride:][:c], in.x[i*in.stride:][:c], w, r)
	}
}
