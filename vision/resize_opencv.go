package vision

import "math"

// resizeOpenCV returns the pixels of ResizeOpenCV(img, w, h, f) inside of the window.
func resizeOpenCV(img *Image, w, h int, f Filter, win window) *Image {
	x, y := newAxis(img.W, w, win.x, win.w), newAxis(img.H, h, win.y, win.h)
	switch {
	case w == img.W && h == img.H:
		return cut(img, win.x, win.y, win.w, win.h)
	case f == Bicubic && min(img.W, img.H) < 4:
		return cubicFixed(img, x, y)
	case f == Bicubic:
		return cubicFloat(img, x, y)
	case x.whole() && y.whole() && (f == Area || x.step == 2 && y.step == 2):
		return areaWhole(img, x, y)
	case f == Area && x.step >= 1 && y.step >= 1:
		return areaShares(img, x, y)
	}
	return linear(img, x, y, f == Area)
}

// An axis is one direction of a resize by OpenCV: the n positions from start on, of out
// that in pixels are scaled to.
type axis struct {
	in, out, start, n int
	step, inverse     float64 // source pixels for a position, with OpenCV's rounding; and its inverse
}

func newAxis(in, out, start, n int) axis {
	inverse := float64(out) / float64(in)
	return axis{in, out, start, n, 1 / inverse, inverse}
}

// whole reports whether a position is a whole number of source pixels, and more than a
// part of one.
func (a axis) whole() bool {
	const epsilon = 0x1p-52
	return math.Abs(a.step-math.RoundToEven(a.step)) < epsilon
}

// at returns the source pixel at or before the centre of position i, and how far behind
// its centre that is, in float32 as OpenCV has it.
func (a axis) at(i int) (pixel int, fraction float32) {
	x := float32(float64((float64(a.start+i)+0.5)*a.step) - 0.5)
	floor := float32(math.Floor(float64(x)))
	return int(floor), x - floor
}

// clamp returns the nearest source pixel to one that may lie outside.
func (a axis) clamp(i int) int { return min(max(i, 0), a.in-1) }

// fixed returns a weight in OpenCV's fixed point.
func fixed(w float32) int32 { return roundEven(w * (1 << fixedBits)) }

// fixedBits is the number of fraction bits of a weight in OpenCV's fixed point.
const fixedBits = 11

// roundEven returns the nearest whole number, of two the even one.
func roundEven(v float32) int32 { return int32(math.RoundToEven(float64(v))) }

// clampByte holds v to the range of a byte.
func clampByte(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// lines holds the last four rows that were scaled along their length, each three values a
// pixel: the ones a row of the result is made of.
type lines[T int32 | float32] struct {
	scale func(dst []T, y int)
	line  [4][]T
	y     [4]int
}

func newLines[T int32 | float32](n int, scale func(dst []T, y int)) *lines[T] {
	l := &lines[T]{scale: scale}
	for i := range l.line {
		l.line[i], l.y[i] = make([]T, n), -1
	}
	return l
}

// at returns row y, scaled.
func (l *lines[T]) at(y int) []T {
	i := y % 4
	if l.y[i] != y {
		l.scale(l.line[i], y)
		l.y[i] = y
	}
	return l.line[i]
}

// linear is bilinear interpolation in fixed point, at the centres of pixels, or as Area
// has it where a side grows.
func linear(img *Image, x, y axis, area bool) *Image {
	taps := make([]struct{ a, b, wa, wb int32 }, x.n)
	for i := range taps {
		pixel, fraction := x.linear(i, area)
		if pixel < 0 || pixel >= x.in-1 { // at or beyond the centre of the outermost
			pixel, fraction = x.clamp(pixel), 0
		}
		taps[i].a, taps[i].wa = int32(3*pixel), fixed(1-fraction)
		taps[i].b, taps[i].wb = int32(3*x.clamp(pixel+1)), fixed(fraction)
	}
	rows := newLines(3*x.n, func(dst []int32, y int) {
		src := img.row(y)
		for i := range taps {
			t := &taps[i]
			a, b, d := src[t.a:][:3], src[t.b:][:3], dst[3*i:][:3]
			d[0] = int32(a[0])*t.wa + int32(b[0])*t.wb
			d[1] = int32(a[1])*t.wa + int32(b[1])*t.wb
			d[2] = int32(a[2])*t.wa + int32(b[2])*t.wb
		}
	})
	out := newImage(x.n, y.n)
	for i := range y.n {
		pixel, fraction := y.linear(i, area)
		wa, wb := fixed(1-fraction), fixed(fraction)
		a, b, dst := rows.at(y.clamp(pixel)), rows.at(y.clamp(pixel+1)), out.row(i)
		b = b[:len(a)]
		for j := range dst {
			dst[j] = uint8((wa*(a[j]>>4)>>16 + wb*(b[j]>>4)>>16 + 2) >> 2)
		}
	}
	return out
}

// linear returns the first of the two source pixels of position i and the weight of the
// second.
func (a axis) linear(i int, area bool) (pixel int, fraction float32) {
	if !area {
		return a.at(i)
	}
	i += a.start
	pixel = int(math.Floor(float64(i) * a.step))
	fraction = float32(float64(i+1) - float64(float64(pixel+1)*a.inverse))
	if fraction <= 0 {
		return pixel, 0
	}
	return pixel, fraction - float32(math.Floor(float64(fraction)))
}
