package engine

import (
	"fmt"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// slideStep is a depthwise convolution of stride 1 with a large window; see kernel.Slide. A task is a block of channels of
// some rows of output. It gathers the rows of input that it reads in scratch memory, where the channels of
// neighbouring pixels follow one another, and computes two rows of output at a time. Zeros are multiplied as others are:
// an input that is not finite makes NaNs of outputs around those that see it.
type slideStep struct {
	in, out     view
	residual    *view
	kh, kw      int
	top, left   int
	right       int // columns of the border
	lanes       int // channels of a block
	pixels      int // of a row of output that are computed together
	blocks      int // of channels
	rowsPerTask int
	// mirrored has the taps slide over the pixels: see kernel.Slide. before are the columns of zeros in
	// front of the taps of a row then.
	mirrored bool
	before   int
	taps     int       // columns of weights: those of the window, and of zeros
	weights  []float32 // of each block: biases, then rows of taps
	slide    kernel.Slide
	compute  func(p *kernel.Slide, rows, steps, m int, sliding, bias []float32, first, second kernel.SlideRow)
	finish   []*finish // of each block
}

// slideTaps is the least number of taps of a window for which a slideStep pays. GFLOP/s of it and of a filterStep, on one
// thread of Zen 4, where products with the border count:
//
//	layer                avx512        avx2
//	 9x9,  56x56x96     74    84    47    70
//	11x11, 56x56x96     85    86    59    70
//	13x13, 56x56x96     93    87    70    71
//	11x11, 28x28x192    87    75    59    67
//	13x13, 28x28x192    96    76    71    65
//	11x11, 14x14x384    92    73    59    58
//	13x13, 14x14x384   104    73    74    58
//	13x13, 7x7x768     155    66    76    45
//	31x31, 56x56x128   124    77   119    53
//	29x29, 28x28x256   137    66   136    50
//	27x27, 14x14x512   272    54   183    37
const slideTaps = 11 * 11

// slides reports whether a convolution is computed by a slideStep.
func slides(op nn.Conv, h, w int) bool {
	top, bottom, left, right := op.Pads(h, w)
	return op.In == op.Groups && op.In == op.Out && op.StrideH == 1 && op.StrideW == 1 && op.Dilation <= 1 && op.KH*op.KW >= slideTaps &&
		max(top, bottom) < op.KH && max(left, right) < op.KW // every output reads a pixel
}

func (c *compiler) slide(u unit, op nn.Conv) (step, error) {
	in, out, v := c.layout.view(u.node.In[0]), c.layout.view(u.out), c.options.Variant
	s := &slideStep{in: in, out: out, residual: c.residual(u), kh: op.KH, kw: op.KW, lanes: v.Lanes, pixels: v.Pixels, compute: v.Slide}
	s.top, _, s.left, s.right = op.Pads(in.buf.h, in.buf.w)
	s.blocks = (op.Out + s.lanes - 1) / s.lanes
	s.mirrored, s.taps = in.buf.w < op.KW, op.KW
	if s.mirrored {
		s.before = max(0, in.buf.w+s.left-op.KW)
		s.taps += s.before + max(0, in.buf.w+s.right-op.KW)
	}
	s.slide = kernel.Slide{
		Lanes: s.lanes, FixedRow: s.taps * s.lanes, SlidingRow: s.columns() * s.lanes, DstStride: out.buf.c, Epilogue: epilogue(u),
	}
	if s.mirrored {
		s.slide.FixedRow, s.slide.SlidingRow = s.slide.SlidingRow, s.slide.FixedRow
	}
	if s.residual != nil {
		s.slide.ResStride = s.residual.buf.c
	}
	for b := range s.blocks {
		s.finish = append(s.finish, c.finish(u, s.channels(b), out.buf.c))
	}
	s.divide(c.options.Threads)
	var err error
	s.weights, err = c.slideWeights(u, s)
	return s, err
}

// channels returns how many channels a block has.
func (s *slideStep) channels(block int) int { return min(s.lanes, s.out.c-block*s.lanes) }

// columns returns the vectors of a row of scratch: its pixels, and zeros where those slide.
func (s *slideStep) columns() int {
	if s.mirrored {
		return s.in.buf.w
	}
	return s.left + s.in.buf.w + s.right
}

// blockLen returns the floats of a block's weights. Taps that are fixed have a row of zeros above and below
// them, of which one of two rows of output reads what it has no taps for.
func (s *slideStep) blockLen() int {
	if s.mirrored {
		return (1 + s.kh*s.taps) * s.lanes
	}
	return (1 + (s.kh+2)*s.taps) * s.lanes
}

// slideWeights returns the packed weights of a unit.
func (c *compiler) slideWeights(u unit, s *slideStep) ([]float32, error) {
	key := packing{fmt.Sprintf("sliding, %d lanes, mirrored %v, %d and %d", s.lanes, s.mirrored, s.before, s.taps), u.out, s.out.c, 1}
	return packOnce(c.net.weights, key, func() ([]float32, error) {
		f, err := folded(c.net.bound, u, s.out.c)
		if err != nil {
			return nil, err
		}
		packed := alloc[float32](s.blocks * s.blockLen())
		parallel(s.blocks, func(b int) {
			block, first := packed[b*s.blockLen():], b*s.lanes
			copy(block[:s.lanes], f.bias[first:])
			for lane := range s.channels(b) {
				for y := range s.kh {
					for x := range s.kw {
						at := (1+y)*s.taps + x
						if s.mirrored {
							at = y*s.taps + s.before + s.kw - 1 - x
						}
						block[(1+at)*s.lanes+lane] = f.at(first+lane, y*s.kw+x)
					}
				}
			}
		})
		return packed, nil
	})
}

// divide divides the step into tasks: all rows of a block of channels, where that gives enough of them and what
// they read fits in cache.
func (s *slideStep) divide(threads int) {
	h, oh := s.in.buf.h, s.out.buf.h
	fit := l2/(s.columns()*s.lanes) - (s.kh - 1)
	if fit < oh && l2/(s.columns()*s.lanes) < h {
		s.rowsPerTask = max(fit, (s.kh+1)/2)
	} else {
		s.rowsPerTask = oh
	}
	if want := tasksPerThread * threads; threads > 1 {
		bands := (want + s.in.buf.n*s.blocks - 1) / (s.in.buf.n * s.blocks)
		s.rowsPerTask = min(s.rowsPerTask, (oh+bands-1)/bands)
	}
	s.rowsPerTask = roundUp(s.rowsPerTask, 2)
}

func (s *slideStep) bands() int { return (s.out.buf.h + s.rowsPerTask - 1) / s.rowsPerTask }

func (s *slideStep) tasks() int { return s.in.buf.n * s.blocks * s.bands() }

// scratch returns the floats that one task needs: the rows that it reads, and where pixels are fixed
// a row of zeros above and below them.
func (s *slideStep) scratch() int {
	return (min(s.in.buf.h, s.rowsPerTask+s.kh-1) + 2) * s.columns() * s.lanes
}

func (s *slideStep) kernel() string { return fmt.Sprintf("sliding 2x%dx%d", s.pixels, s.lanes) }

func (s *slideStep) run(f *frame, task int) {
	n, block, y := task/s.bands()/s.blocks, task/s.bands()%s.blocks, task%s.bands()*s.rowsPerTask
	end := min(y+s.rowsPerTask, s.out.buf.h)
	t := slideTask{slideStep: s, f: f, image: n, block: block, from: max(0, y-s.top), to: min(s.in.buf.h, end+s.kh-1-s.top)}
	t.gather()
	for ; y < end; y += 2 {
		t.rows(y, min(2, end-y))
	}
}

// A slideTask is what a task works on: a block of channels of an image, and the rows of input that it has gathered.
type slideTask struct {
	*slideStep
	f            *frame
	image, block int
	from, to     int
}

// gather copies the channels of the block, with zeros around them, or mirrored.
func (t *slideTask) gather() {
	row, channels := t.columns()*t.lanes, t.channels(t.block)
	all := t.f.scratch[:(t.to-t.from+2)*row]
	if !t.mirrored || channels < t.lanes {
		clear(all)
	} else {
		clear(all[:row])
		clear(all[len(all)-row:])
	}
	start, step := t.left, 1
	if t.mirrored {
		start, step = t.in.buf.w-1, -1
	}
	for y := t.from; y < t.to; y++ {
		src := t.f.mem[t.in.at(t.image, y, 0)+t.block*t.lanes:]
		dst := all[(1+y-t.from)*row:][:row]
		for x := range t.in.buf.w {
			from, to := src[x*t.in.buf.c:], dst[(start+step*x)*t.lanes:]
			switch channels {
			case 16: // which are moved without a call
				*(*[16]float32)(to) = *(*[16]float32)(from)
			case 8:
				*(*[8]float32)(to) = *(*[8]float32)(from)
			default:
				copy(to[:channels], from)
			}
		}
	}
}

// rows computes row y of output, or two rows from there on.
func (t *slideTask) rows(y, count int) {
	block := t.weights[t.block*t.blockLen():][:t.blockLen()]
	bias, weights, pixels := block[:t.lanes], block[t.lanes:], t.f.scratch
	// Of the window's rows that lie within the image for either row of output, the first and the last.
	first, last := max(0, t.top-y-(count-1)), min(t.kh, t.in.buf.h-y+t.top)
	if !t.mirrored { // rows of input
		first, last = max(0, y-t.top), min(t.in.buf.h, y+count-1+t.kh-t.top)
	}
	w := t.out.buf.w
	tiles := (w + t.pixels - 1) / t.pixels
	for tile := range tiles {
		x, m := tile*w/tiles, (tile+1)*w/tiles-tile*w/tiles
		var sliding []float32
		var fixed [2][]float32
		var from, to int // of the vectors that are fixed, those that any pixel takes
		if t.mirrored {
			at := x + t.kw - t.in.buf.w - t.left // of the first pixel's, in the window
			from, to = max(0, -at-(m-1)), min(t.in.buf.w, t.kw-at)
			sliding = weights[(first*t.taps+t.before+at+from)*t.lanes:]
			for r := range count {
				fixed[r] = pixels[((1+y+r+first-t.top-t.from)*t.in.buf.w+from)*t.lanes:]
			}
		} else {
			from, to = max(0, t.left-x-(m-1)), min(t.kw, t.in.buf.w+t.left-x)
			sliding = pixels[((1+first-t.from)*t.columns()+x+from)*t.lanes:]
			for r := range count {
				fixed[r] = weights[((1+first-y-r+t.top)*t.taps+from)*t.lanes:]
			}
		}
		out := [2]kernel.SlideRow{t.row(y, x, m, fixed[0])}
		if count == 2 {
			out[1] = t.row(y+1, x, m, fixed[1])
		}
		t.compute(&t.slide, last-first, to-from, m, sliding, bias, out[0], out[1])
	}
	for r := range count {
		t.finish[t.block].row(w, t.row(y+r, 0, w, nil).Dst)
	}
}

// row returns m pixels of output from pixel x of row y on.
func (t *slideTask) row(y, x, m int, fixed []float32) kernel.SlideRow {
	channels := t.channels(t.block)
	pixels := func(v view) []float32 {
		return t.f.mem[v.at(t.image, y, x)+t.block*t.lanes:][:(m-1)*v.buf.c+channels]
	}
	r := kernel.SlideRow{Fixed: fixed, Dst: pixels(t.out)}
	if t.residual != nil {
		r.Res = pixels(*t.residual)
	}
	return r
}
