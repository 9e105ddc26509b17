package vision

import (
	"fmt"
	"math"
)

// A Filter is an interpolation, named as in zoo.toml.
type Filter string

// The filters.
const (
	Bilinear Filter = "bilinear" // triangle, 1 source pixel to each side
	Bicubic  Filter = "bicubic"  // Keys' cubic with a = -0.5, 2 source pixels to each side
)

// kernel returns the filter's function and how far from 0 it reaches, both in
// source pixels when enlarging; nil for a name that is not a filter.
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

// ResizePillow returns the image scaled to w by h pixels, byte for byte as Pillow's
// Image.resize does it: when shrinking, the filter is widened by the ratio
// (antialiasing); columns are scaled first, then rows, with weights of 22 bits, each
// pass rounded to bytes; a side that stays is not touched. It panics when w or h is
// below 1 or the filter is not one of the constants.
func ResizePillow(img *Image, w, h int, f Filter) *Image {
	return resizeWindow(img, w, h, f, window{0, 0, w, h})
}

// A window is a rectangle of pixels of the scaled image.
type window struct{ x, y, w, h int }

// resizeWindow returns the pixels of ResizePillow(img, w, h, f) inside of the
// window, without computing, or having memory for, the others.
func resizeWindow(img *Image, w, h int, f Filter, win window) *Image {
	if weight, _ := f.kernel(); weight == nil || w < 1 || h < 1 {
		panic(fmt.Sprintf("vision: resize: expected positive sides and a filter, found %dx%d, %q", w, h, f))
	}
	if w == img.W && h == img.H {
		return cut(img, win.x, win.y, win.w, win.h)
	}
	if h == img.H {
		return resizeColumns(img, newTaps(img.W, w, win.x, win.w, f), win.y, win.h)
	}
	rows := newTaps(img.H, h, win.y, win.h, f)
	first, last := rows.span()
	if w == img.W {
		img = cut(img, win.x, first, win.w, last-first)
	} else {
		img = resizeColumns(img, newTaps(img.W, w, win.x, win.w, f), first, last-first)
	}
	return resizeRows(img, rows, first)
}

// precision is the number of fraction bits of a weight: 32 less 8 of the pixel and
// 2 for sums beyond the range, which negative weights cause.
const precision = 32 - 8 - 2

// taps holds, for a run of output positions, which sources they are made of.
type taps struct {
	at    []tap
	coefs []int32 // of all positions, one after the other; 1<<precision is 1
}

// A tap says that an output is the weighted sum of n sources from position lo on,
// weighted by coefs[c : c+n].
type tap struct{ lo, n, c int }

// newTaps returns the taps of n positions from start on, of out positions that in
// sources are scaled to.
func newTaps(in, out, start, n int, f Filter) taps {
	weight, support := f.kernel()
	ratio := float64(in) / float64(out)
	widen := max(ratio, 1)
	support *= widen
	t := taps{at: make([]tap, n)}
	var weights []float64
	for i := range t.at {
		// The conversion keeps the product from being fused with the sums below.
		center := float64((float64(start+i) + 0.5) * ratio)
		lo := max(int(center-support+0.5), 0)
		hi := min(int(center+support+0.5), in)
		weights = weights[:0]
		var sum float64
		for x := lo; x < hi; x++ {
			w := weight((float64(x) - center + 0.5) * (1 / widen))
			weights = append(weights, w)
			sum += w
		}
		t.at[i] = tap{lo, hi - lo, len(t.coefs)}
		for _, w := range weights {
			if sum != 0 {
				w *= 1 / sum
			}
			t.coefs = append(t.coefs, int32(w*(1<<precision)+math.Copysign(0.5, w)))
		}
	}
	return t
}

// span returns the range of sources that the taps read.
func (t taps) span() (first, end int) {
	last := t.at[len(t.at)-1]
	return t.at[0].lo, last.lo + last.n // lo and lo+n never fall
}

// resizeColumns scales the h rows of the image from row y on along their length.
func resizeColumns(img *Image, t taps, y, h int) *Image {
	out := newImage(len(t.at), h)
	for i := range h {
		src, dst := img.row(y+i), out.row(i)
		for x, p := range t.at {
			r, g, b := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
			s := src[3*p.lo:][:3*p.n]
			for _, c := range t.coefs[p.c:][:p.n] {
				r += c * int32(s[0])
				g += c * int32(s[1])
				b += c * int32(s[2])
				s = s[3:]
			}
			d := dst[3*x:][:3]
			d[0], d[1], d[2] = clip(r), clip(g), clip(b)
		}
	}
	return out
}

// resizeRows scales along the height. The image's first row is row y of the sources
// that the taps count.
func resizeRows(img *Image, t taps, y int) *Image {
	out := newImage(img.W, len(t.at))
	sums := make([]int32, 3*img.W)
	for i, p := range t.at {
		for j := range sums {
			sums[j] = 1 << (precision - 1)
		}
		for k, c := range t.coefs[p.c:][:p.n] {
			src := img.row(p.lo - y + k)[:len(sums)]
			for j, v := range src {
				sums[j] += c * int32(v)
			}
		}
		dst := out.row(i)
		for j, s := range sums {
			dst[j] = clip(s)
		}
	}
	return out
}

// clip returns the whole part of a fixed point sum, held to the range of a byte.
func clip(sum int32) uint8 { return uint8(min(max(sum>>precision, 0), 255)) }
