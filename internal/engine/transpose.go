package engine

// transposeStep swaps tokens and channels. One task is a piece of a row of output.
type transposeStep struct{ in, out view }

func (s *transposeStep) tasks() int { return s.out.tasks() }

// run reads the channels of one token after the other, each from the first to the last pixel of
// its piece: they are as far from one another in the output as its pixels are.
func (s *transposeStep) run(f *frame, task int) {
	out := s.out.piece(f.mem, task)
	image, first := out.row/s.out.buf.h, out.row%s.out.buf.h*s.out.buf.w+out.at
	for token := range s.out.c {
		src := f.mem[s.in.at(image, token/s.in.buf.w, token%s.in.buf.w)+first:][:out.m]
		for i, v := range src {
			out.x[i*out.stride+token] = v
		}
	}
}
