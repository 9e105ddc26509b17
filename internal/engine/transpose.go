package engine

// transposeStep swaps tokens and channels. One task is a piece of a row of output.
type transposeStep struct {
	in, out     view
	split, join int
}

func (s *transposeStep) tasks() int { return s.out.tasks() }

// run reads the channels of one token after the other, each from the first to the last pixel of
// its piece: they are as far from one another in the output as its pixels are.
func (s *transposeStep) run(f *frame, task int) {
	out := s.out.piece(f.mem, task)
	image, first := out.row/s.out.buf.h, out.row%s.out.buf.h*s.out.buf.w+out.at
	rows, channels := s.out.c/s.join, s.in.c/s.split // of the transposed matrix, and before it
	for row := range rows {
		token := row / s.split
		src := f.mem[s.in.at(image, token/s.in.buf.w, token%s.in.buf.w)+row%s.split*channels+first*s.join:][:out.m*s.join]
		for i := range out.m {
			for at, v := range src[i*s.join:][:s.join] {
				out.x[i*out.stride+at*rows+row] = v
			}
		}
	}
}
