package engine

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// unitStep makes runs of channels as long as its factors. One task is a piece of a row of output.
type unitStep struct {
	in, out view
	factors []float32 // of each run
}

func (c *compiler) unitRuns(u unit, op nn.Unit) (step, error) {
	s := &unitStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), factors: make([]float32, op.Runs)}
	for i := range s.factors {
		s.factors[i] = 1
	}
	if op.Temper == "" {
		return s, nil
	}
	logs, err := float32s(c.net.bound, u.node.Params[0])
	for i, v := range logs {
		s.factors[i] = float32(min(math.Exp(float64(v)), 100))
	}
	return s, err
}

func (s *unitStep) tasks() int { return s.out.tasks() }

func (s *unitStep) run(f *frame, task int) {
	in, out := s.in.piece(f.mem, task), s.out.piece(f.mem, task)
	n := s.in.c / len(s.factors)
	for i := range out.m {
		for r, factor := range s.factors {
			x, to := in.x[i*in.stride+r*n:][:n], out.x[i*out.stride+r*n:][:n]
			by := factor / max(float32(math.Sqrt(squares(x))), 1e-12)
			for j, v := range x {
				to[j] = v * by
			}
		}
	}
}

// squares returns the sum of squares, in four sums that do not wait for each other.
func squares(x []float32) float64 {
	var a, b, c, d float32
	for len(x) >= 4 {
		a, b, c, d = a+x[0]*x[0], b+x[1]*x[1], c+x[2]*x[2], d+x[3]*x[3]
		x = x[4:]
	}
	for _, v := range x {
		a += v * v
	}
	return float64(a) + float64(b) + float64(c) + float64(d)
}
