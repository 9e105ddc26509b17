package engine

import "github.com/gozoo/zoo/nn"

// ofToken returns the relation of tokens i and j, of which the first is none of the pixels.
func ofToken(o nn.ClassOffsets, i, j int) int {
	pixels := (2*o.H - 1) * (2*o.W - 1)
	switch {
	case i == 0 && j == 0:
		return pixels + 2
	case i == 0:
		return pixels
	case j == 0:
		return pixels + 1
	}
	i, j = i-1, j-1
	return (i/o.W-j/o.W+o.H-1)*(2*o.W-1) + i%o.W - j%o.W + o.W - 1
}
