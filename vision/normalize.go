package vision

// Normalize returns (x - mean) / std of every sample x (0 to 255), in float32, as
// (3,H,W): the planes in the pipeline's channel order, which Mean and Std follow.
func (p Pipeline) Normalize(img *Image) []float32 {
	n := img.W * img.H
	out := make([]float32, 3*n)
	for c := range 3 {
		source := c
		if p.BGR {
			source = 2 - c
		}
		var level [256]float32
		for x := range level {
			level[x] = (float32(x) - p.Mean[c]) / p.Std[c]
		}
		plane := out[c*n:][:n]
		for i := range plane {
			plane[i] = level[img.Pix[3*i+source]]
		}
	}
	return out
}
