package kernel

// WidenGeneric doubles the length of a row of at least 3 samples: a new sample is 3/4 of
// the nearest and 1/4 of the next nearest, the first and the last are kept. Halves are
// rounded up and down in turn. dst is twice as long as src.
func WidenGeneric(dst, src []uint8) {
	n := len(src)
	out := dst[1 : 2*n-1]
	this := uint32(src[0])
	for i, v := range src[1:] {
		next := uint32(v)
		o := (*[2]uint8)(out[2*i:])
		o[0], o[1] = uint8((3*this+next+2)>>2), uint8((3*next+this+1)>>2)
		this = next
	}
	dst[0], dst[2*n-1] = src[0], src[n-1]
}

// WidenBlendGeneric does the same in both directions, for the row near: a new sample is
// 3/4 of it and 1/4 of the row far, without rounding in between. All three rows may not
// overlap; near and far are of one length.
func WidenBlendGeneric(dst, near, far []uint8) {
	n := len(near)
	far = far[:n]
	out := dst[1 : 2*n-1]
	this := 3*uint32(near[0]) + uint32(far[0])
	dst[0] = uint8((4*this + 8) >> 4)
	for i, v := range near[1:] {
		next := 3*uint32(v) + uint32(far[1:][i])
		o := (*[2]uint8)(out[2*i:])
		o[0], o[1] = uint8((3*this+next+7)>>4), uint8((3*next+this+8)>>4)
		this = next
	}
	dst[2*n-1] = uint8((4*this + 7) >> 4)
}

// Blend sets dst to 3/4 of the row near and 1/4 of the row far, adding round, 0 to 3,
// before the division by 4.
func Blend(dst, near, far []uint8, round int) {
	far, dst = far[:len(near)], dst[:len(near)]
	for i, v := range near {
		dst[i] = uint8((3*uint32(v) + uint32(far[i]) + uint32(round)) >> 2)
	}
}

// The conversion of JFIF 1.02 with 16 fraction bits: R = Y + 1.402 Cr,
// G = Y - 0.344136286 Cb - 0.714136286 Cr, B = Y + 1.772 Cb, where Cb and Cr are 128 less
// than their samples. What Cb and Cr add to a colour is rounded before it is added.
var chroma = func() (t [256]struct{ crToR, cbToB, crToG, cbToG int32 }) {
	const half = 1 << 15
	for i := range t {
		x := int32(i) - 128
		t[i].crToR, t[i].cbToB = (91881*x+half)>>16, (116130*x+half)>>16
		t[i].crToG, t[i].cbToG = -46802*x, -22554*x+half
	}
	return t
}()

// YCbCrGeneric converts rows of samples to a row of RGB pixels, 3 bytes each. The rows
// are of one length.
func YCbCrGeneric(dst, y, cb, cr []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, l := range y {
		y, b, r := int32(l), &chroma[cb[i]], &chroma[cr[i]]
		d := (*[3]uint8)(dst[3*i:])
		d[0], d[1], d[2] = clamp(y+r.crToR), clamp(y+(b.cbToG+r.crToG)>>16), clamp(y+b.cbToB)
	}
}

// InterleaveGeneric sets dst to pixels of 3 bytes, from rows of one length for each.
func InterleaveGeneric(dst, r, g, b []uint8) {
	g, b = g[:len(r)], b[:len(r)]
	for i, v := range r {
		d := (*[3]uint8)(dst[3*i:])
		d[0], d[1], d[2] = v, g[i], b[i]
	}
}
