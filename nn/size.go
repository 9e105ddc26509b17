package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// A Size is the shape of a value: N images of H rows and W columns of C channels. Where H
// and W are 0 it is N vectors of C features.
//
// A pixel is a token, too. Networks with attention put Extra tokens before those of the pixels,
// which every image has alike; and hold a value as (N,Extra+H*W,C), where Tokens is set: what
// a reference calls the shape follows from that, and what the pixels are does not.
type Size struct {
	N, C, H, W int
	Extra      int
	Tokens     bool
}

// Features reports whether the value has no pixels: it is (N,C).
func (s Size) Features() bool { return s.H == 0 }

// Positions returns how many vectors of C channels an image has: tokens, pixels, or one of features.
func (s Size) Positions() int {
	if s.Features() {
		return 1
	}
	return s.Extra + s.H*s.W
}

// Shape returns the shape that the reference has: (N,C), (N,C,H,W) or (N,Extra+H*W,C).
func (s Size) Shape() tensor.Shape {
	switch {
	case s.Features():
		return tensor.Shape{s.N, s.C}
	case s.Tokens:
		return tensor.Shape{s.N, s.Positions(), s.C}
	}
	return tensor.Shape{s.N, s.C, s.H, s.W}
}

// String returns the shape, with the pixels of tokens: "(1,1+14x14,768)".
func (s Size) String() string {
	if !s.Tokens || s.Features() {
		return s.Shape().String()
	}
	extra := ""
	if s.Extra > 0 {
		extra = fmt.Sprintf("%d+", s.Extra)
	}
	return fmt.Sprintf("(%d,%s%dx%d,%d)", s.N, extra, s.H, s.W, s.C)
}

// sizeOf returns the size of an input (N,C,H,W).
func sizeOf(s tensor.Shape) Size { return Size{N: s[0], C: s[1], H: s[2], W: s[3]} }
