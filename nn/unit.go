package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// Unit divides each of Runs equal runs of channels, of each token or pixel, by its 2-norm, or by 1e-12
// where that is more, as PyTorch's normalize does. With that of queries and keys an attention goes by
// the angles between them: Swin V2, arXiv:2111.09883.
type Unit struct {
	C, Runs int
	// Temper names a learnt tensor (Runs,1,1): a run is multiplied by the exponential of its number
	// besides, or by 100 where that is less; empty for none.
	Temper string
}

func (Unit) Kind() string { return "normalize" }

// Params of a normalisation: the numbers of its runs, if it has any.
func (u Unit) Params() []Param {
	if u.Temper == "" {
		return nil
	}
	return []Param{{Name: u.Temper, DType: tensor.F32, Shape: tensor.Shape{u.Runs, 1, 1}}}
}

// Size returns the input's size.
func (u Unit) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err == nil && (x.C != u.C || u.Runs < 1 || x.C%u.Runs != 0) {
		err = fmt.Errorf("expected %d runs of %d channels in all, found %v", u.Runs, u.C, x)
	}
	return x, err
}

// Unit makes each run of channels one of length 1, times a learnt factor where temper names it.
func (b *Builder) Unit(x Value, runs int, temper string) Value {
	return b.node(Unit{x.C, runs, temper}, x.C, x)
}
