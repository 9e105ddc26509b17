package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// epilogue returns what a unit's kernel does to its sums. An activation with a curve is
// left to finish.
func epilogue(u unit) kernel.Epilogue {
	e := kernel.Epilogue{Act: kernel.Identity, ActLast: u.actLast}
	if u.act != nil {
		if act, ok := piecewise(*u.act); ok {
			e.Act = act
		}
	}
	return e
}

// piecewise returns the piecewise linear form of an activation, in which kernels apply
// it to their sums, and whether it has one.
func piecewise(a nn.Act) (kernel.Act, bool) {
	switch a.Func {
	case nn.FuncLeakyReLU:
		return kernel.LeakyReLU(a.Slope), true
	case nn.FuncReLU:
		return kernel.ReLU, true
	case nn.FuncReLU6:
		return kernel.ReLU6, true
	}
	return kernel.Act{}, false
}

// curves are the activations that are not piecewise linear in two pieces.
var curves = map[nn.ActFunc]kernel.Curve{
	nn.FuncSigmoid:     kernel.Sigmoid,
	nn.FuncHardSigmoid: kernel.HardSigmoid,
	nn.FuncSiLU:        kernel.SiLU,
	nn.FuncHardSwish:   kernel.HardSwish,
	nn.FuncGELU:        kernel.GELU,
	nn.FuncQuickGELU:   kernel.QuickGELU,
	nn.FuncGELUTanh:    kernel.GELUTanh,
	nn.FuncTanh:        kernel.Tanh,
}

// known reports whether there is a way to compute an activation.
func known(a nn.Act) bool {
	_, linear := piecewise(a)
	return linear || curves[a.Func] != kernel.NoCurve
}

// A finish applies a curve to what a step has just written, while it is in the cache. A
// nil finish does nothing.
type finish struct {
	kernel.Activation
	activate func(a *kernel.Activation, m int, dst, src []float32)
}

// finish returns what is left to do to the outputs of a unit's step, of so many channels
// and pixels stride apart.
func (c *compiler) finish(u unit, channels, stride int) *finish {
	if u.act == nil || curves[u.act.Func] == kernel.NoCurve {
		return nil
	}
	return &finish{
		kernel.Activation{Curve: curves[u.act.Func], Channels: channels, SrcStride: stride, DstStride: stride},
		c.options.Variant.Activate,
	}
}

// row finishes m pixels.
func (f *finish) row(m int, x []float32) {
	if f != nil {
		f.activate(&f.Activation, m, x, x)
	}
}

// curveStep applies a curve to a value that nothing else is done to. One task is a piece
// of a row of output.
type curveStep struct {
	in, out view
	finish  finish
}

// act makes the step of an activation that is fused with nothing.
func (c *compiler) act(u unit, op nn.Act) (step, error) {
	if _, ok := piecewise(op); ok {
		return c.affine(u)
	}
	s := &curveStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out)}
	u.act = &op
	s.finish = *c.finish(u, s.in.c, s.out.buf.c)
	s.finish.SrcStride = s.in.buf.c
	return s, nil
}

func (s *curveStep) tasks() int { return s.out.tasks() }

func (s *curveStep) run(f *frame, task int) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	s.finish.activate(&s.finish.Activation, out.m, out.x, in.x)
}
