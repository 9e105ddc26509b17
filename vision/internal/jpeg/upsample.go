package jpeg

import "github.com/gozoo/zoo/vision/internal/kernel"

// An upsampling says how the samples of a component are spread over the pixels. Where
// libjpeg speaks of fancy upsampling, a pixel between two samples gets 3/4 of the nearer
// and 1/4 of the farther one; halves are rounded up and down in turn. Beyond the last
// real sample that sample is repeated, whatever the padding of the blocks holds.
type upsampling uint8

const (
	fullSize       upsampling = iota
	horizontal                // 2 pixels wide, interpolated
	vertical                  // 2 pixels high, interpolated
	bothDirections            // 2 pixels wide and high, interpolated
	replicated                // any whole number wide and high
)

func newUpsampling(maxH, maxV int, c *component) (upsampling, error) {
	if maxH%c.h != 0 || maxV%c.v != 0 {
		return 0, UnsupportedError("a ratio of sampling factors that is not whole")
	}
	switch w, h := maxH/c.h, maxV/c.v; {
	case w == 1 && h == 1:
		return fullSize, nil
	case w == 2 && h == 1 && c.width > 2:
		return horizontal, nil
	case w == 1 && h == 2:
		return vertical, nil
	case w == 2 && h == 2 && c.width > 2:
		return bothDirections, nil
	}
	return replicated, nil
}

// row returns the component's values for the pixels of row y. They are valid until the
// next call with the same scratch memory, which must be as long as the row, rounded up to
// whole samples.
func (c *component) row(f *frame, y int, scratch []uint8) []uint8 {
	down := f.maxV / c.v
	near := c.sampleRow(y / down)
	far := near
	if c.up == vertical || c.up == bothDirections {
		far = c.sampleRow(y/2 - 1 + y%2*2)
	}
	switch c.up {
	case fullSize:
		return near
	case horizontal:
		kernel.Widen(scratch, near)
	case vertical:
		kernel.Blend(scratch, near, far, 1+y%2)
	case bothDirections:
		kernel.WidenBlend(scratch, near, far)
	case replicated:
		across := f.maxH / c.h
		for i, v := range near {
			for j := range across {
				scratch[across*i+j] = v
			}
		}
	}
	return scratch
}

// sampleRow returns a row of samples, the nearest that there is. It must be of the rows of
// MCUs that are held.
func (c *component) sampleRow(y int) []uint8 {
	y = min(max(y, 0), c.height-1) % (held * blockSide * c.v)
	return c.plane[blockSide*c.strideX*y:][:c.width:c.width]
}
