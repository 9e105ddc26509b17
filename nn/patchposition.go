package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// PatchPosition adds a learnt table (1,C,Side,Side) to each square of Side x Side pixels of an image
// (N,C,H,W), which must be whole squares: what it learns is where in its patch a pixel is.
type PatchPosition struct {
	Name    string
	C, Side int
	// Whole tells that an image is one such square: others are refused.
	Whole bool
}

func (PatchPosition) Kind() string { return "patch_position" }

// Params of a patch position: its table.
func (p PatchPosition) Params() []Param {
	return []Param{{Name: p.Name, DType: tensor.F32, Shape: tensor.Shape{1, p.C, p.Side, p.Side}}}
}

// Size returns the input's size.
func (p PatchPosition) Size(in ...Size) (Size, error) {
	x, err := images(p.C, in)
	switch {
	case err != nil:
	case p.Whole && (x.H != p.Side || x.W != p.Side):
		err = fmt.Errorf("expected a grid of %d x %d, as the positions have and which the reference does not resize, found %v: "+
			"take images of the size that the network is for", p.Side, p.Side, x)
	case x.H%p.Side != 0 || x.W%p.Side != 0:
		err = fmt.Errorf("expected whole squares of %d x %d pixels, found %v", p.Side, p.Side, x)
	}
	return x, err
}

// PatchPosition adds a learnt table to each square of side x side pixels of x.
func (b *Builder) PatchPosition(x Value, name string, side int) Value {
	return b.patchPosition(x, PatchPosition{Name: name, Side: side})
}

// ImagePosition adds a learnt table (1,C,side,side) to images of so many pixels.
func (b *Builder) ImagePosition(x Value, name string, side int) Value {
	return b.patchPosition(x, PatchPosition{Name: name, Side: side, Whole: true})
}

func (b *Builder) patchPosition(x Value, p PatchPosition) Value {
	if p.Side < 1 {
		b.fail("squares of %d pixels", p.Side)
		return x
	}
	p.C = x.C
	return b.node(p, x.C, x)
}
