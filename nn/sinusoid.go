package nn

import (
	"math"

	"github.com/gozoo/zoo/tensor"
)

// A Sinusoid is a table of positions (1,Tokens,C) that is computed, not learnt: channels 2i and 2i+1 of
// token t are the sine and the cosine of t / 10000^(2i/C). Vaswani et al., arXiv:1706.03762.
type Sinusoid struct{ Tokens, C int }

// Tensor returns the table.
func (s Sinusoid) Tensor() tensor.Tensor {
	x := make([]float32, s.Tokens*s.C)
	for i := range x {
		t, c := i/s.C, i%s.C
		angle := float64(t) / math.Pow(10000, float64(c/2*2)/float64(s.C))
		if c%2 == 0 {
			x[i] = float32(math.Sin(angle))
		} else {
			x[i] = float32(math.Cos(angle))
		}
	}
	return tensor.FromFloat32s(tensor.Shape{1, s.Tokens, s.C}, x)
}
