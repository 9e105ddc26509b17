package engine

import (
	"fmt"
	"math"
	"sync"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// bf16Step is a convolution or linear layer with products of bf16. A task rounds the
// rows of input that it needs to pairs in the memory of its thread, unless the task
// before has done so, and computes its panels from there.
type bf16Step struct {
	convStep
	kh       int
	rowPairs int // from one rounded row to the next
	rounding kernel.Rounding
	count    int // pixels of a row, as rounding takes them
	variant  *kernel.Variant
}

// bf16Channels is the least number of input channels for which rounding pixel by pixel
// pays.
const bf16Channels = 16

// inBF16 reports whether a convolution is computed with products of bf16, where pixel
// leads from one pixel of its input to the next.
func (c *compiler) inBF16(in view, op nn.Conv, pixel int) bool {
	per := op.In / op.Groups
	return c.options.Precision == Medium && c.options.Variant.PanelBF16 != nil &&
		(per%2 == 0 || op.Groups == 1) && (per >= bf16Channels || wholeRows(in, op, pixel))
}

// wholeRows reports whether rows of input are rounded as if they were one pixel: their
// channels have no gaps, and every pixel that a convolution starts at starts a pair.
func wholeRows(in view, op nn.Conv, pixel int) bool {
	return pixel == op.In && in.buf.c == op.In && op.StrideW*op.In%2 == 0
}

// bf16 completes a step; pixel leads from one pixel of its input to the next, in floats.
func (c *compiler) bf16(u unit, conv *convStep, op nn.Conv, pixel int) (step, error) {
	s := &bf16Step{kh: op.KH, variant: c.options.Variant}
	channels := op.In // of a rounded pixel
	s.count = (conv.ow-1)*op.StrideW + op.KW
	s.rounding = kernel.Rounding{Channels: channels, SrcStride: pixel}
	if wholeRows(conv.in, op, pixel) {
		s.rounding.Channels, s.count = s.count*channels, 1
		s.rowPairs = (s.rounding.Channels + 1) / 2
	} else {
		channels += channels % 2
		s.rounding.DstStride = channels / 2
		s.rowPairs = s.count * s.rounding.DstStride
	}
	from := kernel.Panel{SrcStride: op.StrideW * channels / 2}
	per := op.In / op.Groups
	var place func(tap, ch int) int // of a weight: which half of which pair it is
	if op.Groups == 1 {
		for y := range op.KH {
			from.Segments = append(from.Segments, y*s.rowPairs)
		}
		from.SegmentLen = (op.KW*channels + 1) / 2
		place = func(tap, ch int) int { return 2*from.SegmentLen*(tap/op.KW) + channels*(tap%op.KW) + ch }
	} else {
		for tap := range op.KH * op.KW {
			from.Segments = append(from.Segments, tap/op.KW*s.rowPairs+tap%op.KW*channels/2)
		}
		from.SegmentLen = per / 2
		place = func(tap, ch int) int { return tap*per + ch }
	}
	c.panels(u, conv, op, from)
	size := (1 + from.K()) * conv.width
	packed, err := packOnce(c.net.weights, c.packing(u, "bf16 "+c.options.Variant.Name), func() ([]kernel.Pair, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		bounds := c.bounds(u, op)
		packed := alloc[kernel.Pair](len(bounds) * size)
		parallel(len(bounds), func(i int) {
			packBF16(packed[i*size:][:size], conv.width, op.KH*op.KW, f, bounds[i][0], bounds[i][1], place, c.options.Variant.RoundBF16)
		})
		return packed, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range conv.panels {
		conv.panels[i].pairs = packed[i*size:][:size:size]
	}
	conv.split(c.options.Threads, op.StrideH*s.rowPairs)
	s.convStep = *conv
	return s, nil
}

// packBF16 writes n output channels from channel first on as kernel.PanelBF16Generic
// reads them; place says which half of which pair the weight of a tap and an input
// channel is. The weights are spread as floats and rounded together.
func packBF16(dst []kernel.Pair, width, taps int, f *unitWeights, first, n int, place func(tap, ch int) int, round func(r *kernel.Rounding, m int, dst []kernel.Pair, src []float32)) {
	for j := range n {
		dst[j] = kernel.Pair(math.Float32bits(f.bias[first+j]))
	}
	dst = dst[width:]
	spare, _ := spreadWeights.Get().(*[]float32)
	if spare == nil || cap(*spare) < 2*len(dst) {
		spare = new(make([]float32, 2*len(dst)))
	}
	defer spreadWeights.Put(spare)
	floats := (*spare)[:2*len(dst)]
	clear(floats)
	scale := f.scale[first:][:n]
	for i := range f.fan {
		at := place(i%taps, i/taps)
		row := floats[at/2*2*width+at%2:][:2*n-1]
		w, from := f.w[first*f.fan+i:], 0
		for j, s := range scale {
			row[2*j] = float32(float64(w[from]) * s)
			from += f.fan
		}
	}
	round(&kernel.Rounding{Channels: len(floats)}, 1, dst, floats)
}

// spreadWeights holds slices of floats that packBF16 is done with.
var spreadWeights sync.Pool

func (s *bf16Step) kernel() string { return fmt.Sprintf("bf16 panel %dx%d", s.pixels, s.width) }

// pairs returns how many pairs the rounded rows of one task are at most.
func (s *bf16Step) pairs() int {
	most := 0
	for first := 0; first < s.images*s.oh; first += s.rowsPerTask {
		last := min(first+s.rowsPerTask, s.images*s.oh) - 1
		most = max(most, s.rounded(first, last)+s.kh)
	}
	return most * s.rowPairs
}

// rounded returns where, counted in rows, the input of an output row begins among the
// rounded rows of a task that starts with output row first. Those of each image follow
// one another without a gap.
func (s *bf16Step) rounded(first, row int) int {
	height := func(rows int) int { return (rows-1)*s.strideH + s.kh }
	images := row/s.oh - first/s.oh
	if images == 0 {
		return (row - first) * s.strideH
	}
	return height(s.oh-first%s.oh) + (images-1)*height(s.oh) + row%s.oh*s.strideH
}

// roundRows rounds the input of output rows first ≤ row < last.
func (s *bf16Step) roundRows(f *frame, first, last int) {
	for from := first; from < last; {
		n, y := from/s.oh, from%s.oh
		to := min(last, (n+1)*s.oh)
		at := s.rounded(first, from) * s.rowPairs
		for r := range (to-from-1)*s.strideH + s.kh {
			s.variant.RoundBF16(&s.rounding, s.count, f.pairs[at:], f.mem[s.in.at(n, y*s.strideH-s.padTop+r, -s.padLeft):])
			at += s.rowPairs
		}
		from = to
	}
}

func (s *bf16Step) run(f *frame, task int) {
	groups := (len(s.panels) + s.panelsPerTask - 1) / s.panelsPerTask
	block := task / groups
	first := block * s.rowsPerTask
	last := min(first+s.rowsPerTask, s.images*s.oh)
	if f.rounded != block {
		s.roundRows(f, first, last)
		f.rounded = block
	}
	panels := s.panels[task%groups*s.panelsPerTask:]
	panels = panels[:min(s.panelsPerTask, len(panels))]
	for i := range panels {
		p := &panels[i]
		for row := first; row < last; row++ {
			src := f.pairs[s.rounded(first, row)*s.rowPairs+p.src/2:]
			s.tiles(f.mem, p, row/s.oh, row%s.oh, func(x, m int, dst, res []float32) {
				s.variant.PanelBF16(p.Panel, m, dst, src[x*p.SrcStride:], p.pairs, res)
			})
		}
	}
}
