package engine

import (
	"math"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// groupNormStep normalises all values of an image together: it scales and shifts each channel, by the moments
// that the step before it has found of every run of values. One task is a piece of a row of output.
type groupNormStep struct {
	*affineStep
	moments      *momentsStep
	weight, bias []float32
	eps          float64
}

// momentsStep finds the moments of runs of values: those of a row, or where channels of others lie between
// them of a pixel. One task is a row.
type momentsStep struct {
	in      view
	out     *buffer // two values of each run
	runs    kernel.Runs
	perRow  int
	variant *kernel.Variant
}

// momentRuns returns how many runs the rows of a view are, and how many floats a run has.
func momentRuns(v view) (perRow, floats int) {
	if v.c == v.buf.c {
		return 1, v.buf.w * v.c
	}
	return v.buf.w, v.c
}

// placeMoments makes room for the moments that a unit needs, for the time of its steps.
func (c *compiler) placeMoments(u unit, at int) {
	in := c.layout.view(u.node.In[0])
	perRow, _ := momentRuns(in)
	b := &buffer{n: in.buf.n, h: in.buf.h, w: perRow, c: 2, written: true, first: at, last: at}
	c.moments[u.out] = b
	c.layout.buffers = append(c.layout.buffers, b)
}

func (c *compiler) groupNorm(u unit, op nn.GroupNorm) (step, error) {
	s := &groupNormStep{affineStep: c.affineOf(u), eps: op.Eps}
	m := &momentsStep{in: s.in, out: c.moments[u.out], variant: s.variant}
	m.perRow, m.runs.Floats = momentRuns(s.in)
	m.runs.Stride = s.in.buf.c
	s.moments = m
	weights, err := folded(c.net.bound, u, op.C) // of a fan of 1
	if err != nil {
		return nil, err
	}
	s.bias, s.weight = weights.bias, make([]float32, op.C)
	for i := range s.weight {
		s.weight[i] = weights.at(i, 0)
	}
	return s, nil
}

func (s *groupNormStep) before() step { return s.moments }

// scratch returns the floats that one task needs: the weights for an image.
func (s *groupNormStep) scratch() int { return 2 * s.in.c }

func (s *groupNormStep) run(f *frame, task int) {
	w, image := f.scratch[:2*s.in.c], s.out.piece(f.mem, task).row/s.out.buf.h
	if f.rounded != image {
		s.weigh(w, s.moments.of(f.mem, image))
		f.rounded = image
	}
	s.apply(f, task, w)
}

// weigh writes what is added to each channel of an image, and what it is multiplied by.
func (s *groupNormStep) weigh(w, moments []float32) {
	mean, variance := kernel.JoinMoments(moments)
	scale := 1 / math.Sqrt(variance+s.eps)
	for c, weight := range s.weight {
		factor := float64(weight) * scale
		w[c], w[s.in.c+c] = float32(float64(s.bias[c])-mean*factor), float32(factor)
	}
}

func (s *momentsStep) kernel() string { return "moments" }

func (s *momentsStep) tasks() int { return s.in.rows() }

// of returns the moments of all runs of an image.
func (s *momentsStep) of(mem []float32, image int) []float32 {
	return mem[s.out.offset+s.out.at(image, 0, 0):][:s.out.imageStride()]
}

func (s *momentsStep) run(f *frame, task int) {
	x, _ := s.in.row(f.mem, task)
	n := 2 * s.perRow
	s.variant.Moments(&s.runs, s.perRow, f.mem[s.out.offset+task*n:][:n], x)
}
