package nn

import "fmt"

// FourierPosition writes where in an image (N,C,H,W) each pixel is, (N,2*Hidden,H,W): of the image it takes the
// size alone. Hidden channels are sines, where even, and cosines, where odd, of
//
//	2π (y+1) / (H+1e-6) / Temperature^(2*floor(c/2)/Hidden)
//
// for channel c and row y; as many of columns follow. References compute them in float32, and so does zoo. It
// is the encoding of XCiT, arXiv:2106.09681, and of EdgeNeXt, which a convolution follows.
type FourierPosition struct {
	Hidden      int
	Temperature float64
}

func (FourierPosition) Kind() string    { return "fourier_position" }
func (FourierPosition) Params() []Param { return nil }

// Size returns (N,2*Hidden,H,W).
func (f FourierPosition) Size(in ...Size) (Size, error) {
	x, err := images(0, in)
	if err == nil && (f.Hidden < 1 || f.Temperature <= 0) {
		err = fmt.Errorf("%d channels of temperature %v", f.Hidden, f.Temperature)
	}
	x.C = 2 * f.Hidden
	return x, err
}

// FourierPosition adds the positions of pixels of x, twice hidden channels of a temperature of 10000.
func (b *Builder) FourierPosition(x Value, hidden int) Value {
	return b.node(FourierPosition{hidden, 10000}, 2*hidden, x)
}
