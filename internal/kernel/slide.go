package kernel

import "fmt"

// A Slide describes blocks of a depthwise convolution of stride 1 whose window is large. Input and weights are
// rows of vectors, of Lanes channels each, that follow one another. Along a row one of the two is fixed and
// the other slides: pixel i of a row of output takes, for every t, vector t of a fixed row times vector t+i of a
// sliding one. Either may be which: of an image the taps of a row of the window are fixed, and its pixels slide,
// with zeros around them; of an image that is no wider than the window its pixels are fixed, and the taps slide,
// both mirrored, so that nothing is computed of what lies outside the image.
type Slide struct {
	// Lanes is the number of channels of a vector: that of the variant which computes it.
	Lanes int
	// FixedRow and SlidingRow lead from one row to the next, in floats.
	FixedRow, SlidingRow int
	// DstStride and ResStride lead from one pixel to the next, in floats.
	DstStride, ResStride int
	Epilogue
}

// A SlideRow is a row of output, with what is fixed for it.
type SlideRow struct{ Fixed, Dst, Res []float32 }

// check returns the channels that a call is about and panics where its slices are too short for it: an error of
// the caller.
func (p *Slide) check(rows, steps, m int, sliding, bias []float32, first, second SlideRow) (channels int) {
	if rows < 1 || steps < 1 || m < 1 || p.Lanes < 1 || p.FixedRow < 0 || p.SlidingRow < 0 || len(bias) < p.Lanes {
		panic(fmt.Sprintf("kernel: slide: %d rows of %d steps, %d pixels of %d channels, %d biases, rows %d and %d floats apart",
			rows, steps, m, p.Lanes, len(bias), p.FixedRow, p.SlidingRow))
	}
	if need := (rows-1)*p.SlidingRow + (steps+m-1)*p.Lanes; need > len(sliding) {
		panic(fmt.Sprintf("kernel: slide: sliding of %d floats, %d are read", len(sliding), need))
	}
	channels = min(len(first.Dst)-(m-1)*p.DstStride, p.Lanes)
	p.checkRow(rows, steps, m, channels, first)
	if second.Dst != nil {
		p.checkRow(rows, steps, m, channels, second)
	}
	return channels
}

// checkRow panics where the slices of one row are too short.
func (p *Slide) checkRow(rows, steps, m, channels int, r SlideRow) {
	if need := (rows-1)*p.FixedRow + steps*p.Lanes; need > len(r.Fixed) {
		panic(fmt.Sprintf("kernel: slide: fixed of %d floats, %d are read", len(r.Fixed), need))
	}
	if channels < 1 {
		panic(fmt.Sprintf("kernel: slide: dst of %d floats for %d pixels", len(r.Dst), m))
	}
	checkRows("slide", m, channels, p.DstStride, p.ResStride, r.Dst, r.Res)
}

// SlideGeneric computes m ≥ 1 pixels of a row of output, or of two. For the row r, every pixel i and every channel c,
//
//	sum = bias[c]
//	for y := range rows {
//		for t := range steps {
//			sum += r.Fixed[y*FixedRow+t*Lanes+c] * sliding[y*SlidingRow+(t+i)*Lanes+c]
//		}
//	}
//	r.Dst[i*DstStride+c] = p.Epilogue.Apply(sum, r.Res[i*ResStride+c])
//
// The number of channels is what the first row's Dst holds of pixel m-1, at most Lanes; vectors are whole. The second row has no
// Dst where there is none. A nil Res adds nothing; one may overlap a Dst only if it is that row's. No float of Dst and Res is
// read or written but those that the loop names. What a pixel comes to depends neither on m, nor on
// the other row, nor on the number of channels.
func SlideGeneric(p *Slide, rows, steps, m int, sliding, bias []float32, first, second SlideRow) {
	channels := p.check(rows, steps, m, sliding, bias, first, second)
	p.portable(rows, steps, m, channels, sliding, bias, first)
	if second.Dst != nil {
		p.portable(rows, steps, m, channels, sliding, bias, second)
	}
}

// portable computes a row of output.
func (p *Slide) portable(rows, steps, m, channels int, sliding, bias []float32, r SlideRow) {
	var buf [32]float32
	for i := range m {
		for from := 0; from < channels; from += len(buf) {
			sums := buf[:min(len(buf), channels-from)]
			copy(sums, bias[from:])
			for y := range rows {
				for t := range steps {
					w := r.Fixed[y*p.FixedRow+t*p.Lanes+from:][:len(sums)]
					x := sliding[y*p.SlidingRow+(t+i)*p.Lanes+from:][:len(sums)]
					for c := range sums {
						sums[c] += w[c] * x[c]
					}
				}
			}
			for c, sum := range sums {
				if to := &r.Dst[i*p.DstStride+from+c]; r.Res == nil {
					*to = p.Act.Apply(sum)
				} else {
					*to = p.Apply(sum, r.Res[i*p.ResStride+from+c])
				}
			}
		}
	}
}
