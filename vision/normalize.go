package vision

import "fmt"

// Normalize returns (x * scale - mean) / std of every sample x (0 to 255), in float32, as
// (3,H,W): the planes in the pipeline's channel order, which Mean and Std follow.
func (p Pipeline) Normalize(img *Image) []float32 {
	out := make([]float32, 3*img.W*img.H)
	p.NormalizeTo(out, img)
	return out
}

// InLevels returns the pipeline with Mean and Std of levels of 0 to 255, whatever Scale it has. What Normalize
// returns differs by rounding.
func (p Pipeline) InLevels() Pipeline {
	for c := range 3 {
		p.Mean[c] = float32(float64(p.Mean[c]) / p.scale())
		p.Std[c] = float32(float64(p.Std[c]) / p.scale())
	}
	p.Scale = 0
	return p
}

// NormalizeTo is Normalize to the memory of the caller. It panics when dst does not have
// exactly 3*H*W elements.
func (p Pipeline) NormalizeTo(dst []float32, img *Image) {
	n := img.W * img.H
	if len(dst) != 3*n {
		panic(fmt.Sprintf("vision: normalize: an image of %dx%d takes %d values, found room for %d", img.W, img.H, 3*n, len(dst)))
	}
	scale := p.scale()
	for c := range 3 {
		source := c
		if p.Order == BGR {
			source = 2 - c
		}
		var level [256]float32
		for x := range level {
			scaled := float32(float64(x) * scale)
			level[x] = (scaled - p.Mean[c]) / p.Std[c]
		}
		plane := dst[c*n:][:n]
		for i := range plane {
			plane[i] = level[img.Pix[3*i+source]]
		}
	}
}
