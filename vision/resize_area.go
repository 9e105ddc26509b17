package vision

import "math"

// areaWhole returns means over blocks of whole pixels.
func areaWhole(img *Image, x, y axis) *Image {
	w, h := int(math.RoundToEven(x.step)), int(math.RoundToEven(y.step))
	scale := 1 / float32(w*h)
	out := newImage(x.n, y.n)
	sums := make([]int32, 3*x.n)
	for i := range y.n {
		clear(sums)
		for row := range h {
			src := img.row((y.start+i)*h + row)[3*x.start*w:]
			for j := range sums {
				at := j/3*3*w + j%3
				for k := range w {
					sums[j] += int32(src[at+3*k])
				}
			}
		}
		dst := out.row(i)
		for j, sum := range sums {
			if w == 2 && h == 2 {
				dst[j] = uint8((sum + 2) >> 2)
			} else {
				dst[j] = clampByte(roundEven(float32(sum) * scale))
			}
		}
	}
	return out
}

// areaShares returns means over blocks that cut through pixels.
func areaShares(img *Image, x, y axis) *Image {
	columns := x.shares()
	out := newImage(x.n, y.n)
	line, sums := make([]float32, 3*x.n), make([]float32, 3*x.n)
	for i, rows := range y.shares() {
		clear(sums)
		for k, weight := range rows.weights {
			src := img.row(rows.first + k)
			for j := range columns {
				s := &columns[j]
				d, p := line[3*j:][:3], src[3*s.first:]
				d[0], d[1], d[2] = 0, 0, 0
				for _, w := range s.weights {
					d[0] += float32(float32(p[0]) * w)
					d[1] += float32(float32(p[1]) * w)
					d[2] += float32(float32(p[2]) * w)
					p = p[3:]
				}
			}
			for j, v := range line {
				sums[j] += float32(weight * v)
			}
		}
		dst := out.row(i)
		for j, v := range sums {
			dst[j] = clampByte(roundEven(v))
		}
	}
	return out
}

// shares says which pixels a position covers: as many as there are weights, from first on.
type shares struct {
	first   int
	weights []float32
}

// shares returns what each position covers. As in OpenCV, less than a thousandth of a pixel
// does not count.
func (a axis) shares() []shares {
	const little = 1e-3
	all := make([]shares, a.n)
	for i := range all {
		from := float64(float64(a.start+i) * a.step)
		to := from + a.step
		width := min(a.step, float64(a.in)-from)
		last := min(int(math.Floor(to)), a.in-1)
		first := min(int(math.Ceil(from)), last)
		s := &all[i]
		s.first = first
		if d := float64(first) - from; d > little {
			s.first--
			s.weights = append(s.weights, float32(d/width))
		}
		for range last - first {
			s.weights = append(s.weights, float32(1/width))
		}
		if d := to - float64(last); d > little {
			s.weights = append(s.weights, float32(min(d, 1, width)/width))
		}
	}
	return all
}
