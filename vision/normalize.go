package vision

import "fmt"

// Normalize returns (x - mean) / std of every sample x (0 to 255), in float32, as
// (3,H,W): the planes in the pipeline's channel order, which Mean and Std follow.
func (p Pipeline) Normalize(img *Image) []float32 {
	out := make([]float32, 3*img.W*img.H)
	p.NormalizeTo(out, img)
	return out
}

// NormalizeTo is Normalize to the memory of the caller. It panics when dst does not have
// exactly 3*H*W elements.
func (p Pipeline) NormalizeTo(dst []float32, img *Image) {
	n := img.W * img.H
	if len(dst) != 3*n {
		panic(fmt.Sprintf("vision: normalize: an image of %dx%d takes %d values, found room for %d", img.W, img.H, 3*n, len(dst)))
	}
	for c := range 3 {
		source := c
		if p.Order == BGR {
			source = 2 - c
		}
		var level [256]float32
		for x := range level {
			level[x] = (float32(x) - p.Mean[c]) / p.Std[c]
		}
		plane := dst[c*n:][:n]
		for i := range plane {
			plane[i] = level[img.Pix[3*i+source]]
		}
	}
}
