package vision

import "math"

// cubicFloat is bicubic interpolation as Intel's IPP computes it: in float32 with fused
// multiply-adds, along the rows first.
//
// A fused multiply-add is a float64 product, which is exact, and sum, rounded to float32.
func cubicFloat(img *Image, x, y axis) *Image {
	type tap struct {
		at [4]int32
		w  [4]float64
	}
	taps := make([]tap, x.n)
	for i := range taps {
		pixel, w := x.cubicFloat(i)
		taps[i].w = w
		for k := range 4 {
			taps[i].at[k] = int32(3 * x.clamp(pixel-1+k))
		}
	}
	rows := newLines(3*x.n, func(dst []float32, y int) {
		src := img.row(y)
		for i := range taps {
			t := &taps[i]
			p0, p1, p2, p3 := src[t.at[0]:][:3], src[t.at[1]:][:3], src[t.at[2]:][:3], src[t.at[3]:][:3]
			d := dst[3*i:][:3]
			for c := range d {
				v := float32(t.w[0] * float64(p0[c]))
				v = fused(t.w[1], float64(p1[c]), v)
				v = fused(t.w[2], float64(p2[c]), v)
				d[c] = fused(t.w[3], float64(p3[c]), v)
			}
		}
	})
	out := newImage(x.n, y.n)
	for i := range y.n {
		pixel, w := y.cubicFloat(i)
		a, b := rows.at(y.clamp(pixel-1)), rows.at(y.clamp(pixel))
		c, d := rows.at(y.clamp(pixel+1)), rows.at(y.clamp(pixel+2))
		dst := out.row(i)
		b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
		for j := range dst {
			v := fused(w[0], float64(a[j]), float32(w[1]*float64(b[j]))) +
				fused(w[2], float64(c[j]), float32(w[3]*float64(d[j])))
			dst[j] = clampByte(roundEven(v))
		}
	}
	return out
}

func fused(a, b float64, c float32) float32 { return float32(float64(a*b) + float64(c)) }

// cubicFloat returns the second of the four source pixels of position i and the weights
// of all, which are float32 numbers. The distance from the first pixel is rounded to
// float32, and the weights are computed in float64 from that.
func (a axis) cubicFloat(i int) (pixel int, w [4]float64) {
	x := float64((float64(a.start+i)+0.5)*a.step) - 0.5
	floor := math.Floor(x)
	first := float64(1 + float32(x-floor))
	behind, before := first-1, 2-first // of the second pixel, of the third
	near := func(d float64) float64 { return float64(float64((float64(1.25*d)-2.25)*d)*d) + 1 }
	far := func(d, other float64) float64 { return float64(float64(-0.75*d)*other) * other }
	w = [4]float64{far(behind, before), near(behind), near(before), far(before, behind)}
	for k, v := range w {
		w[k] = float64(float32(v))
	}
	return int(floor), w
}

// cubicFixed is bicubic interpolation by OpenCV itself: in fixed point along the rows; along
// the columns in float32 for as many whole vectors of 8 bytes as there are in a row, and
// in fixed point for the rest.
func cubicFixed(img *Image, x, y axis) *Image {
	taps := make([]struct{ at, w [4]int32 }, x.n)
	for i := range taps {
		pixel, fraction := x.at(i)
		taps[i].w = cubicWeights(fraction)
		for k := range 4 {
			taps[i].at[k] = int32(3 * x.clamp(pixel-1+k))
		}
	}
	rows := newLines(3*x.n, func(dst []int32, y int) {
		src := img.row(y)
		for i := range dst {
			t, v := &taps[i/3], int32(0)
			for k, at := range t.at {
				v += t.w[k] * int32(src[int(at)+i%3])
			}
			dst[i] = v
		}
	})
	const bits = 2 * fixedBits
	vectors := 3*x.out/8*8 - 3*x.start
	out := newImage(x.n, y.n)
	for i := range y.n {
		pixel, fraction := y.at(i)
		w := cubicWeights(fraction)
		dst := out.row(i)
		var line [4][]int32
		var scaled [4]float32
		for k := range 4 {
			line[k] = rows.at(y.clamp(pixel - 1 + k))
			scaled[k] = float32(w[k]) * (1.0 / (1 << bits))
		}
		for j := range dst {
			if j < vectors {
				v := float32(scaled[3] * float32(line[3][j]))
				for k := 2; k >= 0; k-- {
					v += float32(scaled[k] * float32(line[k][j]))
				}
				dst[j] = clampByte(roundEven(v))
				continue
			}
			v := int32(1) << (bits - 1)
			for k := range 4 {
				v += w[k] * line[k][j]
			}
			dst[j] = clampByte(v >> bits)
		}
	}
	return out
}

// cubicWeights returns OpenCV's weights of four pixels, of which the second lies the
// fraction x before the point. The conversions keep products from being fused.
func cubicWeights(x float32) (w [4]int32) {
	const a = -0.75
	near := func(x float32) float32 {
		return float32(float32((float32((a+2)*x)-(a+3))*x)*x) + 1
	}
	far := float32((float32((float32(a*(x+1))-5*a)*(x+1))+8*a)*(x+1)) - 4*a
	second, third := near(x), near(1-x)
	for k, v := range [4]float32{far, second, third, 1 - far - second - third} {
		w[k] = fixed(v)
	}
	return w
}
