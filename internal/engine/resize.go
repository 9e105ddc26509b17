package engine

// resizeStep resizes images bilinearly. One task is one row of output.
type resizeStep struct {
	in, out       view
	rows, columns []between
}

// A between lies between a pixel of a row and the next, of which it has share parts of 1.
type between struct {
	from, to int
	share    float32
}

func resizeOf(in, out view) *resizeStep {
	return &resizeStep{in, out, betweens(in.buf.h, out.buf.h), betweens(in.buf.w, out.buf.w)}
}

// betweens returns where the pixels of a row of m lie in one of n that is as long.
func betweens(n, m int) []between {
	all := make([]between, m)
	for i := range all {
		at := max(0, (float64(i)+0.5)*float64(n)/float64(m)-0.5)
		from := int(at)
		all[i] = between{from, min(from+1, n-1), float32(at - float64(from))}
	}
	return all
}

func (s *resizeStep) tasks() int { return s.out.rows() }

func (s *resizeStep) run(f *frame, task int) {
	y := s.rows[task%s.out.buf.h]
	image := task / s.out.buf.h * s.in.buf.h
	upper, from := s.in.row(f.mem, image+y.from)
	lower, _ := s.in.row(f.mem, image+y.to)
	out, stride := s.out.row(f.mem, task)
	for i, x := range s.columns {
		a, b := upper[x.from*from:], upper[x.to*from:]
		c, d := lower[x.from*from:], lower[x.to*from:]
		to := out[i*stride:]
		for j := range s.out.c {
			above := a[j] + x.share*(b[j]-a[j])
			below := c[j] + x.share*(d[j]-c[j])
			to[j] = above + y.share*(below-above)
		}
	}
}
