package vision

import (
	"math"

	"github.com/gozoo/zoo/vision/internal/kernel"
)

// kernel returns the function of a filter of Pillow's and how far from 0 it reaches, both
// in source pixels when enlarging; nil for a name that is not one.
func (f Filter) kernel() (weight func(x float64) float64, support float64) {
	switch f {
	case Bilinear:
		return triangle, 1
	case Bicubic:
		return keys, 2
	}
	return nil, 0
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// keys is the cubic convolution kernel. The conversions keep a compiler from fusing
// a product with a sum, which would change the last bit of a weight.
func keys(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64((float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// resizePillow returns the pixels of ResizePillow(img, w, h, f) inside of the window,
// without computing, or having memory for, the others.
func resizePillow(img *Image, w, h int, f Filter, win window) *Image {
	if w == img.W && h == img.H {
		return cut(img, win.x, win.y, win.w, win.h)
	}
	x, y := newTaps(img.W, w, win.x, win.w, f), newTaps(img.H, h, win.y, win.h, f)
	left, right := x.Span()
	top, bottom := y.Span()
	switch lost := img.H - h; {
	case h == img.H:
		return scaleWidth(img, x, 0, win.y, win.h)
	case w == img.W:
		return scaleHeight(img, y, 0, win.x, win.w)
	case lost > 0 && lost > 2*(img.W-w): // few rows are left of them
		return scaleWidth(scaleHeight(img, y, 0, left, right-left), x, left, 0, win.h)
	}
	return scaleHeight(scaleWidth(img, x, 0, top, bottom-top), y, top, 0, win.w)
}

// newTaps returns the taps of n positions from start on, of out positions that in
// sources are scaled to.
func newTaps(in, out, start, n int, f Filter) *kernel.Taps {
	weight, support := f.kernel()
	ratio := float64(in) / float64(out)
	widen := max(ratio, 1)
	support *= widen
	// The conversions keep products from being fused with sums.
	center := func(i int) float64 { return float64((float64(start+i) + 0.5) * ratio) }
	span := func(i int) (lo, hi int) {
		return max(int(center(i)-support+0.5), 0), min(int(center(i)+support+0.5), in)
	}
	t := &kernel.Taps{At: make([]int32, n)}
	for i := range n {
		lo, hi := span(i)
		t.N = max(t.N, hi-lo)
	}
	if t.N%2 != 0 && t.N < in {
		t.N++ // kernels take an even number
	}
	t.Weights = make([]int32, n*t.N)
	weights := make([]float64, t.N)
	for i := range n {
		lo, hi := span(i)
		var sum float64
		for k := range hi - lo {
			weights[k] = weight((float64(lo+k) - center(i) + 0.5) * (1 / widen))
			sum += weights[k]
		}
		at := min(lo, in-t.N)
		t.At[i] = int32(at)
		for k, w := range weights[:hi-lo] {
			if sum != 0 {
				w /= sum
			}
			t.Of(i)[lo-at+k] = int32(w*(1<<kernel.Precision) + math.Copysign(0.5, w))
		}
	}
	return t
}

// scaleWidth scales h rows of the image from row y on. Its first column is number from to
// the taps.
func scaleWidth(img *Image, t *kernel.Taps, from, y, h int) *Image {
	out := newImage(len(t.At), h)
	kernel.Rows(out.Pix, 3*out.W, img.Pix[3*img.W*y:], 3*img.W, h, t, from)
	return out
}

// scaleHeight scales w columns of the image from column x on. Its first row is number from
// to the taps.
func scaleHeight(img *Image, t *kernel.Taps, from, x, w int) *Image {
	out := newImage(w, len(t.At))
	for i, at := range t.At {
		kernel.Columns(out.row(i), img.Pix[3*(img.W*(int(at)-from)+x):], 3*img.W, t.Of(i))
	}
	return out
}
