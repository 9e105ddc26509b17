package engine

import "github.com/gozoo/zoo/internal/kernel"

// staged reports whether tiles are loaded from what a task prepares in the memory of its
// thread, and not in place.
func (s *source) staged() bool { return s.converts || s.form == gathered }

// stagedWords returns the words that some grains of one image take.
func (s *source) stagedWords(grains int) int {
	switch {
	case s.form == gathered:
		return grains * s.planes()
	case s.converts:
		return s.inputRows(grains) * s.row()
	}
	return 0
}

// pairs returns the words that the input of one block takes at most, and of what is
// converted before it is gathered.
func (s *source) pairs() int {
	most := 0
	for block := range s.blocks() {
		s.segments(block, func(at, image, from, to int) { most = max(most, at+s.stagedWords(to-from)) })
	}
	if s.converts && s.form == gathered && !s.point() {
		most += s.inputRows(s.oh) * s.row()
	}
	return most
}

// stage prepares the input of a block.
func (s *source) stage(f *frame, block int) {
	s.segments(block, func(at, image, from, to int) {
		dst := f.pairs[at:]
		switch {
		case s.form == inRows:
			s.convert(f, dst, image, from, to-from)
		case s.converts && s.point(): // the one plane is what rows are converted to
			s.convert(f, dst, image, 0, s.oh)
		case s.converts:
			rows := f.pairs[len(f.pairs)-s.inputRows(s.oh)*s.row():]
			s.convert(f, rows, image, 0, s.oh)
			s.gather(dst, rows, s.row(), s.pixel)
		default:
			s.gather(dst, f.words[s.in.at(image, -s.padTop, -s.padLeft):], s.in.buf.rowStride(), s.in.buf.pixel())
		}
	})
}

// convert converts the input of output rows from y on of an image.
func (s *source) convert(f *frame, dst []kernel.Pair, image, y, rows int) {
	columns, channels := s.columns(), s.op.In
	for i := range s.inputRows(rows) {
		src := f.mem[s.in.at(image, y*s.strideH-s.padTop+i, -s.padLeft):]
		to := dst[i*s.row():][:s.row()]
		if s.in.buf.c == channels {
			s.round(&s.rounding, columns*channels/kernel.BlockChannels, to, src)
			continue
		}
		for c := 0; c < channels; c += kernel.BlockChannels {
			s.round(&s.rounding, columns, to[s.stored.Words(c):], src[c:])
		}
	}
}

// gather copies the input of an image, of which row and pixel lead from one to the next, to planes.
func (s *source) gather(dst, src []kernel.Pair, row, pixel int) {
	rows, step := s.planeRows(), s.op.StrideW*pixel
	for kx := range s.op.KW {
		for parity := range s.op.StrideH {
			plane := dst[s.plane(kx, parity):]
			for y := range rows {
				from := y*s.op.StrideH + parity
				if from >= s.inputRows(s.oh) {
					break
				}
				to, x := plane[y*s.ow*s.pixel:], src[from*row+kx*pixel:]
				if step == s.pixel {
					copy(to[:s.ow*s.pixel], x)
					continue
				}
				for i := range s.ow {
					copy(to[i*s.pixel:][:s.pixel], x[i*step:])
				}
			}
		}
	}
}
