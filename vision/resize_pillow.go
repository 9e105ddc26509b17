package vision

import "math"

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
	columns, rows := newTaps(img.W, w, win.x, win.w, f), newTaps(img.H, h, win.y, win.h, f)
	left, right := columns.span()
	top, bottom := rows.span()
	switch lost := img.H - h; {
	case h == img.H:
		return resizeColumns(img, columns, win.y, win.h)
	case w == img.W:
		return resizeRows(cut(img, win.x, top, win.w, bottom-top), rows, top)
	case lost > 0 && lost > 2*(img.W-w): // the rows first, as there are many less of them after
		columns.shift(left)
		return resizeColumns(resizeRows(cut(img, left, top, right-left, bottom-top), rows, top), columns, 0, win.h)
	}
	return resizeRows(resizeColumns(img, columns, top, bottom-top), rows, top)
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
				w /= sum
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

// shift counts sources from a later one on.
func (t taps) shift(by int) {
	for i := range t.at {
		t.at[i].lo -= by
	}
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
