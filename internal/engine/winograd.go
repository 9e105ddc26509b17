package engine

import (
	"fmt"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// winogradStep is a 3x3 convolution of stride 1 by Winograd's F(4x4,3x3); see package
// kernel for the arithmetic. A task makes some tiles of 4x4 output pixels, counted
// over all images, and some of their channels, from the input to the finished output:
// what lies between stays in the scratch memory of its thread, and in its cache.
type winogradStep struct {
	in, out         view
	residual        *view
	images, oh, ow  int
	padTop, padLeft int
	th, tw          int // tiles of one image
	panels          int
	width           int       // output channels of a panel
	weights         []float32 // of each plane, of each panel
	bias            []float32
	tilesPerTask    int
	panelsPerTask   int
	variant         *kernel.Variant
	transformIn     kernel.WinogradIn
	multiply        kernel.Panel
	transformOut    []kernel.WinogradOut // for each group of panels
	finish          []*finish            // of each group
}

const (
	// winogradTiles is the least number of tiles of an image for which Winograd's way
	// pays: it reads four times the weights of the direct way, and does so once for all
	// tiles. 16 tiles of 256 channels, weights from memory, take half the time of the
	// direct way, 4 tiles of 512 take 0.8 of it on one thread and more on two. It does not
	// count images, so that a batch gives what its images give.
	winogradTiles = 12
	// winogradChannels is the least number of input and output channels.
	winogradChannels = 32
	// winogradScratch is the floats that the transformed input and the products of one
	// task should take: they have to stay in the second-level cache.
	winogradScratch = 160 << 10
	// winogradRow is the least number of tiles of a task: a plane's tiles are the
	// pixels of a panel, which are multiplied slower when they are fewer.
	winogradRow = 8
	// winogradHeavy is the floats of weights that are too many to be read by each of
	// several threads: they divide the output channels among them, not the tiles.
	winogradHeavy = 1 << 20
)

// notWinograd returns why a unit is not to be computed by a winogradStep; empty where it is.
func (c *compiler) notWinograd(u unit, op nn.Conv) string {
	oh, ow := c.layout.grid(u.node.Out)
	th, tw := winogradGrid(oh, ow)
	switch products := kernel.WinogradPlanes * th * tw; {
	case op.KH != 3 || op.KW != 3:
		return fmt.Sprintf("%dx%d", op.KH, op.KW)
	case op.StrideH != 1 || op.StrideW != 1:
		return fmt.Sprintf("stride %d", max(op.StrideH, op.StrideW))
	case op.Groups != 1:
		return fmt.Sprintf("%d groups", op.Groups)
	case op.In < winogradChannels || op.Out < winogradChannels || op.In%kernel.WinogradLanes != 0 || op.Out%kernel.WinogradLanes != 0:
		return fmt.Sprintf("%d to %d channels", op.In, op.Out)
	case th*tw < winogradTiles:
		return fmt.Sprintf("%d tiles of 4x4", th*tw)
	case 2*products > 9*oh*ow:
		// The direct way takes 9 products an output; less than half of them must be left.
		return "tiles of 4x4 that are not full"
	case len(c.layout.views(u.out)) > 1:
		return "an output in several places"
	}
	return ""
}

// winogradGrid returns the rows and columns of tiles that cover h by w pixels.
func winogradGrid(h, w int) (th, tw int) {
	const tile = kernel.WinogradTile
	return (h + tile - 1) / tile, (w + tile - 1) / tile
}

// winogradBorder widens the border of a unit's input so that every patch lies in it.
func (c *compiler) winogradBorder(u unit, op nn.Conv) {
	th, tw := winogradGrid(c.layout.grid(u.node.Out))
	b := c.layout.view(u.node.In[0]).buf
	top, _, left, _ := op.Pads(b.h, b.w)
	const over = kernel.WinogradPatch - kernel.WinogradTile
	b.bottom = max(b.bottom, kernel.WinogradTile*th+over-top-b.h)
	b.right = max(b.right, kernel.WinogradTile*tw+over-left-b.w)
}

func (c *compiler) winogradConv(u unit, op nn.Conv) (step, error) {
	in, out := c.layout.view(u.node.In[0]), c.layout.view(u.out)
	oh, ow := c.layout.grid(u.node.Out)
	top, _, left, _ := op.Pads(in.buf.h, in.buf.w)
	s := &winogradStep{
		in: in, out: out, residual: c.residual(u), images: in.buf.n, oh: oh, ow: ow, padTop: top, padLeft: left,
		width: c.options.Variant.Width, variant: c.options.Variant,
	}
	s.th, s.tw = winogradGrid(s.oh, s.ow)
	s.panels = (op.Out + s.width - 1) / s.width
	var err error
	if s.weights, s.bias, err = c.winogradWeights(u, op); err != nil {
		return nil, err
	}
	s.divide(c.options.Threads)
	s.transformIn = kernel.WinogradIn{
		Channels: op.In, SrcStride: in.buf.c, SrcRow: in.buf.rowStride(), Plane: s.plane(op.In),
	}
	channels := min(s.panelsPerTask*s.width, op.Out) // of a group
	for from := 0; from < op.Out; from += channels {
		o := kernel.WinogradOut{
			Channels: min(channels, op.Out-from), Plane: s.plane(channels),
			DstStride: out.buf.c, DstRow: out.buf.rowStride(), Epilogue: epilogue(u),
		}
		if s.residual != nil {
			o.ResStride, o.ResRow = s.residual.buf.c, s.residual.buf.rowStride()
		}
		s.transformOut = append(s.transformOut, o)
		s.finish = append(s.finish, c.finish(u, o.Channels, out.buf.c))
	}
	s.multiply = kernel.Panel{
		Segments: []int{0}, SegmentLen: op.In, SrcStride: op.In, DstStride: channels,
		Epilogue: kernel.Epilogue{Act: kernel.Identity},
	}
	return s, nil
}

// winogradWeights returns the weights of a unit transformed and packed as panels: of
// the first plane all panels of output channels, and so on; and its biases.
func (c *compiler) winogradWeights(u unit, op nn.Conv) (w, bias []float32, err error) {
	width := c.options.Variant.Width
	panels, size := (op.Out+width-1)/width, (1+op.In)*width
	packed, err := packOnce(c.net.weights, packing{"winograd " + c.options.Variant.Name, u.out, op.Out, 1}, func() ([]float32, error) {
		f, err := folded(c.net.bound, u, op.Out)
		if err != nil {
			return nil, err
		}
		packed := alloc[float32](kernel.WinogradPlanes*panels*size + op.Out)
		copy(packed[kernel.WinogradPlanes*panels*size:], f.bias)
		parallel(panels, func(p int) {
			first := p * width
			n := min(width, op.Out-first)
			for in := range op.In {
				kernel.WinogradWeights(packed[p*size+(1+in)*width:], panels*size, n, f.w[first*f.fan+9*in:], f.fan, f.scale[first:])
			}
		})
		return packed, nil
	})
	if err != nil {
		return nil, nil, err
	}
	n := len(packed) - op.Out
	return packed[:n], packed[n:], nil
}

// divide divides the step into tasks.
func (s *winogradStep) divide(threads int) {
	tiles, channels := s.images*s.th*s.tw, s.in.c+s.out.c
	fit := max(2*winogradRow, winogradScratch/(kernel.WinogradPlanes*channels))
	blocks, groups := (tiles+fit-1)/fit, 1
	if threads > 1 {
		if len(s.weights) <= winogradHeavy {
			blocks = max(blocks, min(tasksPerThread*threads, tiles/winogradRow))
		}
		if want := 2 * threads; blocks < want {
			groups = min(s.panels, (want+blocks-1)/blocks)
		}
	}
	s.tilesPerTask = (tiles + blocks - 1) / blocks
	s.panelsPerTask = roundUp((s.panels+groups-1)/groups, max(1, kernel.WinogradLanes/s.width))
}

// plane returns the floats from one plane to the next for a number of channels. They
// are no power of two, which would put all planes in the same lines of the cache.
func (s *winogradStep) plane(channels int) int { return s.tilesPerTask*channels + align }

// scratch returns the floats that one task needs.
func (s *winogradStep) scratch() int {
	return kernel.WinogradPlanes * (s.transformIn.Plane + s.transformOut[0].Plane)
}

func (s *winogradStep) kernel() string { return "winograd 4x4" }

func (s *winogradStep) blocks() int {
	return (s.images*s.th*s.tw + s.tilesPerTask - 1) / s.tilesPerTask
}

func (s *winogradStep) tasks() int {
	return s.blocks() * len(s.transformOut)
}

func (s *winogradStep) run(f *frame, task int) {
	const planes = kernel.WinogradPlanes
	first := task % s.blocks() * s.tilesPerTask
	tiles := min(s.tilesPerTask, s.images*s.th*s.tw-first)
	group := task / s.blocks()
	out, panel := &s.transformOut[group], group*s.panelsPerTask // the first one
	inputs, products := f.scratch[:planes*s.transformIn.Plane], f.scratch[planes*s.transformIn.Plane:]

	for t := range tiles {
		n, y, x := s.tile(first + t)
		s.variant.WinogradIn(&s.transformIn, inputs[t*s.in.c:], f.mem[s.in.at(n, y-s.padTop, x-s.padLeft):])
	}
	size := (1 + s.in.c) * s.width // of a panel's weights
	for plane := range planes {
		weights := s.weights[(plane*s.panels+panel)*size:]
		for at := 0; at < out.Channels; at += s.width {
			n := min(s.width, out.Channels-at)
			s.variant.Panel(&s.multiply, tiles, products[plane*out.Plane+at:][:(tiles-1)*s.multiply.DstStride+n],
				inputs[plane*s.transformIn.Plane:], weights[:size], nil)
			weights = weights[size:]
		}
	}
	from := panel * s.width // the first channel
	for t := range tiles {
		n, y, x := s.tile(first + t)
		var res []float32
		if s.residual != nil {
			res = f.mem[s.residual.at(n, y, x)+from:]
		}
		rows, cols := min(kernel.WinogradTile, s.oh-y), min(kernel.WinogradTile, s.ow-x)
		dst := f.mem[s.out.at(n, y, x)+from:]
		s.variant.WinogradOut(out, rows, cols, dst, products[t*s.multiply.DstStride:], s.bias[from:], res)
		for i := range rows {
			s.finish[group].row(cols, dst[i*out.DstRow:])
		}
	}
}

// tile returns the image of a tile and its first output pixel.
func (s *winogradStep) tile(i int) (n, y, x int) {
	n, i = i/(s.th*s.tw), i%(s.th*s.tw)
	return n, i / s.tw * kernel.WinogradTile, i % s.tw * kernel.WinogradTile
}
