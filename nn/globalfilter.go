package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// GlobalFilter multiplies the spectrum of each channel of an image by complex numbers that are learnt, (N,C,H,W) to the
// same: PyTorch's rfft2, the product and irfft2. The tensor Name (C,Rows,Columns,2) holds real and imaginary parts for
// a spectrum of so many rows and columns, of which an image of W columns has W/2+1. For one of another size it
// is resized bilinearly, corner to corner: PyTorch's interpolate where corners are aligned.
//
// It is the filter of GFNet, arXiv:2107.00645, and of HorNet, arXiv:2207.14284. Both of its transforms are scaled by
// the root of the number of pixels.
type GlobalFilter struct {
	Name             string
	C, Rows, Columns int
}

func (GlobalFilter) Kind() string { return "global_filter" }

// Spectrum returns the rows and columns of the spectrum of an image.
func (f GlobalFilter) Spectrum(x Size) (rows, columns int) { return x.H, x.W/2 + 1 }

// Params of a filter: its numbers.
func (f GlobalFilter) Params() []Param {
	return []Param{{Name: f.Name, DType: tensor.F32, Shape: tensor.Shape{f.C, f.Rows, f.Columns, 2}}}
}

// Size returns the input's size.
func (f GlobalFilter) Size(in ...Size) (Size, error) {
	x, err := images(f.C, in)
	if err == nil && min(f.Rows, f.Columns) < 1 {
		err = fmt.Errorf("a filter of %d x %d", f.Rows, f.Columns)
	}
	return x, err
}

// GlobalFilter multiplies the spectrum of x by a tensor for spectra of so many rows and columns.
func (b *Builder) GlobalFilter(x Value, name string, rows, columns int) Value {
	return b.node(GlobalFilter{name, x.C, rows, columns}, x.C, x)
}
