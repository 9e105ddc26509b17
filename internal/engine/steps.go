package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// The steps that are no convolution. One task is one row of output, unless said
// otherwise.

// rows counts the rows of all images of a view.
func (v view) rows() int { return v.buf.n * v.buf.h }

// row returns the memory of row task, counted over all images, from its first pixel
// to the end of its last, and the floats from one pixel to the next.
func (v view) row(mem []float32, task int) (x []float32, stride int) {
	at := v.at(task/v.buf.h, task%v.buf.h, 0)
	return mem[at : at+(v.buf.w-1)*v.buf.c+v.c], v.buf.c
}

// longRow is how many pixels of a row are a task at least: tokens are a single row, which all threads
// are to have a part of.
const longRow = 32

// A piece is a part of a row: m pixels from pixel at on, stride floats apart.
type piece struct {
	x         []float32 // from the first channel of the first pixel to the last of the last
	row, at   int       // row is counted over all images
	m, stride int
}

// tasks returns the number of pieces of a view; row for row, images are not cut.
func (v view) tasks() int { return v.rows() * v.pieces() }

func (v view) pieces() int {
	if v.buf.h > 1 {
		return 1
	}
	return max(1, v.buf.w/longRow)
}

// piece returns the piece of a task.
func (v view) piece(mem []float32, task int) piece {
	n := v.pieces()
	row, part := task/n, task%n
	at, end := part*v.buf.w/n, (part+1)*v.buf.w/n
	x, stride := v.row(mem, row)
	return piece{x[at*stride : (end-1)*stride+v.c], row, at, end - at, stride}
}

// inputStep turns the network input (N,C,H,W) into NHWC.
type inputStep struct{ dst view }

func (s *inputStep) tasks() int { return s.dst.rows() }

func (s *inputStep) run(f *frame, task int) {
	out, stride := s.dst.row(f.mem, task)
	b := s.dst.buf
	n, y := task/b.h, task%b.h
	for c := range s.dst.c {
		plane := f.src[((n*s.dst.c+c)*b.h+y)*b.w:][:b.w]
		for x, v := range plane {
			out[x*stride+c] = v
		}
	}
}

// shuffleStep interleaves groups of channels.
type shuffleStep struct {
	in, out view
	groups  int
}

func (s *shuffleStep) tasks() int { return s.out.rows() }

func (s *shuffleStep) run(f *frame, task int) {
	in, is := s.in.row(f.mem, task)
	out, os := s.out.row(f.mem, task)
	per := s.in.c / s.groups
	for x := range s.out.buf.w {
		dst := out[x*os:]
		for g := range s.groups {
			for c, v := range in[x*is+g*per:][:per] {
				dst[c*s.groups+g] = v
			}
		}
	}
}

// sliceRunsStep copies channels of each run of them; one task is a piece of a row of output.
type sliceRunsStep struct {
	in, out view
	op      nn.SliceRuns
}

func (s *sliceRunsStep) tasks() int { return s.out.tasks() }

func (s *sliceRunsStep) run(f *frame, task int) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	run, n := s.in.c/s.op.Runs, s.op.To-s.op.From
	for x := range out.m {
		from, to := in.x[x*in.stride+s.op.From:], out.x[x*out.stride:]
		for i := range s.op.Runs {
			copy(to[i*n:][:n], from[i*run:])
		}
	}
}

// upsampleStep repeats pixels along both axes.
type upsampleStep struct {
	in, out view
	scale   int
}

func (s *upsampleStep) tasks() int { return s.out.rows() }

func (s *upsampleStep) run(f *frame, task int) {
	in, is := s.in.row(f.mem, task/s.scale) // rows of all images, each as often
	out, os := s.out.row(f.mem, task)
	for x := range s.out.buf.w {
		copy(out[x*os:][:s.out.c], in[x/s.scale*is:])
	}
}

// copyStep copies values side by side: the inputs of a concatenation that could not
// be computed in their place.
type copyStep struct {
	out  view
	from []view
	at   []int // first channel of out for each
}

func (c *compiler) concat(u unit) step {
	s := &copyStep{out: c.layout.view(u.out)}
	at := 0
	for _, v := range u.node.In {
		if !c.layout.placed(v, u.out, at) {
			part := at
			for _, from := range c.layout.views(v) {
				s.from, s.at = append(s.from, from), append(s.at, part)
				part += from.c
			}
		}
		at += c.layout.sizes[v].C
	}
	return s
}

func (s *copyStep) tasks() int {
	if len(s.from) == 0 {
		return 0
	}
	return s.out.rows()
}

func (s *copyStep) run(f *frame, task int) {
	for i, from := range s.from {
		in, is := from.row(f.mem, task)
		out, os := s.out.channels(s.at[i], s.at[i]+from.c).row(f.mem, task)
		for x := range from.buf.w {
			copy(out[x*os:][:from.c], in[x*is:])
		}
	}
}

// flattenStep lays an image's pixels out in (C,H,W) order; one task is one image.
type flattenStep struct{ in, out view }

func (s *flattenStep) tasks() int { return s.in.buf.n }

func (s *flattenStep) run(f *frame, n int) {
	size := s.in.c * s.in.buf.h * s.in.buf.w
	s.in.planar(f.mem, n, f.mem[s.out.at(n, 0, 0):][:size])
}

// planar writes image n of v to dst in (C,H,W) order.
func (v view) planar(mem []float32, n int, dst []float32) {
	b := v.buf
	if b.storage != kernel.Floats {
		v.planarOf(mem, n, dst)
		return
	}
	for y := range b.h {
		row, stride := v.row(mem, n*b.h+y)
		for c := range v.c {
			out := dst[(c*b.h+y)*b.w:][:b.w]
			for x := range out {
				out[x] = row[x*stride+c]
			}
		}
	}
}
