package nn

import "fmt"

// Transpose swaps tokens and channels, (N,L,C) to (N,C,L): what a linear layer does to channels after it,
// it does to tokens. The C tokens of the output are a grid of H x W pixels.
type Transpose struct{ H, W int }

func (Transpose) Kind() string { return "transpose" }

// Params of a transpose: there are none.
func (Transpose) Params() []Param { return nil }

// Size returns (N,C,L).
func (t Transpose) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	if err == nil && t.H*t.W != x.C {
		err = fmt.Errorf("the channels of %v are no grid of %dx%d", x, t.H, t.W)
	}
	return Size{N: x.N, C: x.Positions(), H: t.H, W: t.W, Tokens: true}, err
}

// Transpose swaps channels, a grid of h x w, and tokens, of which there are so many: (N,length,h*w) to
// (N,h*w,length). Inputs of another number of tokens are refused by what is made for these.
func (b *Builder) Transpose(x Value, length, h, w int) Value {
	if h < 1 || h*w != x.C {
		b.fail("%d channels are no grid of %dx%d", x.C, h, w)
	}
	return b.node(Transpose{h, w}, length, x)
}
