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

// A source is how a directStep comes by its input. It divides the output into grains: rows,
// runs of flat pixels, or images of gathered ones; a block is some grains that
// are computed together.
type source struct {
	window
	op       nn.Conv
	parts    int
	form     form
	stored   kernel.Storage // of what tiles are loaded from
	pixel    int            // words from one pixel to the next there
	converts bool           // the input is floats, and rows are converted first
	round    func(r *kernel.Rounding, m int, dst []kernel.Pair, src []float32)

	length         int // pixels of a run
	runs           int // of a grain
	grains         int
	grainsPerBlock int
}

// source returns the source of a convolution with numbers in parts.
func (c *compiler) source(w window, op nn.Conv, parts int) source {
	v, in := c.options.Variant, w.in.buf
	s := source{window: w, op: op, parts: parts, stored: in.storage, pixel: in.pixel()}
	s.round = [...]func(r *kernel.Rounding, m int, dst []kernel.Pair, src []float32){1: v.RoundBF16, 2: v.RoundSplit, 3: v.RoundThirds}[parts]
	if s.converts = in.storage == kernel.Floats; s.converts {
		s.stored = kernel.Storage(parts)
		s.pixel = s.stored.Words(op.In)
	}
	point := op.KH == 1 && op.KW == 1 && op.StrideH == 1 && op.StrideW == 1
	pixels := s.ow // that runs are made of
	switch {
	case point && !s.converts && in.left+in.right == 0:
		s.form, pixels = flat, s.oh*s.ow
	case s.ow < wholeRow:
		s.form, pixels, s.pixel = gathered, s.oh*s.ow, s.stored.Words(op.In)
	default:
		s.form = inRows
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

// direct returns how a kernel reads the source.
func (s *source) direct() kernel.Direct {
	d := kernel.Direct{Depth: s.op.In / kernel.BlockChannels, Length: s.length, SrcStride: s.pixel, Src: s.stored, Parts: s.parts}
	if s.form == inRows {
		d.SrcStride *= s.op.StrideW
	}
	for ky := range s.op.KH {
		for kx := range s.op.KW {
			switch s.form {
			case gathered:
				plane := kx*s.op.StrideH + ky%s.op.StrideH
				d.Segments = append(d.Segments, (plane*s.planeRows()+ky/s.op.StrideH)*s.ow*s.pixel)
			default:
				d.Segments = append(d.Segments, ky*s.row()+kx*s.pixel)
			}
		}
	}
	if s.form != gathered && s.pixel == s.stored.Words(s.op.In) { // columns follow one another
		for ky := range s.op.KH {
			d.Segments[ky] = d.Segments[ky*s.op.KW]
		}
		d.Segments, d.Depth = d.Segments[:s.op.KH], d.Depth*s.op.KW
	}
	return d
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

// planes returns the words of the planes of an image.
func (s *source) planes() int { return s.op.KW * s.op.StrideH * s.planeRows() * s.ow * s.pixel }

// imageGrains returns the grains of an image.
func (s *source) imageGrains() int { return s.grains / s.images }

const (
	// tileTasks is how many tasks a directStep is divided into for each thread. One has the
	// least to read twice, but nothing evens out what a busy machine takes from a thread.
	tileTasks = 2
	// rowsFirst is up to how many words of weights for each of input threads divide the
	// output's rows, and read all weights each. That is faster than it looks: a thread's rows are in
	// its own cache, where it left them in the step before, and half of what another has written
	// is not. CSPResNet50 at medium gains 1.2 to 1.9 times from a second thread by this alone.
	rowsFirst = 8
)

// divide divides the step into tasks. A block of grains stays in the second-level cache
// while its panels are computed.
func (s *directStep) divide(threads int, op nn.Conv) {
	panels, groups := op.Out/kernel.BlockChannels, 1
	input := s.images * s.oh * s.ow * op.StrideH * op.StrideW * s.stored.Words(op.In)
	weights := s.parts * op.Out * op.In * op.KH * op.KW / 2
	blocks := min(s.grains, (input+l2-1)/l2)
	if want := tileTasks * threads; threads > 1 && blocks < want {
		if weights <= rowsFirst*input {
			blocks = min(s.grains, want)
		}
		groups = min(panels, (want+blocks-1)/blocks)
	}
	s.grainsPerBlock = (s.grains + blocks - 1) / blocks
	if s.form == flat {
		s.grainsPerBlock = roundUp(s.grainsPerBlock, 2) // runs are computed in pairs
	}
	s.panelsPerTask = (panels + groups - 1) / groups
}

// blocks returns the number of blocks.
func (s *source) blocks() int { return (s.grains + s.grainsPerBlock - 1) / s.grainsPerBlock }

// segments calls f for the grains from ≤ grain < to of each image in a block, with the words that
// those before it take in the memory of what is staged.
func (s *source) segments(block int, f func(at, image, from, to int)) {
	per, at := s.imageGrains(), 0
	last := min((block+1)*s.grainsPerBlock, s.grains)
	for from := block * s.grainsPerBlock; from < last; {
		image := from / per
		to := min(last, (image+1)*per)
		f(at, image, from-image*per, to-image*per)
		at += s.stagedWords(to - from)
		from = to
	}
}

// A tileTable is the runs of all blocks, and what becomes of them in one buffer.
type tileTable struct {
	runs   []kernel.TileRun
	pieces []kernel.TilePiece
	starts [][2]int // of each block among them, and their numbers
}

// block returns the runs and pieces of a block.
func (t *tileTable) block(i int) ([]kernel.TileRun, []kernel.TilePiece) {
	from, to := t.starts[i], t.starts[i+1]
	return t.runs[from[0]:to[0]], t.pieces[from[1]:to[1]]
}

// table makes the table for a buffer of output. Runs of a row, or of an image, overlap where they
// do not come out even: what the last one computes again is not stored again.
func (s *source) table(out *buffer) *tileTable {
	t := new(tileTable)
	for block := range s.blocks() {
		t.starts = append(t.starts, [2]int{len(t.runs), len(t.pieces)})
		s.segments(block, func(at, image, from, to int) {
			for grain := from; grain < to; grain++ {
				switch s.form {
				case inRows:
					src := at + (grain-from)*s.op.StrideH*s.row()
					if !s.converts {
						src = s.in.at(image, grain*s.strideH-s.padTop, -s.padLeft)
					}
					s.addRuns(t, out, src, s.op.StrideW*s.pixel, image, grain*s.ow, (grain+1)*s.ow, 0, s.runs)
				case flat:
					s.addRuns(t, out, s.in.at(image, 0, 0), s.pixel, image, 0, s.oh*s.ow, grain, grain+1)
				case gathered:
					s.addRuns(t, out, at+(grain-from)*s.planes(), s.pixel, image, 0, s.oh*s.ow, 0, s.runs)
				}
			}
		})
	}
	t.starts = append(t.starts, [2]int{len(t.runs), len(t.pieces)})
	return t
}

// addRuns adds runs first ≤ run < last of the output pixels from ≤ pixel < to of an image, whose
// input begins at src and lies stride words apart.
func (s *source) addRuns(t *tileTable, out *buffer, src, stride, image, from, to, first, last int) {
	for run := first; run < last; run++ {
		begin := from + run*s.length
		start := min(begin, to-s.length)
		r := kernel.TileRun{Src: src + (start-from)*stride}
		for p := begin; p < start+s.length; r.Pieces++ {
			y, x := p/s.ow, p%s.ow
			n := min(s.ow-x, start+s.length-p)
			piece := kernel.TilePiece{Row: p - start, Count: n, Dst: out.at(image, y, x)}
			if s.residual != nil {
				piece.Res = s.residual.buf.at(image, y, x)
			}
			t.pieces = append(t.pieces, piece)
			p += n
		}
		t.runs = append(t.runs, r)
	}
}
