package vision

import "math"

// ShortEdge returns the size of a w by h image scaled so that its shorter edge is
// s pixels. The longer edge keeps the ratio and is cut to whole pixels, not
// rounded, as mmpretrain's ResizeEdge and torchvision's Resize do. The sides and s
// must be positive.
func ShortEdge(w, h, s int) (w2, h2 int) {
	if w < h {
		return s, s * h / w
	}
	return s * w / h, s
}

// LongEdge returns the size of a w by h image scaled so that its longer edge is s pixels. The
// shorter edge keeps the ratio and is rounded to whole pixels, at least 1, a half to the even number, as
// timm's ResizeKeepRatio does. The sides and s must be positive.
func LongEdge(w, h, s int) (w2, h2 int) {
	ratio := max(float64(w)/float64(s), float64(h)/float64(s))
	edge := func(n int) int { return max(1, int(math.RoundToEven(float64(n)/ratio))) }
	return edge(w), edge(h)
}

// CenterCrop returns a copy of the middle cw by ch pixels. A side that the image
// has fewer pixels of is taken whole. Where the margins cannot be equal, the half
// pixel goes to the even number, as Python's round does: of 3 pixels to cut, 2 go
// left of the crop, of 5 also 2. cw and ch must be positive.
func CenterCrop(img *Image, cw, ch int) *Image {
	x, cw := cropSpan(img.W, cw)
	y, ch := cropSpan(img.H, ch)
	return cut(img, x, y, cw, ch)
}

// cropSpan returns where the middle c of n pixels begin, and how many they are.
func cropSpan(n, c int) (start, size int) {
	if c >= n {
		return 0, n
	}
	cut := n - c
	half := cut / 2
	return half + half&cut&1, c // up only from an odd half
}

// downSpan is cropSpan with the half pixel cut, as transformers does.
func downSpan(n, c int) (start, size int) {
	if c >= n {
		return 0, n
	}
	return (n - c) / 2, c
}

// frameSpan is cropSpan for an image that is filled up where it has fewer than c pixels: it starts
// before the first. Of an odd number that lack, one more goes behind the last.
func frameSpan(n, c int) (start, size int) {
	if c > n {
		return -((c - n) / 2), c
	}
	return cropSpan(n, c)
}

// EfficientNetCrop returns the first column and row and the side of the square in the
// middle of a w by h image that becomes edge by edge pixels in the preprocessing of
// EfficientNet: so much of the shorter side as edge is of edge + padding. It is
// mmpretrain's EfficientNetCenterCrop, whose side is cut, not rounded, and may be one
// pixel more than that part. The sides and edge must be positive, padding not negative.
func EfficientNetCrop(w, h, edge, padding int) (x, y, side int) {
	part := float64(edge) / float64(edge+padding) * float64(min(w, h))
	offset := func(n int) int { return max(0, int(math.RoundToEven((float64(n)-part)/2))) }
	x, y = offset(w), offset(h)
	end := func(at int) int { return int(float64(at) + part - 1) } // the last pixel, cut to whole ones
	return x, y, max(1, end(x)-x+1)                                // of one row or column the reference takes nothing
}

// cut copies the w by h pixels whose first is in column x and row y.
func cut(img *Image, x, y, w, h int) *Image {
	out := newImage(w, h)
	for i := range h {
		copy(out.row(i), img.row(y + i)[3*x:])
	}
	return out
}

// frame returns a w by h image of one colour that the image lies in, its first pixel in column x and row y.
func frame(img *Image, x, y, w, h int, colour [3]uint8) *Image {
	out := newImage(w, h)
	for i := range out.Pix {
		out.Pix[i] = colour[i%3]
	}
	for i := range img.H {
		copy(out.row(y + i)[3*x:], img.row(i))
	}
	return out
}
