package engine

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// filterStep is a convolution whose output channels lie over the input channels that
// they are made from: a depthwise one, or one in small groups. One task is one row of
// output.
type filterStep struct {
	in, out         view
	residual        *view
	strideH         int
	padTop, padLeft int
	name            string
	compute         func(m int, dst, src, res []float32)
	finish          *finish
}

// filtered reports whether a convolution is computed by a filterStep.
func filtered(v *kernel.Variant, op nn.Conv) bool {
	size := op.In / op.Groups
	return op.Groups > 1 && op.In == op.Out && (size == 1 || slices.Contains(v.GroupSizes, size))
}

func (c *compiler) filter(u unit, op nn.Conv) (step, error) {
	in, out := c.layout.view(u.node.In[0]), c.layout.view(u.out)
	top, _, left, _ := op.Pads(in.buf.h, in.buf.w)
	s := &filterStep{in: in, out: out, residual: c.residual(u), strideH: op.StrideH, padTop: top, padLeft: left}
	s.finish = c.finish(u, op.Out, out.buf.c)
	resStride := 0
	if s.residual != nil {
		resStride = s.residual.buf.c
	}
	if op.In > op.Groups {
		p := &kernel.Grouped{
			Segments: windowSegments(in.buf, op), Channels: op.Out, Size: op.In / op.Groups, Lanes: c.options.Variant.Lanes,
			SrcStride: op.StrideW * in.buf.c, DstStride: out.buf.c, ResStride: resStride,
			Epilogue: epilogue(u),
		}
		w, err := c.groupedWeights(u, p)
		if err != nil {
			return nil, err
		}
		compute := c.options.Variant.Grouped
		s.name = fmt.Sprintf("grouped by %d", p.Size)
		s.compute = func(m int, dst, src, res []float32) { compute(p, m, dst, src, w, res) }
		return s, nil
	}
	p := &kernel.Depthwise{
		Segments: windowSegments(in.buf, op), Channels: op.Out,
		SrcStride: op.StrideW * in.buf.c, DstStride: out.buf.c, ResStride: resStride,
		Epilogue: epilogue(u),
	}
	w, err := c.depthwiseWeights(u, p)
	if err != nil {
		return nil, err
	}
	compute := c.options.Variant.Depthwise
	s.name = "depthwise"
	s.compute = func(m int, dst, src, res []float32) { compute(p, m, dst, src, w, res) }
	return s, nil
}

// segments returns the offsets of kh rows of kw pixels of b from the first of them.
func segments(b *buffer, kh, kw int) []int {
	return windowSegments(b, nn.Conv{KH: kh, KW: kw})
}

// windowSegments returns the offsets of the pixels of a window of b from the first of them.
func windowSegments(b *buffer, op nn.Conv) []int {
	var at []int
	apart := max(op.Dilation, 1)
	for y := range op.KH {
		for x := range op.KW {
			at = append(at, apart*(y*b.rowStride()+x*b.c))
		}
	}
	return at
}

// groupedWeights returns the packed weights of a convolution in groups.
func (c *compiler) groupedWeights(u unit, p *kernel.Grouped) ([]float32, error) {
	key := packing{fmt.Sprintf("grouped in blocks of %d", p.Lanes), u.out, p.Channels, 1}
	return packOnce(c.net.weights, key, func() ([]float32, error) {
		f, err := folded(c.net.bound, u, p.Channels)
		if err != nil {
			return nil, err
		}
		return kernel.PackGrouped(p,
			func(ch int) float32 { return f.bias[ch] },
			func(ch, in, tap int) float32 { return f.at(ch, in%p.Size*len(p.Segments)+tap) }), nil
	})
}

// depthwiseWeights returns the packed weights of a depthwise convolution.
func (c *compiler) depthwiseWeights(u unit, p *kernel.Depthwise) ([]float32, error) {
	return packOnce(c.net.weights, packing{"depthwise", u.out, p.Channels, 1}, func() ([]float32, error) {
		f, err := folded(c.net.bound, u, p.Channels)
		if err != nil {
			return nil, err
		}
		packed := append(make([]float32, 0, (1+len(p.Segments))*p.Channels), f.bias...)
		for tap := range p.Segments {
			for ch := range p.Channels {
				packed = append(packed, f.at(ch, tap))
			}
		}
		return packed, nil
	})
}

func (s *filterStep) kernel() string { return s.name }

func (s *filterStep) tasks() int { return s.out.rows() }

func (s *filterStep) run(f *frame, task int) {
	n, y := task/s.out.buf.h, task%s.out.buf.h
	dst, _ := s.out.row(f.mem, task)
	var res []float32
	if s.residual != nil {
		res, _ = s.residual.row(f.mem, task)
	}
	src := s.in.at(n, y*s.strideH-s.padTop, -s.padLeft)
	s.compute(s.out.buf.w, dst, f.mem[src:], res)
	s.finish.row(s.out.buf.w, dst)
}
