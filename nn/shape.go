package nn

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// Pads returns the border that the convolution adds to an input of h rows and w
// columns.
func (c Conv) Pads(h, w int) (top, bottom, left, right int) {
	if !c.Pad.Same {
		return c.Pad.H, c.Pad.H, c.Pad.W, c.Pad.W
	}
	top, bottom = samePad(h, c.KH, c.StrideH)
	left, right = samePad(w, c.KW, c.StrideW)
	return top, bottom, left, right
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

// Shape returns (N,Out,OH,OW).
func (c Conv) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(c.In, in)
	if err != nil {
		return nil, err
	}
	top, bottom, left, right := c.Pads(x[2], x[3])
	oh, err := window(x[2], c.KH, c.StrideH, top, bottom)
	if err != nil {
		return nil, err
	}
	ow, err := window(x[3], c.KW, c.StrideW, left, right)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0], c.Out, oh, ow}, nil
}

// Shape returns (N,C,OH,OW).
func (p MaxPool) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(0, in)
	if err != nil {
		return nil, err
	}
	oh, err := window(x[2], p.K, p.Stride, p.Pad, p.Pad)
	if err != nil {
		return nil, err
	}
	ow, err := window(x[3], p.K, p.Stride, p.Pad, p.Pad)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0], x[1], oh, ow}, nil
}

// Shape returns (N,C,OH,OW).
func (p AvgPool) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(0, in)
	if err != nil {
		return nil, err
	}
	out := tensor.Shape{x[0], x[1], 0, 0}
	for i := 2; i < 4; i++ {
		if out[i], err = p.window(x[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
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

// Shape returns the input's shape.
func (b BatchNorm) Shape(in ...tensor.Shape) (tensor.Shape, error) { return images(b.C, in) }

// Shape returns (N,C,1,1).
func (GlobalAvgPool) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(0, in)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0], x[1], 1, 1}, nil
}

// Shape returns (N,C*H*W).
func (Flatten) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := one(in)
	if err != nil {
		return nil, err
	}
	f, err := x[1:].Numel()
	return tensor.Shape{x[0], f}, err
}

// Shape returns the input's shape.
func (l LayerNorm) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := one(in)
	if err == nil && (len(x) != 2 && len(x) != 4 || x[1] != l.C) {
		err = fmt.Errorf("expected input (N,%d) or (N,%d,H,W), found %v", l.C, l.C, x)
	}
	return x, err
}

// Shape returns the input's shape.
func (l LayerScale) Shape(in ...tensor.Shape) (tensor.Shape, error) { return images(l.C, in) }

// Shape returns the input's shape.
func (r ResponseNorm) Shape(in ...tensor.Shape) (tensor.Shape, error) { return images(r.C, in) }

// Shape returns (N,Out), or (N,Out,H,W) for an image.
func (l Linear) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := one(in)
	if err != nil {
		return nil, err
	}
	if len(x) != 2 && len(x) != 4 || x[1] != l.In {
		return nil, fmt.Errorf("expected input (N,%d) or (N,%d,H,W), found %v", l.In, l.In, x)
	}
	return append(tensor.Shape{x[0], l.Out}, x[2:]...), nil
}

// Shape returns the common shape of both inputs.
func (Add) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("expected two equal shapes, found %v", in)
	}
	return in[0], nil
}

// Shape returns the shape of the first input.
func (Mul) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || !in[1].Equal(tensor.Shape{in[0][0], in[0][1], 1, 1}) {
		return nil, fmt.Errorf("expected (N,C,H,W) and (N,C,1,1), found %v", in)
	}
	return in[0], nil
}

// Shape returns the input's shape.
func (s Shuffle) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(s.C, in)
	if err == nil && (s.Groups < 1 || x[1]%s.Groups != 0) {
		err = fmt.Errorf("%d groups do not divide the channels of %v", s.Groups, x)
	}
	return x, err
}

// Shape returns (N,C,Scale*H,Scale*W).
func (u Upsample) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(0, in)
	if err != nil {
		return nil, err
	}
	if u.Scale < 1 || u.Scale > math.MaxInt32/max(x[2], x[3], 1) {
		return nil, fmt.Errorf("scale %d of %v", u.Scale, x)
	}
	return tensor.Shape{x[0], x[1], u.Scale * x[2], u.Scale * x[3]}, nil
}

// Shape returns (N, sum of C, H, W).
func (Concat) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("nothing to join")
	}
	out := append(tensor.Shape(nil), in[0]...)
	for _, s := range in[1:] {
		if len(s) != 4 || s[0] != out[0] || s[2] != out[2] || s[3] != out[3] {
			return nil, fmt.Errorf("expected shapes that differ in channels only, found %v", in)
		}
		out[1] += s[1]
	}
	return out, nil
}

// Shape returns (N,To-From,H,W).
func (s Slice) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, err := images(0, in)
	if err != nil {
		return nil, err
	}
	if s.From < 0 || s.From >= s.To || s.To > x[1] {
		return nil, fmt.Errorf("channels %d to %d of %v", s.From, s.To, x)
	}
	return tensor.Shape{x[0], s.To - s.From, x[2], x[3]}, nil
}

func one(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("expected one input, found %d", len(in))
	}
	return in[0], nil
}

// images returns the only input, which must be (N,c,H,W); c of 0 allows any.
func images(c int, in []tensor.Shape) (tensor.Shape, error) {
	x, err := one(in)
	if err != nil {
		return nil, err
	}
	if len(x) != 4 || (c != 0 && x[1] != c) {
		return nil, fmt.Errorf("expected input (N,%d,H,W), found %v", c, x)
	}
	return x, nil
}
