package nn

import (
	"fmt"
	"math"
)

// Pads returns the border that the convolution adds to an input of h rows and w
// columns.
func (c Conv) Pads(h, w int) (top, bottom, left, right int) {
	if !c.Pad.Same && !c.Pad.Corner {
		return c.Pad.H, c.Pad.H, c.Pad.W, c.Pad.W
	}
	kh, kw := c.Reach()
	top, bottom = samePad(h, kh, c.StrideH)
	left, right = samePad(w, kw, c.StrideW)
	if c.Pad.Corner {
		return 0, top + bottom, 0, left + right
	}
	return top, bottom, left, right
}

// Reach returns the rows and columns that a window lies in.
func (c Conv) Reach() (h, w int) {
	apart := max(c.Dilation, 1)
	return apart*(c.KH-1) + 1, apart*(c.KW-1) + 1
}

// samePad splits TensorFlow's SAME border: the smaller half comes first.
func samePad(in, k, stride int) (before, after int) {
	out := (in + stride - 1) / stride
	total := max((out-1)*stride+k-in, 0)
	return total / 2, total - total/2
}

// window returns how often a window of k fits into in elements with a border.
func window(in, k, stride, before, after int) (int, error) {
	if in+before+after < k {
		return 0, fmt.Errorf("input of %d with border %d+%d is smaller than the kernel %d", in, before, after, k)
	}
	return (in+before+after-k)/stride + 1, nil
}

// Size returns (N,Out,OH,OW).
func (c Conv) Size(in ...Size) (Size, error) {
	x, err := images(c.In, in)
	if err != nil {
		return Size{}, err
	}
	top, bottom, left, right := c.Pads(x.H, x.W)
	kh, kw := c.Reach()
	oh, err := window(x.H, kh, c.StrideH, top, bottom)
	if err != nil {
		return Size{}, err
	}
	ow, err := window(x.W, kw, c.StrideW, left, right)
	if err != nil {
		return Size{}, err
	}
	return Size{N: x.N, C: c.Out, H: oh, W: ow}, nil
}

// Size returns (N,C,OH,OW).
func (p MaxPool) Size(in ...Size) (Size, error) {
	x, err := images(0, in)
	if err != nil {
		return Size{}, err
	}
	oh, err := window(x.H, p.K, p.Stride, p.Pad, p.Pad)
	if err != nil {
		return Size{}, err
	}
	ow, err := window(x.W, p.K, p.Stride, p.Pad, p.Pad)
	if err != nil {
		return Size{}, err
	}
	return Size{N: x.N, C: x.C, H: oh, W: ow}, nil
}

// Size returns (N,C,OH,OW).
func (p AvgPool) Size(in ...Size) (Size, error) {
	x, err := images(0, in)
	if err != nil {
		return Size{}, err
	}
	out := Size{N: x.N, C: x.C}
	if out.H, err = p.window(x.H); err == nil {
		out.W, err = p.window(x.W)
	}
	return out, err
}

// window returns the windows along one side, by PyTorch's rule for ceil_mode: a last
// one that starts beyond the input is dropped.
func (p AvgPool) window(in int) (int, error) {
	rest := in + 2*p.Pad - p.K
	if !p.Ceil || rest <= -p.Stride {
		return window(in, p.K, p.Stride, p.Pad, p.Pad)
	}
	n := (rest+p.Stride-1)/p.Stride + 1
	if (n-1)*p.Stride >= in+p.Pad {
		n--
	}
	return n, nil
}

// Size returns the input's shape.
func (b BatchNorm) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if c := b.C * max(b.Runs, 1); err == nil && x.C != c {
		err = fmt.Errorf("expected %d channels, found %v", c, x)
	}
	return x, err
}

// Size returns (N,C,1,1), or (N,C) for tokens.
func (g GlobalAvgPool) Size(in ...Size) (Size, error) {
	x, err := one(in)
	switch {
	case err != nil:
		return Size{}, err
	case x.Features():
		return Size{}, fmt.Errorf("expected an image or tokens, found %v", x)
	case x.Tokens:
		return Size{N: x.N, C: x.C}, nil
	}
	return Size{N: x.N, C: x.C, H: 1, W: 1}, nil
}

// Size returns (N,C*H*W).
func (Flatten) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err == nil && x.Tokens && !x.Features() {
		err = fmt.Errorf("expected an image, found tokens %v", x)
	}
	if err != nil {
		return Size{}, err
	}
	f, err := x.Shape()[1:].Numel()
	return Size{N: x.N, C: f}, err
}

// Size returns the input's shape.
func (l LayerNorm) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if c := l.C * max(l.Runs, 1); err == nil && x.C != c {
		err = fmt.Errorf("expected input of %d channels, found %v", c, x)
	}
	return x, err
}

// Size returns the input's shape.
func (l LayerScale) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err == nil && (x.Features() || x.C != l.C) {
		err = fmt.Errorf("expected an image or tokens of %d channels, found %v", l.C, x)
	}
	return x, err
}

// Size returns the input's shape.
func (r ResponseNorm) Size(in ...Size) (Size, error) { return images(r.C, in) }

// Size returns (N,Out), or (N,Out,H,W) for an image.
func (l Linear) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err != nil {
		return Size{}, err
	}
	if x.C != l.In {
		return Size{}, fmt.Errorf("expected input of %d channels, found %v", l.In, x)
	}
	if l.QVBias && (!x.Tokens || x.Features()) {
		return Size{}, fmt.Errorf("expected tokens, found %v", x)
	}
	x.C = l.Out
	return x, nil
}

// Size returns the common shape of both inputs.
func (Add) Size(in ...Size) (Size, error) {
	if len(in) != 2 || in[0] != in[1] {
		return Size{}, fmt.Errorf("expected two equal shapes, found %v", in)
	}
	return in[0], nil
}

// Size returns the shape of the first input.
func (Mul) Size(in ...Size) (Size, error) {
	if len(in) != 2 || in[0].Features() || in[1] != in[0] && in[1] != (Size{N: in[0].N, C: in[0].C, H: 1, W: 1}) {
		return Size{}, fmt.Errorf("expected (N,C,H,W) and (N,C,1,1), or two equal shapes, found %v", in)
	}
	return in[0], nil
}

// Size returns the input's shape.
func (s Shuffle) Size(in ...Size) (Size, error) {
	x, err := images(s.C, in)
	if err == nil && (s.Groups < 1 || x.C%s.Groups != 0) {
		err = fmt.Errorf("%d groups do not divide the channels of %v", s.Groups, x)
	}
	return x, err
}

// Size returns (N,C,Scale*H,Scale*W).
func (u Upsample) Size(in ...Size) (Size, error) {
	x, err := images(0, in)
	if err != nil {
		return Size{}, err
	}
	if u.Scale < 1 || u.Scale > math.MaxInt32/max(x.H, x.W, 1) {
		return Size{}, fmt.Errorf("scale %d of %v", u.Scale, x)
	}
	return Size{N: x.N, C: x.C, H: u.Scale * x.H, W: u.Scale * x.W}, nil
}

// Size returns (N, sum of C, H, W), or (N, sum of C) for features.
func (Concat) Size(in ...Size) (Size, error) {
	if len(in) == 0 {
		return Size{}, fmt.Errorf("nothing to join")
	}
	out := in[0]
	for _, s := range in[1:] {
		c := out.C + s.C
		if out.C = s.C; s != out {
			return Size{}, fmt.Errorf("expected shapes that differ in channels only, found %v", in)
		}
		out.C = c
	}
	return out, nil
}

// Size returns (N,To-From,H,W).
func (s Slice) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err != nil {
		return Size{}, err
	}
	if x.Features() || s.From < 0 || s.From >= s.To || s.To > x.C {
		return Size{}, fmt.Errorf("channels %d to %d of %v", s.From, s.To, x)
	}
	x.C = s.To - s.From
	return x, nil
}

func one(in []Size) (Size, error) {
	if len(in) != 1 {
		return Size{}, fmt.Errorf("expected one input, found %d", len(in))
	}
	return in[0], nil
}

// images returns the only input, which must be (N,c,H,W); c of 0 allows any.
func images(c int, in []Size) (Size, error) {
	x, err := one(in)
	if err != nil {
		return Size{}, err
	}
	if x.Features() || x.Tokens || c != 0 && x.C != c {
		return Size{}, fmt.Errorf("expected input (N,%d,H,W), found %v", c, x)
	}
	return x, nil
}
