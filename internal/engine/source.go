package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// A form is what the pixels of a tile, which lie the same distance apart, are.
type form uint8

const (
	// flat: pixels of an image one after the other, from row to row: of a 1x1 convolution
	// of stride 1 over an image without a border.
	flat form = iota
	// inRows: a part of one row of output.
	inRows
	// gathered: output pixels of an image one after the other, from row to row, whose input
	// has been copied to planes: one for each column of the window and each row that a
	// stride steps over. It fills tiles where rows are short.
	gathered
)

func (f form) String() string { return [...]string{"flat", "rows", "gathered"}[f] }

// wholeRow is the least number of pixels of a row that are not gathered: a tile of fewer
// than its 16 rows is multiplied slower for each, by 5 % for 14 and by 20 % for 8.
const wholeRow = 14

// A source is how a directStep comes by its input, and where its weights belong.
type source struct {
	window
	op       nn.Conv
	parts    int // of numbers
	form     form
	stem     bool
	stored   kernel.Storage // of what tiles are loaded from
	pixel    int            // words from one pixel to the next there
	converts bool           // from floats to that, as rounding says
	rounding kernel.Rounding
	round    kernel.RoundFunc

	// The output is divided into grains: rows, runs of flat pixels, or images of gathered
	// ones. A block is some grains that are computed together.
	length         int // pixels of a run
	runs           int // of a grain
	grains         int
	grainsPerBlock int
}

// source returns the source of a convolution with numbers in parts.
func (c *compiler) source(w window, op nn.Conv, parts int) source {
	v, in := c.options.Variant, w.in.buf
	s := source{window: w, op: op, parts: parts, stem: in.c == stemChannels, stored: in.storage, pixel: in.pixel()}
	s.round = [...]kernel.RoundFunc{1: v.RoundBF16, 2: v.RoundSplit, 3: v.RoundThirds}[parts]
	if s.converts = in.storage == kernel.Floats; s.converts {
		s.stored = kernel.Storage(parts)
		s.pixel = s.stored.Words(op.In)
		s.rounding = s.stored.Rounding(in.c, s.pixel)
		if in.c == op.In { // one block after the other
			s.rounding = s.stored.Rounding(kernel.BlockChannels, s.stored.Words(kernel.BlockChannels))
		}
	}
	pixels := s.ow // that runs are made of
	switch {
	case s.stem:
		s.form = inRows
	case s.point() && s.contiguous():
		s.form, pixels = flat, s.oh*s.ow
	case s.ow >= wholeRow:
		s.form = inRows
	default:
		s.form, pixels, s.pixel = gathered, s.oh*s.ow, s.stored.Words(op.In)
	}
	s.runs = (pixels + 15) / 16
	s.length = (pixels + s.runs - 1) / s.runs
	switch s.form {
	case flat:
		s.grains, s.runs = s.images*s.runs, 1
	case inRows:
		s.grains = s.images * s.oh
	case gathered:
		s.grains = s.images
	}
	return s
}

// point reports whether an output pixel is made of the input pixel in its place.
func (s *source) point() bool { return s.op.KH*s.op.KW*s.op.StrideH*s.op.StrideW == 1 }

// contiguous reports whether the pixels of an image follow one another where they are stored.
func (s *source) contiguous() bool { return !s.converts && s.in.buf.left+s.in.buf.right == 0 }

// channels returns the channels of a pixel that tiles are loaded from.
func (s *source) channels() int {
	if s.stem {
		return stemChannels
	}
	return s.op.In
}

// direct returns how a kernel reads the source.
func (s *source) direct() kernel.Direct {
	d := kernel.Direct{Depth: s.channels() / kernel.BlockChannels, Length: s.length, SrcStride: s.pixel, Src: s.stored, Parts: s.parts}
	if s.form == inRows {
		d.SrcStride *= s.op.StrideW
	}
	columns := s.op.KW // that are segments of their own: unless one follows the other
	if s.form != gathered && s.pixel == s.stored.Words(s.channels()) {
		columns, d.Depth = 1, d.Depth*s.op.KW
	}
	if s.stem {
		d.Pairs = s.op.KW * s.pixel
	}
	for ky := range s.op.KH {
		for kx := range columns {
			at := ky*s.row() + kx*s.pixel
			if s.form == gathered {
				at = s.plane(kx, ky%s.op.StrideH) + ky/s.op.StrideH*s.ow*s.pixel
			}
			d.Segments = append(d.Segments, at)
		}
	}
	return d
}

// values returns how many input values an output value is made of, those of missing channels too.
func (s *source) values() int { return s.op.KH * s.op.KW * s.channels() }

// fan returns the place of the weight of input value k among those of an output channel, which
// lie as (In,KH,KW); negative where it has none.
func (s *source) fan(k int) int {
	tap, channel := k/s.channels(), k%s.channels()
	if channel >= s.op.In {
		return -1
	}
	return channel*s.op.KH*s.op.KW + tap
}

// place returns the block of a packed panel that input value k is read by, and its place there.
func (s *source) place(k int) (block, at int) {
	size := kernel.BlockChannels
	if s.stem {
		size = s.op.KW * stemChannels
	}
	return k / size, k % size
}

// columns returns the input pixels of a row that a row of output reads.
func (s *source) columns() int { return (s.ow-1)*s.op.StrideW + s.op.KW }

// row returns the words from one row of input to the next, in place or converted.
func (s *source) row() int {
	if s.converts {
		return s.columns() * s.stored.Words(s.op.In)
	}
	return s.in.buf.rowStride()
}

// inputRows returns the rows of input that some rows of output read.
func (s *source) inputRows(rows int) int { return (rows-1)*s.op.StrideH + s.op.KH }

// planeRows returns the rows of a plane.
func (s *source) planeRows() int { return s.oh + (s.op.KH-1)/s.op.StrideH }

// plane returns the words before the plane of a column of the window and of the rows of a
// parity: each row that a stride steps over.
func (s *source) plane(column, parity int) int {
	return (column*s.op.StrideH + parity) * s.planeRows() * s.ow * s.pixel
}

// planes returns the words of the planes of an image.
func (s *source) planes() int { return s.plane(s.op.KW, 0) }
