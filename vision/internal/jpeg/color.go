package jpeg

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
	pix := make([]uint8, 3*w*d.height)
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
			fromGrey(dst, rows[0])
		case rgb:
			fromRGB(dst, rows[0], rows[1], rows[2])
		case yCbCr:
			fromYCbCr(dst, rows[0], rows[1], rows[2])
		case yCCK:
			fromYCbCr(dst, rows[0], rows[1], rows[2])
			addBlack(dst, rows[3], 0)
		case cmyk:
			fromRGB(dst, rows[0], rows[1], rows[2])
			addBlack(dst, rows[3], 255)
		}
	}
	return pix
}

func fromGrey(dst, grey []uint8) {
	for i, v := range grey {
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = v, v, v
	}
}

func fromRGB(dst, r, g, b []uint8) {
	g, b = g[:len(r)], b[:len(r)]
	for i, v := range r {
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = v, g[i], b[i]
	}
}

// The conversion of JFIF 1.02 with 16 fraction bits: R = Y + 1.402 Cr,
// G = Y - 0.344136286 Cb - 0.714136286 Cr, B = Y + 1.772 Cb, where Cb and Cr are 128 less
// than their samples. What Cb and Cr add to red and blue is rounded before it is added.
var chroma = func() (t [256]struct{ crToR, cbToB, crToG, cbToG int32 }) {
	const half = 1 << 15
	for i := range t {
		x := int32(i) - 128
		t[i].crToR, t[i].cbToB = (91881*x+half)>>16, (116130*x+half)>>16
		t[i].crToG, t[i].cbToG = -46802*x, -22554*x+half
	}
	return t
}()

func fromYCbCr(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for i, l := range luma {
		y, b, r := int32(l), &chroma[cb[i]], &chroma[cr[i]]
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = clamp(y+r.crToR), clamp(y+(b.cbToG+r.crToG)>>16), clamp(y+b.cbToB)
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
