package engine

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// layerNormStep normalises the channels of each pixel; one task is one row of output.
type layerNormStep struct {
	in, out      view
	weight, bias []float32
	eps          float64
}

func (c *compiler) layerNorm(u unit, op nn.LayerNorm) (step, error) {
	s := &layerNormStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), eps: op.Eps}
	var err error
	if s.weight, err = float32s(c.net.bound, u.node.Params[0]); err == nil {
		s.bias, err = float32s(c.net.bound, u.node.Params[1])
	}
	return s, err
}

func (s *layerNormStep) tasks() int { return s.out.rows() }

func (s *layerNormStep) run(f *frame, task int) {
	in, is := s.in.row(f.mem, task)
	out, os := s.out.row(f.mem, task)
	n := float64(s.in.c)
	for x := range s.out.buf.w {
		src, dst := in[x*is:][:s.in.c], out[x*os:][:s.in.c]
		mean, variance := 0.0, 0.0
		for _, v := range src {
			mean += float64(v)
		}
		mean /= n
		for _, v := range src {
			d := float64(v) - mean
			variance += d * d
		}
		scale := 1 / math.Sqrt(variance/n+s.eps)
		for c, v := range src {
			dst[c] = float32((float64(v)-mean)*scale)*s.weight[c] + s.bias[c]
		}
	}
}

// responseNormStep is ConvNeXt V2's normalisation; one task is one image.
type responseNormStep struct {
	in, out     view
	gamma, beta []float32
	eps         float64
}

func (c *compiler) responseNorm(u unit, op nn.ResponseNorm) (step, error) {
	s := &responseNormStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), eps: op.Eps}
	var err error
	if s.gamma, err = float32s(c.net.bound, u.node.Params[0]); err == nil {
		s.beta, err = float32s(c.net.bound, u.node.Params[1])
	}
	return s, err
}

func (s *responseNormStep) tasks() int { return s.in.buf.n }

// run writes the channels' norms to the first pixel of the output, which is therefore
// the last to be computed.
func (s *responseNormStep) run(f *frame, n int) {
	b := s.in.buf
	norms := f.mem[s.out.at(n, 0, 0):][:s.in.c]
	total := s.norms(f, n, norms)
	scale := float32(1 / (total/float64(s.in.c) + s.eps))
	for y := b.h - 1; y >= 0; y-- {
		for x := b.w - 1; x >= 0; x-- {
			src, dst := f.mem[s.in.at(n, y, x):][:s.in.c], f.mem[s.out.at(n, y, x):][:s.in.c]
			for c, v := range src {
				dst[c] = s.gamma[c]*(v*(norms[c]*scale)) + s.beta[c] + v
			}
		}
	}
}

// norms writes the 2-norm of each channel over image n, and returns their sum.
func (s *responseNormStep) norms(f *frame, n int, dst []float32) (total float64) {
	var sums [256]float64
	for from := 0; from < s.in.c; from += len(sums) {
		part := sums[:min(len(sums), s.in.c-from)]
		clear(part)
		for y := range s.in.buf.h {
			for x := range s.in.buf.w {
				for c, v := range f.mem[s.in.at(n, y, x)+from:][:len(part)] {
					part[c] += float64(v) * float64(v)
				}
			}
		}
		for c, sum := range part {
			norm := math.Sqrt(sum)
			dst[from+c] = float32(norm)
			total += norm
		}
	}
	return total
}
