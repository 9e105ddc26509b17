package engine

import (
	"fmt"
	"math"
	"sync"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// bf16Step is a convolution or linear layer with products of bf16, one or three for each
// of float32. A task rounds or splits the rows of input that it needs to pairs in the
// memory of its thread, unless the task before has done so, and computes its panels from
// there.
type bf16Step struct {
	convStep
	kh       int
	rowPairs int // from one rounded row to the next
	rounding kernel.Rounding
	count    int // pixels of a row, as rounding takes them
	name     string
	round    kernel.RoundFunc
	multiply func(p *kernel.Panel, rows kernel.Rows, dst []float32, src, w []kernel.Pair, res []float32)
}

// bf16Channels is the least number of input channels for which rounding pixel by pixel
// pays.
const bf16Channels = 16

// inBF16 reports whether the rows that a convolution reads can be rounded to bf16, where there are
// kernels for them and pixel leads from one pixel of its input to the next.
func (c *compiler) inBF16(in view, op nn.Conv, pixel int) bool {
	per := op.In / op.Groups
	return c.options.Variant.PanelBF16 != nil && (per%2 == 0 || op.Groups == 1) && (per >= bf16Channels || wholeRows(in, op, pixel))
}

// wholeRows reports whether rows of input are rounded as if they were one pixel: their
// channels have no gaps, and every pixel that a convolution starts at starts a pair.
func wholeRows(in view, op nn.Conv, pixel int) bool {
	return pixel == op.In && in.buf.c == op.In && op.StrideW*op.In%2 == 0
}

// bf16 completes a step; pixel leads from one pixel of its input to the next, in floats.
func (c *compiler) bf16(u unit, conv *convStep, op nn.Conv, pixel int) (step, error) {
	v := c.options.Variant
	s := &bf16Step{kh: op.KH, name: "bf16", round: v.RoundBF16, multiply: v.PanelBF16}
	parts := 1
	if c.ways[u.out].parts == 2 {
		s.name, s.round, s.multiply, parts = "2-part", v.RoundSplit, v.PanelSplit, 2
	}
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
	size := parts * (1 + from.K()) * conv.width
	packed, err := packOnce(c.net.weights, c.packing(u, s.name+" "+v.Name), func() ([]kernel.Pair, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		bounds := c.bounds(u, op)
		packed := alloc[kernel.Pair](len(bounds) * size)
		parallel(len(bounds), func(i int) {
			packBF16(packed[i*size:][:size], parts, conv.width, op.KH*op.KW, f, bounds[i][0], bounds[i][1], place, s.round)
		})
		return packed, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range conv.panels {
		conv.panels[i].pairs = packed[i*size:][:size:size]
	}
	conv.divide(c.options.Threads, parts*op.StrideH*s.rowPairs)
	s.convStep = *conv
	if parts > 1 {
		s.rounding.Low = s.pairs()
	}
	return s, nil
}

// packBF16 writes n output channels from channel first on as kernel.PanelBF16Generic
// reads them, or in two parts as kernel.PanelSplitGeneric does; place says which half of
// which pair the weight of a tap and an input channel is. The weights are spread as floats
// and rounded together.
func packBF16(dst []kernel.Pair, parts, width, taps int, f *unitWeights, first, n int,
	place func(tap, ch int) int, round kernel.RoundFunc) {
	for j := range n {
		dst[j] = kernel.Pair(math.Float32bits(f.bias[first+j]))
	}
	size := len(dst) / parts
	spare, _ := spreadWeights.Get().(*[]float32)
	if spare == nil || cap(*spare) < 2*(size-width) {
		spare = new(make([]float32, 2*(size-width)))
	}
	defer spreadWeights.Put(spare)
	floats := (*spare)[:2*(size-width)]
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
	round(&kernel.Rounding{Channels: len(floats), Low: size}, 1, dst[width:], floats)
}

// spreadWeights holds slices of floats that packBF16 is done with.
var spreadWeights sync.Pool

func (s *bf16Step) kernel() string { return fmt.Sprintf("%s panel x%d", s.name, s.width) }

// pairs returns how many pairs the rounded rows of one task are at most, with their low
// parts where those have a place.
func (s *bf16Step) pairs() int {
	most := 0
	for first := 0; first < s.images*s.oh; first += s.rowsPerTask {
		last := min(first+s.rowsPerTask, s.images*s.oh) - 1
		most = max(most, s.rounded(first, last)+s.kh)
	}
	return s.rounding.Low + most*s.rowPairs
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
			s.round(&s.rounding, s.count, f.pairs[at:], f.mem[s.in.at(n, y*s.strideH-s.padTop+r, -s.padLeft):])
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
		for from := first; from < last; {
			to := min(last, (from/s.oh+1)*s.oh) // rows of one image
			s.rows(f, &panels[i], first, from, to)
			from = to
		}
	}
}

// rows computes the channels of one panel for output rows from ≤ row < to of one image,
// in a task that starts with row first.
func (s *bf16Step) rows(f *frame, p *panel, first, from, to int) {
	n, y := from/s.oh, from%s.oh
	last := to - from - 1
	rows := kernel.Rows{
		Count: to - from, Pixels: s.ow, Low: s.rounding.Low,
		Src: s.strideH * s.rowPairs, Dst: p.dst.buf.rowStride(),
	}
	at, pixels := p.dst.at(n, y, 0), s.ow-1
	dst := f.mem[at : at+last*rows.Dst+pixels*p.DstStride+p.dst.c]
	var res []float32
	if s.residual != nil {
		rows.Res = s.residual.buf.rowStride()
		at := s.residual.at(n, y, 0) + p.res
		res = f.mem[at : at+last*rows.Res+pixels*p.ResStride+p.dst.c]
	}
	s.multiply(p.Panel, rows, dst, f.pairs[s.rounded(first, from)*s.rowPairs+p.src/2:], p.pairs, res)
	for i := range rows.Count {
		p.finish.row(s.ow, dst[i*rows.Dst:][:pixels*p.DstStride+p.dst.c])
	}
}
