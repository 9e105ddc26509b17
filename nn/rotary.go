package nn

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// Rotary turns pairs of channels of tokens by angles that tell where a token is, (N,L,C) to the same:
// channels 2i and 2i+1 of each head become cos a - sin b and cos b + sin a. Tables of cosines and sines
// (GridH*GridW,Dim), one for each pixel and channel of a head, are read from the checkpoint, which is
// why pixels are that grid; Extra tokens before them stay. arXiv:2104.09864, in two dimensions as
// EVA-02 has it, arXiv:2303.11331.
type Rotary struct {
	Dim          int // channels of a head
	Extra        int
	GridH, GridW int
	// Shared is the path of the module that the tables belong to, where others list them again: see
	// Param.Same.
	Shared string
}

func (Rotary) Kind() string { return "rotary" }

// Params of a rotary position: cosines, then sines.
func (r Rotary) Params() []Param {
	params := make([]Param, 2)
	for i, name := range [...]string{"freqs_cos", "freqs_sin"} {
		params[i] = Param{Name: name, DType: tensor.F32, Shape: tensor.Shape{r.GridH * r.GridW, r.Dim}, Buffer: true}
		if r.Shared != "" {
			params[i].Same = r.Shared + "." + name
		} else {
			params[i].Initial = turns{r.Dim, r.GridH, r.GridW, i == 1}
		}
	}
	return params
}

// Size returns the input's size.
func (r Rotary) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	switch {
	case err != nil:
	case x.Extra != r.Extra || x.H != r.GridH || x.W != r.GridW:
		err = fmt.Errorf("rotary positions are those of %d+%dx%d tokens, found %v", r.Extra, r.GridH, r.GridW, x)
	case r.Dim < 2 || r.Dim%2 != 0 || x.C%r.Dim != 0:
		err = fmt.Errorf("heads of %d channels in %v", r.Dim, x)
	}
	return x, err
}

// turns is the table that mmpretrain's RotaryEmbeddingFast begins with: a half of a head for rows, the
// other for columns, frequencies from 1 down to 1/10000. Published networks have others: each frequency is
// in two channels that follow one another there, and a grid counts for 16.
type turns struct {
	dim, h, w int
	sin       bool
}

// Tensor returns (h*w,dim).
func (t turns) Tensor() tensor.Tensor {
	half := t.dim / 2
	out := make([]float32, 0, t.h*t.w*t.dim)
	for i := range t.h * t.w {
		for _, at := range [...]float32{float32(i/t.w) / float32(t.h), float32(i%t.w) / float32(t.w)} {
			for c := range half {
				pair := c % ((half + 1) / 2)
				frequency := 1 / float32(math.Pow(10000, float64(float32(2*pair)/float32(half))))
				angle := float64(at * float32(half) * frequency)
				if t.sin {
					out = append(out, float32(math.Sin(angle)))
				} else {
					out = append(out, float32(math.Cos(angle)))
				}
			}
		}
	}
	return tensor.FromFloat32s(tensor.Shape{t.h * t.w, t.dim}, out)
}

// RotaryTables wants the tables of r as tensors of the module at the builder's path, and returns what shares
// them with it.
func (b *Builder) RotaryTables(r Rotary) Rotary {
	r.Shared = ""
	b.want(r)
	r.Shared = b.path
	return r
}

// Rotary turns pairs of channels of x, heads of r.Dim channels.
func (b *Builder) Rotary(x Value, r Rotary) Value { return b.node(r, x.C, x) }
