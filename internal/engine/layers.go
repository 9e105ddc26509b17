package engine

import (
	"slices"
	"time"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Layer describes one step of a plan.
type Layer struct {
	Path string // module path of its first operator; empty for the input
	Kind string // of its first operator, as in nn
	// Kernel is how it is computed, such as "panel 14x32" for tiles of 14 pixels by 32
	// channels, and "bf16 panel x32" for products of bf16; empty where there is only one way.
	Kernel string
	In     tensor.Shape // of its first operator
	Out    tensor.Shape
	Tasks  int   // that may run at the same time, for the images that are computed together
	MACs   int64 // multiply-accumulates that the operator is defined by
}

// describe returns what is known of a unit before there is a step for it.
func (c *compiler) describe(u unit) Layer {
	in, out := c.batch(c.layout.shapes[u.node.In[0]]), c.batch(c.layout.shapes[u.node.Out])
	l := Layer{Path: u.path, Kind: u.node.Op.Kind(), In: in, Out: out}
	n, _ := out.Numel() // checked by Graph.Shapes
	switch op := u.node.Op.(type) {
	case nn.Conv:
		l.MACs = int64(n) * int64(op.In/op.Groups*op.KH*op.KW)
	case nn.Linear:
		l.MACs = int64(n) * int64(op.In)
	}
	return l
}

// batch returns the shape that a value has for the whole batch.
func (c *compiler) batch(part tensor.Shape) tensor.Shape {
	whole := slices.Clone(part)
	whole[0] *= c.parts
	return whole
}

// Layers returns the steps of a plan in the order they run.
func (p *Plan) Layers() []Layer {
	layers := make([]Layer, len(p.steps))
	for i, s := range p.steps {
		layers[i] = s.layer
	}
	return layers
}

// RunTimed is Run, and stores how long each step took, in the order of Plan.Layers.
func (s *Session) RunTimed(logits, input []float32, times []time.Duration) error {
	s.crew.times = times[:len(s.plan.steps)]
	clear(s.crew.times)
	defer func() { s.crew.times = nil }()
	return s.Run(logits, input)
}
