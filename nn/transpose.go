package nn

import "fmt"

// Transpose swaps tokens and channels, (N,L,C) to (N,C,L): what a linear layer does to channels after it,
// it does to tokens. The C tokens of the output are a grid of H x W pixels.
//
// With Split each token is that many, one after the other, of as many channels less: (N,L,C) to
// (N,C/Split,L*Split). With Join that many tokens of the output, one after the other, are one: (N,L,C) to
// (N,C/Join,L*Join). The one undoes the other, and a convolution between both, in Join groups, has weights
// for each of Join channels, which all runs of so many share. 0 is 1.
type Transpose struct{ H, W, Split, Join int }

func (Transpose) Kind() string { return "transpose" }

// Params of a transpose: there are none.
func (Transpose) Params() []Param { return nil }

// tokens returns how many tokens are made of c channels; 0 where they cannot be
// divided.
func (t Transpose) tokens(c int) int {
	if split, join := max(t.Split, 1), max(t.Join, 1); c%(split*join) == 0 {
		return c / split / join
	}
	return 0
}

// Size returns (N,C/Split/Join,L*Split*Join).
func (t Transpose) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	if err == nil && t.H*t.W != t.tokens(x.C) {
		err = fmt.Errorf("the channels of %v are no grid of %dx%d", x, t.H, t.W)
	}
	return Size{N: x.N, C: x.Positions() * max(t.Split, 1) * max(t.Join, 1), H: t.H, W: t.W, Tokens: true}, err
}

// Transpose swaps channels, a grid of h x w, and tokens, of which there are so many: (N,length,h*w) to
// (N,h*w,length). Inputs of another number of tokens are refused by what is made for these.
func (b *Builder) Transpose(x Value, length, h, w int) Value {
	return b.TransposeOf(x, length, Transpose{H: h, W: w})
}

// TransposeOf is Transpose where tokens are split or joined.
func (b *Builder) TransposeOf(x Value, length int, t Transpose) Value {
	if t.H < 1 || t.H*t.W != t.tokens(x.C) {
		b.fail("%d channels are no grid of %dx%d", x.C, t.H, t.W)
	}
	return b.node(t, length*max(t.Split, 1)*max(t.Join, 1), x)
}
