package engine

import (
	"time"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Layer describes one step of a plan.
type Layer struct {
	Path string // module path of its first operator; empty for the input
	Kind string // of its first operator, as in nn
	// Kernel is how it is computed, such as "panel 14x32" for 14 pixels by 32 channels in
	// registers, "bf16 panel x32" for products of bf16 and "2-part tiles, rows" for those of
	// numbers in two parts in tiles; empty where there is only one way. Why is the reason, where
	// there was a choice.
	Kernel, Why string
	In          tensor.Shape // of its first operator
	Out         tensor.Shape
	Tasks       int   // that may run at the same time, for the images that are computed together
	MACs        int64 // multiply-accumulates that the operator is defined by
}

// describe returns what is known of a unit before there is a step for it.
func (c *compiler) describe(u unit) Layer {
	in, out := c.batch(c.layout.sizes[u.node.In[0]]), c.batch(c.layout.sizes[u.node.Out])
	l := Layer{Path: u.path, Kind: u.node.Op.Kind(), In: in, Out: out, Why: c.ways[u.out].why}
	n, _ := out.Numel() // checked by Graph.Shapes
	switch op := u.node.Op.(type) {
	case nn.Conv:
		l.MACs = int64(n) * int64(op.In/op.Groups*op.KH*op.KW)
	case nn.Linear:
		l.MACs = int64(n) * int64(op.In)
	case nn.ChannelAttention:
		q, k, v := c.layout.sizes[u.node.In[0]], c.layout.sizes[u.node.In[1]], c.layout.sizes[u.node.In[2]]
		l.MACs = int64(q.N*c.parts*q.C) * int64(k.C/op.Heads) * int64(k.Positions()+v.Positions())
	case nn.DecomposedAttention:
		q, k, v := c.layout.sizes[u.node.In[0]], c.layout.sizes[u.node.In[1]], c.layout.sizes[u.node.In[2]]
		each := int64(k.Positions())*int64(k.C+v.C) + int64(k.H+k.W)*int64(k.C)
		l.MACs = int64(q.N*c.parts*q.Positions()) * each
	case nn.Attention:
		q, k, v := c.layout.sizes[u.node.In[0]], c.layout.sizes[u.node.In[1]], c.layout.sizes[u.node.In[2]]
		l.MACs = int64(q.N*c.parts*q.Positions()) * int64(op.Keys(k.Positions())) * int64(k.C+v.C)
	}
	return l
}

// batch returns the shape that a value has for the whole batch.
func (c *compiler) batch(part nn.Size) tensor.Shape {
	part.N *= c.parts
	return part.Shape()
}

// Layers returns the steps of a plan in the order they run.
func (p *Plan) Layers() []Layer {
	layers := make([]Layer, len(p.steps))
	for i, s := range p.steps {
		layers[i] = s.layer
	}
	return layers
}

// A StepTime is what one step of a run took.
type StepTime struct {
	Wall time.Duration
	Busy time.Duration // that its threads were computing, added up
}

// Idle returns the share of their time, 0 to 1, that a number of threads had nothing to
// compute.
func (t StepTime) Idle(threads int) float64 {
	if t.Wall <= 0 {
		return 0
	}
	return max(0, 1-float64(t.Busy)/float64(t.Wall)/float64(threads))
}

// RunTimed is Run, and stores what each step took, in the order of Plan.Layers.
func (s *Session) RunTimed(logits, input []float32, times []StepTime) error {
	c := &s.crew
	c.times = times[:len(c.steps)]
	clear(c.times)
	defer func() { c.times = nil }()
	if len(c.frames) == 1 { // nobody waits for others
		err := s.Run(logits, input)
		for i := range c.times {
			c.times[i].Busy = c.times[i].Wall
		}
		return err
	}
	for i := range c.frames {
		c.frames[i].busy = make([]time.Duration, len(c.steps))
	}
	err := s.Run(logits, input)
	for i := range c.frames {
		for step, d := range c.frames[i].busy {
			c.times[step].Busy += d
		}
		c.frames[i].busy = nil
	}
	return err
}
