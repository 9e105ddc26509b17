package nn

// Unfold lays the pixels of each window side by side: (N,C,H,W) to (N,C*K*K,OH,OW), where channel
// c*K*K+ky*K+kx is pixel (ky,kx) of the window in channel c, as PyTorch's Unfold has it. What windows
// cover beyond the image is zero. The reference holds the outcome as (N,C*K*K,OH*OW) or its transpose;
// here Tokens is a view of it.
type Unfold struct {
	C              int // which Builder.Unfold fills in
	K, Stride, Pad int // Pad is the border on each side
	// Corner asks for a border as Padding.Corner does, in place of Pad.
	Corner bool
	// PixelFirst asks for the channels of each pixel together: pixel (ky,kx) of channel c is channel
	// (ky*K+kx)*C+c.
	PixelFirst bool
}

func (Unfold) Kind() string { return "unfold" }

// Params of an unfolding: there are none.
func (Unfold) Params() []Param { return nil }

// windows returns a convolution over the same windows.
func (u Unfold) windows() Conv {
	return Conv{In: u.C, Out: u.C * u.K * u.K, KH: u.K, KW: u.K, StrideH: u.Stride, StrideW: u.Stride, Groups: 1,
		Pad: Padding{H: u.Pad, W: u.Pad, Corner: u.Corner}}
}

// Pads returns the border that is added to an input of h rows and w columns.
func (u Unfold) Pads(h, w int) (top, bottom, left, right int) { return u.windows().Pads(h, w) }

// Size returns (N,C*K*K,OH,OW).
func (u Unfold) Size(in ...Size) (Size, error) { return u.windows().Size(in...) }

// Unfold lays the pixels of each window of x side by side, (N,C,H,W) to (N,C*K*K,OH,OW).
func (b *Builder) Unfold(x Value, u Unfold) Value {
	if u.K < 1 || u.Stride < 1 || u.Pad < 0 {
		b.fail("windows of %d, stride %d, border %d: expected at least 1, 1 and 0", u.K, u.Stride, u.Pad)
		return x
	}
	u.C = x.C
	return b.node(u, x.C*u.K*u.K, x)
}
