package jpeg

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
		widen(scratch, near)
	case vertical:
		blend(scratch, near, far, 1+y%2)
	case bothDirections:
		widenBlend(scratch, near, far)
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

// sampleRow returns a row of samples, the nearest that there is.
func (c *component) sampleRow(y int) []uint8 {
	y = min(max(y, 0), c.height-1)
	return c.plane[blockSide*c.strideX*y:][:c.width:c.width]
}

// widen doubles a row of at least 3 samples.
func widen(dst, src []uint8) {
	n := len(src)
	dst = dst[:2*n]
	dst[0], dst[1] = src[0], uint8((3*uint(src[0])+uint(src[1])+2)>>2)
	for i := 1; i < n-1; i++ {
		v := 3 * uint(src[i])
		dst[2*i], dst[2*i+1] = uint8((v+uint(src[i-1])+1)>>2), uint8((v+uint(src[i+1])+2)>>2)
	}
	dst[2*n-2], dst[2*n-1] = uint8((3*uint(src[n-1])+uint(src[n-2])+1)>>2), src[n-1]
}

// blend adds 1/4 of the farther row to 3/4 of the nearer.
func blend(dst, near, far []uint8, round int) {
	far = far[:len(near)]
	dst = dst[:len(near)]
	for i, v := range near {
		dst[i] = uint8((3*uint(v) + uint(far[i]) + uint(round)) >> 2)
	}
}

// widenBlend does both, without rounding in between, with rows of at least 3 samples.
func widenBlend(dst, near, far []uint8) {
	n := len(near)
	far, dst = far[:n], dst[:2*n]
	this, next := 3*uint32(near[0])+uint32(far[0]), 3*uint32(near[1])+uint32(far[1])
	dst[0], dst[1] = uint8((4*this+8)>>4), uint8((3*this+next+7)>>4)
	last := this
	this = next
	out := dst[2:]
	for i, v := range near[2:] {
		next = 3*uint32(v) + uint32(far[2:][i])
		out[0], out[1] = uint8((3*this+last+8)>>4), uint8((3*this+next+7)>>4)
		out = out[2:]
		last, this = this, next
	}
	out[0], out[1] = uint8((3*this+last+8)>>4), uint8((4*this+7)>>4)
}
