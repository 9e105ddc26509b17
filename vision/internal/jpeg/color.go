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

// emit writes pixels, given how many rows of them there are samples for: all but the last,
// which are interpolated with the samples below, unless those are the last of the image.
func (d *decoder) emit(end int) {
	const kept = 2 // more than any interpolation looks ahead
	if end < d.height {
		end -= kept
	}
	w := d.width
	var rows [4][]uint8
	for ; d.emitted < min(end, d.height); d.emitted++ {
		for i := range d.components {
			rows[i] = d.components[i].row(&d.frame, d.emitted, d.scratch[i])[:w:w]
		}
		dst := d.pix[3*w*d.emitted:][:3*w]
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
