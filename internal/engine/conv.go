package engine

import (
	"fmt"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// convStep is a dense or grouped convolution, or a linear layer. Its tasks are blocks
// of output rows, counted over all images, times blocks of output channels.
type convStep struct {
	window
	panels        []panel
	panelsPerTask int
	rowsPerTask   int
	pixels, width int // of one tile, at most
	compute       func(p *kernel.Panel, m int, dst, src, w, res []float32)
}

// A window is where a convolution moves over its input, and the size of its output.
type window struct {
	in               view
	residual         *view
	images, oh, ow   int
	strideH, strideW int
	padTop, padLeft  int
}

// A panel is the packed weights of some output channels, with what is needed to
// compute them.
type panel struct {
	*kernel.Panel
	weights []float32
	pairs   []kernel.Pair // in place of weights, for products of bf16
	dst     view          // of these channels
	src     int           // first channel that is read
	res     int           // first channel of the residual
	finish  *finish
	rounder *rounder // where dst is not floats
}

// A rounder rounds what a panel comes to, as it is stored as pairs.
type rounder struct {
	kernel.Rounding
	round kernel.RoundFunc
}

// conv makes the step of a convolution.
func (c *compiler) conv(u unit, op nn.Conv) (step, error) {
	switch c.ways[u.out].method {
	case byFilter:
		return c.filter(u, op)
	case bySlide:
		return c.slide(u, op)
	case byWinograd:
		return c.winogradConv(u, op)
	}
	in := c.layout.view(u.node.In[0])
	oh, ow := c.layout.grid(u.node.Out)
	top, _, left, _ := op.Pads(in.buf.h, in.buf.w)
	w := window{
		in: in, residual: c.residual(u), images: in.buf.n, oh: oh, ow: ow,
		strideH: op.StrideH, strideW: op.StrideW, padTop: top, padLeft: left,
	}
	if c.ways[u.out].method == byTiles {
		return c.directConv(u, w, op)
	}
	return c.dense(u, &convStep{window: w}, op, in.buf.c)
}

// linear makes the step of a linear layer: a convolution over one row, whose pixels
// are the images of the batch; or over an image, whose pixels are what they are.
func (c *compiler) linear(u unit, op nn.Linear) (step, error) {
	if !c.layout.sizes[u.node.In[0]].Features() {
		return c.conv(u, overPixels(op))
	}
	in := c.layout.view(u.node.In[0])
	s := &convStep{window: window{in: in, residual: c.residual(u), images: 1, oh: 1, ow: in.buf.n, strideH: 1, strideW: 1}}
	return c.dense(u, s, asConv(op), in.buf.imageStride())
}

// residual returns the view of what is added to a unit's output, or nil.
func (c *compiler) residual(u unit) *view {
	if u.residual < 0 {
		return nil
	}
	v := c.layout.view(u.residual)
	return &v
}

// dense completes a step; pixel leads from one pixel of its input to the next, in floats.
func (c *compiler) dense(u unit, s *convStep, op nn.Conv, pixel int) (step, error) {
	if c.ways[u.out].method == byRows {
		return c.bf16(u, s, op, pixel)
	}
	segments, length := taps(s.in, op)
	c.panels(u, s, op, kernel.Panel{Segments: segments, SegmentLen: length, SrcStride: op.StrideW * pixel})
	packed, err := c.packed(u, op)
	if err != nil {
		return nil, err
	}
	size := len(packed) / len(s.panels)
	for i := range s.panels {
		s.panels[i].weights = packed[i*size:][:size:size]
	}
	s.compute = c.options.Variant.Panel
	s.divide(c.options.Threads, s.strideH*s.in.buf.rowStride())
	return s, nil
}

// panels gives a step its panels, without weights; from says how they read the input.
func (c *compiler) panels(u unit, s *convStep, op nn.Conv, from kernel.Panel) {
	s.pixels, s.width = c.options.Variant.Pixels, c.options.Variant.Width
	from.Epilogue = epilogue(u)
	images := c.layout.sizes[u.out].Features() // are neighbours, not pixels
	if s.residual != nil {
		if from.ResStride = s.residual.buf.c; images {
			from.ResStride = s.residual.buf.imageStride()
		}
	}
	outPer := op.Out / op.Groups
	first := 0 // output channel of a view
	for _, dst := range c.layout.views(u.out) {
		shared := from
		if shared.DstStride = dst.buf.c; images {
			shared.DstStride = dst.buf.imageStride()
		}
		var r *rounder
		if dst.buf.storage != kernel.Floats {
			shared.DstStride = s.width // until it is rounded
			r = &rounder{kernel.Rounding{Channels: s.width, SrcStride: s.width, DstStride: dst.buf.pixel()}, c.options.Variant.RoundBF16}
		}
		for at := 0; at < dst.c; {
			o := first + at
			n := panelChannels(s.width, op, o, first+dst.c)
			s.panels = append(s.panels, panel{
				Panel: &shared, dst: dst.channels(at, at+n), src: o / outPer * (op.In / op.Groups), res: o,
				finish: c.finish(u, n, shared.DstStride), rounder: r,
			})
			at += n
		}
		first += dst.c
	}
}

// panelChannels returns how many output channels the panel that starts at channel o
// has: those of one group, and of one destination, which ends before end.
func panelChannels(width int, op nn.Conv, o, end int) int {
	outPer := op.Out / op.Groups
	return min(width, end-o, (o/outPer+1)*outPer-o)
}

// bounds returns the first channel of each of a unit's panels and their numbers, in the
// order of the unit's destinations.
func (c *compiler) bounds(u unit, op nn.Conv) (bounds [][2]int) {
	first := 0
	for _, v := range c.layout.views(u.out) {
		for end := first + v.c; first < end; {
			n := panelChannels(c.options.Variant.Width, op, first, end)
			bounds = append(bounds, [2]int{first, n})
			first += n
		}
	}
	return bounds
}

// packed returns the weights of a unit's panels, one after the other.
func (c *compiler) packed(u unit, op nn.Conv) ([]float32, error) {
	width := c.options.Variant.Width
	return packOnce(c.net.weights, c.packing(u, c.options.Variant.Name), func() ([]float32, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		bounds, size := c.bounds(u, op), (f.fan+1)*width
		packed := alloc[float32](len(bounds) * size)
		parallel(len(bounds), func(i int) {
			packPanel(packed[i*size:][:size], width, op.KH*op.KW, f, bounds[i][0], bounds[i][1])
		})
		return packed, nil
	})
}

// packing returns the key of a unit's panels.
func (c *compiler) packing(u unit, kind string) packing {
	views := c.layout.views(u.out)
	return packing{kind, u.out, views[0].c, len(views)}
}

// packPanel writes n output channels from channel first on as kernel.PanelGeneric
// reads them: the biases, then for each tap and input channel a row of weights. The
// weights are read in the order in which they lie in memory, each cache line once.
func packPanel(dst []float32, width, taps int, f *unitWeights, first, n int) {
	copy(dst[:n], f.bias[first:])
	channels, scale := f.fan/taps, f.scale[first:][:n]
	for i := range f.fan {
		row := dst[(1+i%taps*channels+i/taps)*width:][:n]
		w := f.w[first*f.fan+i:]
		for j, at := 0, 0; j < len(row); j, at = j+1, at+f.fan {
			row[j] = float32(float64(w[at]) * scale[j])
		}
	}
}

// taps returns the segments that one output value of op reads: whole kernel rows
// where the pixels' channels follow one another without a gap, single pixels
// otherwise.
func taps(in view, op nn.Conv) (at []int, length int) {
	if in.buf.c == op.In && op.Groups == 1 && !dilated(op) {
		for y := range op.KH {
			at = append(at, y*in.buf.rowStride())
		}
		return at, op.KW * op.In
	}
	return windowSegments(in.buf, op), op.In / op.Groups
}

// l2 is the share of a core's second-level cache that the input of one task may take,
// in floats; the packed weights of a panel want the rest.
const l2 = 128 << 10

// tasksPerThread is how many tasks a step is divided into at least, so that what each
// takes evens out.
const tasksPerThread = 4

// divide divides the step into tasks. All panels are computed from one block of rows
// before the next: the block stays in cache, and the weights are read once for each
// block. Where that gives too few tasks for the threads, rows are divided first unless
// there are many more weights than inputs (rowsFirst), and otherwise panels, and then rows.
//
// row is what a row of output reads beyond the row before it, in floats or pairs.
func (s *convStep) divide(threads, row int) {
	rows, panels := s.images*s.oh, len(s.panels)
	fit := max(1, l2/max(1, row))
	rowBlocks := (rows + fit - 1) / fit
	panelBlocks := 1
	if want := tasksPerThread * threads; threads > 1 && rowBlocks < want {
		if panels*s.width*s.panels[0].K() <= rowsFirst*rows*row {
			rowBlocks = min(rows, want)
		}
		panelBlocks = min(panels, (want+rowBlocks-1)/rowBlocks)
		if rowBlocks*panelBlocks < want {
			rowBlocks = min(rows, (want+panelBlocks-1)/panelBlocks)
		}
	}
	s.rowsPerTask = (rows + rowBlocks - 1) / rowBlocks
	s.panelsPerTask = (panels + panelBlocks - 1) / panelBlocks
}

// scratch returns the floats that one task needs.
func (s *convStep) scratch() int {
	for i := range s.panels {
		if s.panels[i].rounder != nil {
			return s.pixels * s.width
		}
	}
	return 0
}

func (s *convStep) kernel() string { return fmt.Sprintf("panel %dx%d", s.pixels, s.width) }

func (s *convStep) rowBlocks() int { return (s.images*s.oh + s.rowsPerTask - 1) / s.rowsPerTask }

func (s *convStep) tasks() int {
	return s.rowBlocks() * ((len(s.panels) + s.panelsPerTask - 1) / s.panelsPerTask)
}

func (s *convStep) run(f *frame, task int) {
	blocks := s.rowBlocks()
	panels := s.panels[task/blocks*s.panelsPerTask:]
	panels = panels[:min(s.panelsPerTask, len(panels))]
	first := task % blocks * s.rowsPerTask
	last := min(first+s.rowsPerTask, s.images*s.oh)
	for i := range panels {
		p := &panels[i]
		for row := first; row < last; row++ {
			if p.rounder != nil {
				s.rounded(f, p, row/s.oh, row%s.oh)
			} else {
				s.row(f.mem, p, row/s.oh, row%s.oh)
			}
		}
	}
}

// row computes the channels of one panel for one row of output.
func (s *convStep) row(mem []float32, p *panel, image, y int) {
	src := s.in.at(image, y*s.strideH-s.padTop, -s.padLeft) + p.src
	s.tiles(mem, p, image, y, func(x, m int, dst, res []float32) {
		s.compute(p.Panel, m, dst, mem[src+x*p.SrcStride:], p.weights, res)
	})
}

// rounded is row for what is stored as pairs.
func (s *convStep) rounded(f *frame, p *panel, image, y int) {
	src, dst := s.in.at(image, y*s.strideH-s.padTop, -s.padLeft)+p.src, p.dst.at(image, y, 0)
	r := p.rounder
	for x := 0; x < s.ow; x += s.pixels {
		m := min(s.pixels, s.ow-x)
		floats := f.scratch[:(m-1)*p.DstStride+p.dst.c]
		s.compute(p.Panel, m, floats, f.mem[src+x*p.SrcStride:], p.weights, nil)
		r.round(&r.Rounding, m, f.words[dst+x*r.DstStride:], floats)
	}
}

// tiles calls f for tiles of one row of output, of equal length as far as possible: m
// pixels from pixel x on.
func (s *convStep) tiles(mem []float32, p *panel, image, y int, f func(x, m int, dst, res []float32)) {
	dst := p.dst.at(image, y, 0)
	tiles := (s.ow + s.pixels - 1) / s.pixels
	for t := range tiles {
		x, end := t*s.ow/tiles, (t+1)*s.ow/tiles
		m := end - x
		to := dst + x*p.DstStride
		var res []float32
		if s.residual != nil {
			from := s.residual.at(image, y, 0) + x*p.ResStride + p.res
			res = mem[from : from+(m-1)*p.ResStride+p.dst.c]
		}
		f(x, m, mem[to:to+(m-1)*p.DstStride+p.dst.c], res)
	}
	p.finish.row(s.ow, mem[dst:dst+(s.ow-1)*p.DstStride+p.dst.c])
}
