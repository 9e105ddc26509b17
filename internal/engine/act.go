package engine

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// actStep applies an activation that is fused with nothing; one task is one row of
// output.
type actStep struct {
	in, out view
	apply   func(dst, src []float32)
}

func (s *actStep) tasks() int { return s.out.rows() }

func (s *actStep) run(f *frame, task int) {
	in, is := s.in.row(f.mem, task)
	out, os := s.out.row(f.mem, task)
	for x := range s.out.buf.w {
		s.apply(out[x*os:][:s.out.c], in[x*is:])
	}
}

// elementwise returns the loop of an activation over len(dst) values, and whether
// there is one.
func elementwise(a nn.Act) (func(dst, src []float32), bool) {
	if linear, ok := activation(a); ok {
		return func(dst, src []float32) {
			for i := range dst {
				dst[i] = linear.Apply(src[i])
			}
		}, true
	}
	switch a.Func {
	case nn.FuncSigmoid:
		return sigmoids, true
	case nn.FuncHardSigmoid:
		return hardSigmoids, true
	case nn.FuncSiLU:
		return silus, true
	case nn.FuncHardSwish:
		return hardSwishes, true
	case nn.FuncGELU:
		return gelus, true
	}
	return nil, false
}

func sigmoids(dst, src []float32) {
	for i := range dst {
		dst[i] = float32(1 / (1 + math.Exp(-float64(src[i]))))
	}
}

func silus(dst, src []float32) {
	for i := range dst {
		x := float64(src[i])
		dst[i] = float32(x / (1 + math.Exp(-x)))
	}
}

func gelus(dst, src []float32) {
	for i := range dst {
		x := float64(src[i])
		dst[i] = float32(x / 2 * (1 + math.Erf(x/math.Sqrt2)))
	}
}

func hardSigmoids(dst, src []float32) {
	for i := range dst {
		dst[i] = min(max(src[i]+3, 0), 6) / 6
	}
}

func hardSwishes(dst, src []float32) {
	for i := range dst {
		dst[i] = src[i] * min(max(src[i]+3, 0), 6) / 6
	}
}
