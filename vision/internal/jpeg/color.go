package jpeg

import "github.com/gozoo/zoo/vision/internal/kernel"

// A colorSpace is what the components are.
type colorSpace uint8

const (
	grey colorSpace = iota
	yCbCr
	rgb
	cmyk
	yCCK
)

// guessSpace tells it as libjpeg does: T.81 has no word for it, JFIF and Adobe have, and
// the ids of components are a hint.
func (d *decoder) guessSpace() colorSpace {
	c := d.components
	switch {
	case len(c) == 1:
		return grey
	case len(c) == 4 && d.adobe && d.transform != 0:
		return yCCK
	case len(c) == 4:
		return cmyk
	case d.jfif:
		return yCbCr
	case d.adobe && d.transform == 0, !d.adobe && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return rgb
	}
	return yCbCr
}

// pixels returns the image, (H,W,3) RGB.
func (d *decoder) pixels() []uint8 {
	w := d.width
	pix := make([]uint8, 3*w*d.height, 3*w*d.height+kernel.Beyond)
	var scratch [4][]uint8
	for i := range d.components {
		if d.components[i].up != fullSize {
			scratch[i] = make([]uint8, d.components[i].width*(d.maxH/d.components[i].h))
		}
	}
	var rows [4][]uint8
	for y := range d.height {
		for i := range d.components {
			rows[i] = d.components[i].row(&d.frame, y, scratch[i])[:w:w]
		}
		dst := pix[3*w*y:][:3*w]
		switch d.space {
		case grey:
			kernel.Interleave(dst, rows[0], rows[0], rows[0])
		case rgb:
			kernel.Interleave(dst, rows[0], rows[1], rows[2])
		case yCbCr:
			kernel.YCbCr(dst, rows[0], rows[1], rows[2])
		case yCCK:
			kernel.YCbCr(dst, rows[0], rows[1], rows[2])
			addBlack(dst, rows[3], 0)
		case cmyk:
			kernel.Interleave(dst, rows[0], rows[1], rows[2])
			addBlack(dst, rows[3], 255)
		}
	}
	return pix
}

// addBlack converts CMYK, as Adobe stores it (0 is full ink), to RGB with OpenCV's
// arithmetic. In place of the samples of the three inks are those that are flip less, or
// more, in dst.
func addBlack(dst, black []uint8, flip uint8) {
	for i, k := range black {
		d := dst[3*i:][:3]
		for c, v := range d {
			d[c] = k - uint8(uint(v^flip)*uint(k)>>8)
		}
	}
}
