package nn

import "fmt"

// A Window divides the pixels of an image into squares of Side x Side, each of which attends to
// itself alone. The image must be whole squares: see PadTo.
//
// Shifted by Shift pixels, up and to the left, the squares of the last row and column are joined
// from opposite edges of the image: to the scores of what came from one edge, for what came from the
// other, Hide is added, which is -100 in Swin's published code. There an image of one square along either
// axis is not shifted, either; with Single it is.
//
// Padded windows are not shifted. Their attention has a fourth input, the pixels as they were before they were
// padded at the bottom and to the right: Hide is added to the scores of padding for what is none, and of that for
// padding, but only in an image that is padded along both axes, as in the published code of Twins.
//
// With Grid a window is the pixels at one place of all squares: there are Side x Side of them, of every Side-th
// pixel along each axis. They are neither shifted nor padded.
type Window struct {
	Side, Shift          int
	Hide                 float64
	Single, Padded, Grid bool
}

// Pixels returns how many pixels are in a window of an image of so many.
func (w Window) Pixels(all int) int {
	if w.Grid {
		return all / (w.Side * w.Side)
	}
	return w.Side * w.Side
}

// fit checks that q and k, the first inputs of an attention, are whole windows, and that there are as many
// inputs as there must be.
func (w Window) fit(in []Size) error {
	want := 3
	if w.Padded {
		want = 4
	}
	if len(in) != want {
		return fmt.Errorf("expected q, k and v, and the pixels before they are padded where windows hide padding, found %d inputs", len(in))
	}
	if w.Side == 0 {
		return nil
	}
	q, k := in[0], in[1]
	still := w.Padded || w.Grid // these are not shifted
	if w.Shift < 0 || w.Shift >= w.Side || still && w.Shift > 0 || q.Extra > 0 || q.H%w.Side != 0 || q.W%w.Side != 0 || k.H != q.H || k.W != q.W || k.Extra > 0 {
		return fmt.Errorf("expected pixels in whole windows of %d x %d, shifted by less, or not shifted where they are padded or grids, found %v, shifted by %d",
			w.Side, w.Side, in, w.Shift)
	}
	if !w.Padded {
		return nil
	}
	like, err := pixels(in[3:])
	if err == nil && (w.Grid || roundUp(like.H, w.Side) != q.H || roundUp(like.W, w.Side) != q.W) {
		err = fmt.Errorf("expected %v padded to windows of %d x %d that are not shifted, found %v, shifted by %d", like, w.Side, w.Side, q, w.Shift)
	}
	return err
}

// Of returns the window of an image of h x w pixels: not shifted where there is one along an axis, and
// Single is not set.
func (w Window) Of(h, width int) Window {
	if !w.Single && min(h, width) == w.Side {
		w.Shift = 0
	}
	return w
}

// PadTo adds zeros at the bottom and to the right, up to a multiple of Multiple pixels along each
// axis: (N,C,H,W) to (N,C,H',W'), or tokens of as many pixels. An image of fewer pixels than Least along
// an axis is refused. With Resize the whole image is resized to that instead, (N,C,H,W) alone: bilinearly, as
// PyTorch's interpolate does where corners are not aligned.
type PadTo struct {
	Multiple, Least int
	Resize          bool
}

// CropLike takes the pixels of the first input, from the upper left on, that the second input has:
// (N,C,H,W) and (N,D,H',W') to (N,C,H',W'). With Resize the whole image is resized to as many, as PadTo does.
type CropLike struct{ Resize bool }

func (PadTo) Kind() string    { return "pad" }
func (CropLike) Kind() string { return "crop" }

func (PadTo) Params() []Param    { return nil }
func (CropLike) Params() []Param { return nil }

// Size returns (N,C,H',W').
func (p PadTo) Size(in ...Size) (Size, error) {
	x, err := pixels(in)
	switch {
	case err != nil:
		return Size{}, err
	case p.Multiple < 1:
		return Size{}, fmt.Errorf("multiples of %d pixels", p.Multiple)
	case p.Resize && x.Tokens:
		return Size{}, fmt.Errorf("expected an image to resize, found %v", x)
	case min(x.H, x.W) < p.Least:
		return Size{}, fmt.Errorf("expected at least %d x %d pixels, found %v: take larger images", p.Least, p.Least, x)
	}
	x.H, x.W = roundUp(x.H, p.Multiple), roundUp(x.W, p.Multiple)
	return x, nil
}

// Size returns (N,C,H',W').
func (c CropLike) Size(in ...Size) (Size, error) {
	if len(in) != 2 {
		return Size{}, fmt.Errorf("expected two inputs, found %d", len(in))
	}
	x, err := pixels(in[:1])
	if err != nil {
		return Size{}, err
	}
	like, err := pixels(in[1:])
	if err == nil && c.Resize && x.Tokens {
		err = fmt.Errorf("expected an image to resize, found %v", x)
	}
	if err == nil && (like.H > x.H || like.W > x.W) {
		err = fmt.Errorf("%v has fewer pixels than %v", x, like)
	}
	x.H, x.W = like.H, like.W
	return x, err
}

// pixels returns the only input, which must be an image, or tokens that are all pixels.
func pixels(in []Size) (Size, error) {
	x, err := one(in)
	if err == nil && (x.Features() || x.Extra > 0) {
		err = fmt.Errorf("expected pixels, found %v", x)
	}
	return x, err
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// PaddedAttention is AttentionOf for windows that hide padding; like has the pixels that are none.
func (b *Builder) PaddedAttention(q, k, v, like Value, a Attention) Value {
	a.Window.Padded = true
	return b.attention(a, q, k, v, like)
}

// Resizes reports whether an operator that fits an image to a size resizes it, where the sizes differ.
func Resizes(op Op) bool {
	switch op := op.(type) {
	case PadTo:
		return op.Resize
	case CropLike:
		return op.Resize
	}
	return false
}

// PadTo pads x to multiples of pixels along each axis. Images of fewer than least are refused.
func (b *Builder) PadTo(x Value, multiple, least int) Value {
	return b.node(PadTo{Multiple: multiple, Least: least}, x.C, x)
}

// ResizeTo resizes an image to multiples of pixels along each axis.
func (b *Builder) ResizeTo(x Value, multiple int) Value {
	return b.node(PadTo{Multiple: multiple, Resize: true}, x.C, x)
}

// ResizeLike resizes an image to the pixels that like has, which are no more.
func (b *Builder) ResizeLike(x, like Value) Value {
	return b.node(CropLike{Resize: true}, x.C, x, like)
}

// CropLike takes as many pixels of x as like has.
func (b *Builder) CropLike(x, like Value) Value { return b.node(CropLike{}, x.C, x, like) }
