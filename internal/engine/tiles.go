package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

const (
	// tileTasks is how many tasks a directStep is divided into for each thread. One has the
	// least to read twice, but nothing evens out what a busy machine takes from a thread.
	tileTasks = 2
	// tileBlock is the words of input of a block, for each part of a number: with more they fall out
	// of the second-level cache between two panels, with fewer panels are read more often.
	tileBlock = 64 << 10
	// rowsFirst is up to how many words of weights for each word of input threads divide the
	// output's rows, and each reads all weights. To divide the panels would read no weight
	// twice, but half of the input from another core's cache, where the crew's shares have each
	// thread find its rows in its own: on two threads of Emerald Rapids CSPResNet50 at medium
	// takes 6.3 ms for 10.3.
	rowsFirst = 8
)

// divide divides the step into tasks. A block of grains stays in the second-level cache
// while its panels are computed.
func (s *directStep) divide(threads int, op nn.Conv) {
	panels, groups := op.Out/kernel.BlockChannels, 1
	input := s.images * s.oh * s.ow * op.StrideH * op.StrideW * s.stored.Words(s.channels())
	weights := s.parts * op.Out * s.values() / 2
	fit := s.parts * tileBlock
	blocks := min(s.grains, (input+fit-1)/fit)
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

// imageGrains returns the grains of an image.
func (s *source) imageGrains() int { return s.grains / s.images }

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
