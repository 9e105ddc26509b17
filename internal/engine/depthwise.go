package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// depthwiseStep filters every channel on its own. One task is one row of output.
type depthwiseStep struct {
	in, out         view
	residual        *view
	op              nn.Conv
	padTop, padLeft int
	params          kernel.Depthwise
	weights         []float32
	compute         func(p *kernel.Depthwise, m int, dst, src, w, res []float32)
}

func (c *compiler) depthwise(u unit, op nn.Conv) (step, error) {
	in, out := c.layout.view(u.node.In[0]), c.layout.view(u.out)
	top, _, left, _ := op.Pads(in.buf.h, in.buf.w)
	taps := op.KH * op.KW
	packed, err := c.net.weights.get(packing{"depthwise", u.out, op.Out, 1}, func() ([]float32, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		packed := append(make([]float32, 0, (taps+1)*op.Out), f.bias...)
		for tap := range taps {
			for ch := range op.Out {
				packed = append(packed, f.at(ch, tap))
			}
		}
		return packed, nil
	})
	if err != nil {
		return nil, err
	}
	s := &depthwiseStep{
		in: in, out: out, residual: c.residual(u), op: op, padTop: top, padLeft: left,
		weights: packed, compute: c.options.Variant.Depthwise,
		params: kernel.Depthwise{
			Channels: op.Out, SrcStride: op.StrideW * in.buf.c, DstStride: out.buf.c,
			Epilogue: epilogue(u),
		},
	}
	for y := range op.KH {
		for x := range op.KW {
			s.params.Segments = append(s.params.Segments, y*in.buf.rowStride()+x*in.buf.c)
		}
	}
	if s.residual != nil {
		s.params.ResStride = s.residual.buf.c
	}
	return s, nil
}

func (s *depthwiseStep) tasks() int { return s.out.rows() }

func (s *depthwiseStep) run(f *frame, task int) {
	n, y := task/s.out.buf.h, task%s.out.buf.h
	dst, _ := s.out.row(f.mem, task)
	var res []float32
	if s.residual != nil {
		res, _ = s.residual.row(f.mem, task)
	}
	src := s.in.at(n, y*s.op.StrideH-s.padTop, -s.padLeft)
	s.compute(&s.params, s.out.buf.w, dst, f.mem[src:], s.weights, res)
}
