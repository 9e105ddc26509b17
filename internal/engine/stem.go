package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// A stem is a convolution in tiles of bf16 that reads the network's input, whose channels are
// too few to fill a block: a row of a tile is a row of its window, of pixels of four
// channels, and a segment of its own.
//
// On one thread of Emerald Rapids that of CSPResNet50, 7x7 of stride 2 at 256x256, takes 0.51 ms
// where products of rounded rows take 0.95. Three parts, for float32 grade, would take 2.26 where
// multiply-adds take 1.94. One of stride 1 stays in float32: CSPDarknet50's would take 0.44 ms for
// 1.01, but what it errs passes through all layers, and the worst probe at medium errs
// by 0.076 for 0.044, where 0.05 is allowed.

// stemChannels is how many channels a stem reads at most.
const stemChannels = 2 * kernel.QuadWords

// isStem reports whether a unit is to be a stem.
func (c *compiler) isStem(u unit, op nn.Conv) bool {
	return c.options.Precision == Medium && u.node.In[0] == 0 && c.layout.readers(0) == 1 && !c.keep[0] &&
		op.StrideW > 1 && op.In <= stemChannels && op.KW*kernel.QuadWords <= kernel.PartWords && c.notToTiles(u, op) == ""
}

// quadsStep is inputStep for a stem.
type quadsStep struct {
	dst    view
	planes kernel.Planes
	round  func(p *kernel.Planes, m int, dst []kernel.Pair, src []float32)
}

// input returns the step that takes the network's input in.
func (c *compiler) input() step {
	v := c.layout.view(0)
	if v.buf.storage == kernel.Floats {
		return &inputStep{v}
	}
	return &quadsStep{v, kernel.Planes{Channels: v.c, Plane: v.buf.h * v.buf.w}, c.options.Variant.RoundPlanes}
}

func (s *quadsStep) tasks() int { return s.dst.rows() }

func (s *quadsStep) run(f *frame, task int) {
	b := s.dst.buf
	n, y := task/b.h, task%b.h
	s.round(&s.planes, b.w, f.words[s.dst.at(n, y, 0):], f.src[n*s.planes.Channels*s.planes.Plane+y*b.w:])
}
