// Package bicubic resizes tables of positions.
package bicubic

import "math"

// Resize resizes a grid (h,w,c) to (oh,ow,c) as PyTorch's interpolate does with mode "bicubic",
// without align_corners and antialias: cubic convolution with a = -0.75, whose taps beyond the
// edge repeat it.
func Resize(grid []float32, h, w, c, oh, ow int) []float32 {
	rows, columns := cubicTaps(h, oh), cubicTaps(w, ow)
	out := make([]float32, oh*ow*c)
	for y := range oh {
		for x := range ow {
			dst := out[(y*ow+x)*c:][:c]
			for ch := range dst {
				sum := 0.0
				for _, r := range rows[y] {
					for _, col := range columns[x] {
						sum += r.weight * col.weight * float64(grid[(r.at*w+col.at)*c+ch])
					}
				}
				dst[ch] = float32(sum)
			}
		}
	}
	return out
}

// A tap is an element that is read, and its weight.
type tap struct {
	at     int
	weight float64
}

// cubicTaps returns the four taps of each of out elements of a side of n.
func cubicTaps(n, out int) [][4]tap {
	const a = -0.75
	taps := make([][4]tap, out)
	for i := range taps {
		at := (float64(i)+0.5)*float64(n)/float64(out) - 0.5
		first := int(math.Floor(at))
		t := at - float64(first)
		for j := range 4 {
			d := math.Abs(t - float64(j-1))
			weight := ((a*d-5*a)*d+8*a)*d - 4*a
			if d <= 1 {
				weight = ((a+2)*d-(a+3))*d*d + 1
			}
			taps[i][j] = tap{min(max(first+j-1, 0), n-1), weight}
		}
	}
	return taps
}
