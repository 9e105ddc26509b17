package kernel

import "encoding/binary"

// The inverse transform (ITU-T T.81, A.3.3) in the integer arithmetic of libjpeg's "islow", from
// C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11
// multiplications", ICASSP 1989. Constants have 13 fraction bits; columns are transformed
// first and keep 2 fraction bits.
//
// Coefficients of no sensible image can leave the range of 16 bits on the way. There the
// vector code of libjpeg-turbo wraps products and some sums to 16 bits and saturates
// others, and so does this.
const (
	constBits = 13
	passBits  = 2

	c0298 = 2446  // 0.298631336 * 2^13
	c0390 = 3196  // 0.390180644
	c0541 = 4433  // 0.541196100
	c0765 = 6270  // 0.765366865
	c0899 = 7373  // 0.899976223
	c1175 = 9633  // 1.175875602
	c1501 = 12299 // 1.501321110
	c1847 = 15137 // 1.847759065
	c1961 = 16069 // 1.961570560
	c2053 = 16819 // 2.053119869
	c2562 = 20995 // 2.562915447
	c3072 = 25172 // 3.072711026
)

// InverseGeneric transforms the coefficients of a block to its 8 rows of samples, which are
// stride apart in dst. No coefficient after the one at place last, in zigzag order, may
// be other than zero.
func InverseGeneric(b *[64]int16, last int, dst []uint8, stride int) {
	if last == 0 {
		inverseDC(b[0], dst, stride)
		return
	}
	var columns [64]int32
	if inverseColumns(b, &columns) {
		correctColumns(b, &columns)
	}
	inverseRows(&columns, dst, stride)
}

// inverseDC is InverseGeneric where only the DC coefficient is there.
func inverseDC(dc int16, dst []uint8, stride int) {
	v := uint64(sample((int32(dc<<passBits)+1<<(passBits+2))>>(passBits+3))) * 0x0101010101010101
	for y := range 8 {
		binary.LittleEndian.PutUint64(dst[y*stride:], v)
	}
}

// inverseColumns reports whether a result is out of the range of 16 bits.
func inverseColumns(b *[64]int16, out *[64]int32) (outside bool) {
	const (
		round = 1 << (constBits - passBits - 1)
		shift = constBits - passBits
	)
	wide := uint32(0) // more than 16 bits when any result, less the least of 16 bits, has
	for x := range 8 {
		i0, i1, i2, i3 := int32(b[x]), int32(b[8+x]), int32(b[16+x]), int32(b[24+x])
		i4, i5, i6, i7 := int32(b[32+x]), int32(b[40+x]), int32(b[48+x]), int32(b[56+x])
		if i1|i2|i3|i4|i5|i6|i7 == 0 {
			v := i0 << passBits
			wide |= uint32(v + 1<<15)
			out[x], out[8+x], out[16+x], out[24+x] = v, v, v, v
			out[32+x], out[40+x], out[48+x], out[56+x] = v, v, v, v
			continue
		}
		e0, e1, e2, e3 := even(i0, i2, i4, i6)
		o0, o1, o2, o3 := odd(i1, i3, i5, i7)
		e0, e1, e2, e3 = e0+round, e1+round, e2+round, e3+round
		v0, v7 := (e0+o0)>>shift, (e0-o0)>>shift
		v1, v6 := (e1+o1)>>shift, (e1-o1)>>shift
		v2, v5 := (e2+o2)>>shift, (e2-o2)>>shift
		v3, v4 := (e3+o3)>>shift, (e3-o3)>>shift
		wide |= uint32(v0+1<<15) | uint32(v1+1<<15) | uint32(v2+1<<15) | uint32(v3+1<<15) |
			uint32(v4+1<<15) | uint32(v5+1<<15) | uint32(v6+1<<15) | uint32(v7+1<<15)
		out[x], out[8+x], out[16+x], out[24+x] = v0, v1, v2, v3
		out[32+x], out[40+x], out[48+x], out[56+x] = v4, v5, v6, v7
	}
	return wide>>16 != 0
}

// correctColumns brings what is out of the range of 16 bits to what the vector code has
// there: it saturates, except where the block has no coefficient below the first row.
func correctColumns(b *[64]int16, out *[64]int32) {
	below := int16(0)
	for _, c := range b[8:] {
		below |= c
	}
	for i, v := range out {
		if below == 0 {
			out[i] = wrap(v)
		} else {
			out[i] = min(max(v, -1<<15), 1<<15-1)
		}
	}
}

func inverseRows(in *[64]int32, dst []uint8, stride int) {
	const (
		bits  = constBits + passBits + 3 // 3 for the factor 1/8 of both passes
		round = 1 << (bits - 1)
	)
	for y := range 8 {
		i := (*[8]int32)(in[8*y:])
		o := (*[8]uint8)(dst[y*stride:])
		e0, e1, e2, e3 := even(i[0], i[2], i[4], i[6])
		o0, o1, o2, o3 := odd(i[1], i[3], i[5], i[7])
		e0, e1, e2, e3 = e0+round, e1+round, e2+round, e3+round
		o[0], o[7] = sample((e0+o0)>>bits), sample((e0-o0)>>bits)
		o[1], o[6] = sample((e1+o1)>>bits), sample((e1-o1)>>bits)
		o[2], o[5] = sample((e2+o2)>>bits), sample((e2-o2)>>bits)
		o[3], o[4] = sample((e3+o3)>>bits), sample((e3-o3)>>bits)
	}
}

// even transforms the even half of eight values, to what the outer to the inner pairs of
// the result have in common.
func even(i0, i2, i4, i6 int32) (e0, e1, e2, e3 int32) {
	z := (i2 + i6) * c0541
	t2, t3 := z-i6*c1847, z+i2*c0765
	t0, t1 := wrap(i0+i4)<<constBits, wrap(i0-i4)<<constBits
	return t0 + t3, t1 + t2, t1 - t2, t0 - t3
}

// odd transforms the odd half, to what the pairs differ by.
func odd(i1, i3, i5, i7 int32) (o0, o1, o2, o3 int32) {
	z3, z4 := wrap(i7+i3), wrap(i5+i1)
	z5 := (z3 + z4) * c1175
	z1, z2 := (i7+i1)*-c0899, (i5+i3)*-c2562
	z3, z4 = z5-z3*c1961, z5-z4*c0390
	return i1*c1501 + z1 + z4, i3*c3072 + z2 + z3, i5*c2053 + z2 + z4, i7*c0298 + z1 + z3
}

func wrap(v int32) int32 { return int32(int16(v)) }

// clamp holds v to the range of a byte. It expects to have nothing to do.
func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		v = ^(v >> 31)
	}
	return uint8(v)
}

// sample undoes the level shift (T.81, A.3.1).
func sample(v int32) uint8 { return clamp(v + 128) }
