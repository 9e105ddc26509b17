package engine

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// directStep is a convolution in tiles, from stored channels to stored channels. Its tasks
// are blocks of what source divides it into, times blocks of panels of 32 output channels.
type directStep struct {
	source
	panels        []directPanel
	panelsPerTask int
	compute       kernel.DirectFunc
	name          string
}

// A directPanel is 32 output channels.
type directPanel struct {
	*kernel.Direct
	weights []kernel.Pair
	first   int // of its channels among those of the unit, and of the residual
	dst     view
	table   *tileTable
}

// directConv makes the step of a convolution whose way is byTiles.
func (c *compiler) directConv(u unit, w window, op nn.Conv) (step, error) {
	parts := c.ways[u.out].parts
	s := &directStep{source: c.source(w, op, parts), compute: c.options.Variant.Direct}
	s.name = fmt.Sprintf("%s tiles, %s", [...]string{1: "bf16", 2: "2-part", 3: "3-part"}[parts], s.form)
	shared := s.direct()
	shared.Epilogue = epilogue(u)
	if s.residual != nil {
		shared.ResStride, shared.Res = s.residual.buf.pixel(), s.residual.buf.storage
	}
	s.divide(c.options.Threads, op)
	first := 0 // output channel of a view
	for _, dst := range c.layout.views(u.out) {
		d, table := shared, s.table(dst.buf)
		d.DstStride, d.Dst = dst.buf.pixel(), dst.buf.storage
		for at := 0; at < dst.c; at += kernel.BlockChannels {
			s.panels = append(s.panels, directPanel{
				Direct: &d, first: first + at, dst: dst.channels(at, at+kernel.BlockChannels), table: table,
			})
		}
		first += dst.c
	}
	size := shared.PackedDirect()
	kind := fmt.Sprintf("%d parts %s", parts, c.options.Variant.Name)
	packed, err := packOnce(c.net.weights, c.packing(u, kind), func() ([]kernel.Pair, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		packed := alloc[kernel.Pair](len(s.panels) * size)
		parallel(len(s.panels), func(i int) {
			s.pack(packed[i*size:][:size], &shared, f, s.panels[i].first)
		})
		return packed, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range s.panels {
		s.panels[i].weights = packed[i*size:][:size:size]
	}
	return s, nil
}

// pack writes 32 output channels from channel first on as kernel.DirectGeneric reads
// them. The weights that a row of a tile holds, of two input values and 16 output
// channels, are rounded together.
func (s *source) pack(dst []kernel.Pair, d *kernel.Direct, f *unitWeights, first int) {
	for c := range kernel.BlockChannels {
		dst[c] = kernel.Pair(math.Float32bits(f.bias[first+c]))
	}
	const row = 16 // output channels, with a pair of input values each
	stored := kernel.Storage(d.Parts)
	rounding := stored.Rounding(2*row, stored.Words(2*row))
	var floats [2 * row]float32
	var words [3 * row]kernel.Pair
	for k := 0; k < s.values(); k += 2 {
		block, at := s.place(k)
		for column := 0; column < kernel.BlockChannels; column += row {
			for i := range floats {
				floats[i] = 0
				if fan := s.fan(k + i%2); fan >= 0 {
					floats[i] = f.at(first+column+i/2, fan)
				}
			}
			s.round(&rounding, 1, words[:], floats[:])
			for part := range d.Parts {
				copy(dst[d.DirectWeight(block, part, at, column):], words[part*row:][:row])
			}
		}
	}
}

func (s *directStep) kernel() string { return s.name }

// groups returns the number of blocks of panels.
func (s *directStep) groups() int { return (len(s.panels) + s.panelsPerTask - 1) / s.panelsPerTask }

func (s *directStep) tasks() int { return s.blocks() * s.groups() }

// scratch returns the floats that one task needs.
func (s *directStep) scratch() int { return kernel.DirectSums }

func (s *directStep) run(f *frame, task int) {
	block, group := task/s.groups(), task%s.groups()
	src := f.words
	if s.staged() {
		if f.rounded != block {
			s.stage(f, block)
			f.rounded = block
		}
		src = f.pairs
	}
	first := group * s.panelsPerTask
	for i := first; i < min(first+s.panelsPerTask, len(s.panels)); i++ {
		p := &s.panels[i]
		var res, next []kernel.Pair
		if s.residual != nil {
			res = f.words[s.residual.at(0, 0, 0)+s.residual.buf.storage.Words(p.first):]
		}
		if i+1 < len(s.panels) {
			next = s.panels[i+1].weights
		}
		runs, pieces := p.table.block(block)
		s.compute(p.Direct, runs, pieces, f.words[p.dst.at(0, 0, 0):], src, res, p.weights, next, f.scratch)
	}
}
