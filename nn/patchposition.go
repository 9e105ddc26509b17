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
}

func (PatchPosition) Kind() string { return "patch_position" }

// Params of a patch position: its table.
func (p PatchPosition) Params() []Param {
	return []Param{{Name: p.Name, DType: tensor.F32, Shape: tensor.Shape{1, p.C, p.Side, p.Side}}}
}

// Size returns the input's size.
func (p PatchPosition) Size(in ...Size) (Size, error) {
	x, err := images(p.C, in)
	if err == nil && (x.H%p.Side != 0 || x.W%p.Side != 0) {
		err = fmt.Errorf("expected whole squares of %d x %d pixels, found %v", p.Side, p.Side, x)
	}
	return x, err
}

// PatchPosition adds a learnt table to each square of side x side pixels of x.
func (b *Builder) PatchPosition(x Value, name string, side int) Value {
	if side < 1 {
		b.fail("squares of %d pixels", side)
		return x
	}
	return b.node(PatchPosition{name, x.C, side}, x.C, x)
}
