package nn

import "github.com/gozoo/zoo/tensor"

// GroupNorm normalises all pixels and channels of an image (N,C,H,W) together, to mean 0 and variance 1,
// and gives each channel a factor and a bias: weight * (x - mean) / sqrt(variance + Eps) + bias. It is PyTorch's
// group norm with a single group.
type GroupNorm struct {
	C   int
	Eps float64
}

// Kind returns "group_norm".
func (GroupNorm) Kind() string { return "group_norm" }

// Params of a group norm: weight and bias.
func (g GroupNorm) Params() []Param {
	c := tensor.Shape{g.C}
	return []Param{{Name: "weight", DType: tensor.F32, Shape: c}, {Name: "bias", DType: tensor.F32, Shape: c}}
}

// Size returns the input's shape.
func (g GroupNorm) Size(in ...Size) (Size, error) { return images(g.C, in) }

// GroupNorm adds a normalisation of all that an image holds.
func (b *Builder) GroupNorm(x Value) Value { return b.node(GroupNorm{x.C, b.eps}, x.C, x) }
