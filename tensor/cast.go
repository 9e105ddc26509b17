package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Cast returns a view of t whose elements are read as d, which is F32, F16 or
// BF16. T must hold floating point numbers, float8 included. Each is converted
// when it is read, with one rounding to nearest even: too large becomes infinite,
// too small subnormal or zero, and NaN stays NaN with its sign and the leading
// bits of its payload.
func (t Tensor) Cast(d DType) (Tensor, error) {
	if t.from != Invalid {
		return Tensor{}, fmt.Errorf("tensor: %v was cast to %v already", t.from, t.dtype)
	}
	if !t.dtype.IsFloat() || d != F32 && d != F16 && d != BF16 {
		return Tensor{}, fmt.Errorf("tensor: %v cannot be cast to %v: expected a floating point type, and F32, F16 or BF16", t.dtype, d)
	}
	if d != t.dtype {
		t.from, t.dtype = t.dtype, d
	}
	return t, nil
}

// IsFloat reports whether elements of d are real floating point numbers.
func (d DType) IsFloat() bool {
	switch d {
	case F64, F32, F16, BF16, F8E4M3, F8E5M2, F8E8M0, F8E4M3UZ, F8E5M2UZ:
		return true
	}
	return false
}

// convert writes the elements of src, of type from, to dst, of type to.
func convert(dst, src []byte, from, to DType) {
	le := binary.LittleEndian
	switch {
	case from == BF16 && to == F32: // what networks are loaded from
		for i := 0; 2*i < len(src); i++ {
			le.PutUint32(dst[4*i:], math.Float32bits(bfloat16(le.Uint16(src[2*i:]))))
		}
	case from == F16 && to == F32:
		for len(src) >= 2 && len(dst) >= 4 {
			h := uint32(le.Uint16(src))
			v := h&0x8000<<16 | (h&0x7fff<<13 + 112<<23)
			if h&0x7fff-0x400 >= 0x7800 { // no normal number
				v = math.Float32bits(float16(uint16(h)))
			}
			le.PutUint32(dst, v)
			src, dst = src[2:], dst[4:]
		}
	default:
		load, store := loads[from], stores[to]
		in, out := from.Size(), to.Size()
		for len(src) > 0 {
			store(dst, load(src))
			src, dst = src[in:], dst[out:]
		}
	}
}

// loads read an element. All are exact in float64, so that only a store rounds.
var loads = map[DType]func([]byte) float64{
	F64:      func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) },
	F32:      func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
	F16:      func(b []byte) float64 { return float64(float16(binary.LittleEndian.Uint16(b))) },
	BF16:     func(b []byte) float64 { return float64(bfloat16(binary.LittleEndian.Uint16(b))) },
	F8E5M2:   func(b []byte) float64 { return float64(float16(uint16(b[0]) << 8)) }, // its leading byte
	F8E4M3:   func(b []byte) float64 { return float8E4M3(b[0]) },
	F8E4M3UZ: func(b []byte) float64 { return float8UZ(b[0], 3, 8) },
	F8E5M2UZ: func(b []byte) float64 { return float8UZ(b[0], 2, 16) },
	F8E8M0:   func(b []byte) float64 { return float8E8M0(b[0]) },
}

var stores = map[DType]func([]byte, float64){
	F32:  func(b []byte, v float64) { binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v))) },
	F16:  func(b []byte, v float64) { binary.LittleEndian.PutUint16(b, narrow(v, 5, 10)) },
	BF16: func(b []byte, v float64) { binary.LittleEndian.PutUint16(b, narrow(v, 8, 7)) },
}

const (
	fractionBits = 52 // of float64
	quiet        = 1 << (fractionBits - 1)
)

// float16 returns the value of an IEEE 754 binary16 bit pattern, exactly:
// signed zeros, subnormals, infinities and NaN payloads included.
func float16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h) & 0x3ff
	switch {
	case exp == 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	case frac == 0:
		return math.Float32frombits(sign)
	}
	// Subnormal: frac * 2^-24, which float32 holds as a normal number.
	v := math.Float32bits(float32(frac) * 0x1p-24)
	return math.Float32frombits(sign | v)
}

// bfloat16 returns the value of a bfloat16, the leading half of a float32.
func bfloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// narrow returns the 16-bit number with the given bits of exponent and fraction,
// as in IEEE 754, that is nearest to v, the even one of two.
func narrow(v float64, exp, frac uint) uint16 {
	b := math.Float64bits(v)
	sign := b >> 63 << (exp + frac)
	e := int(b>>fractionBits&0x7ff) - 1023
	f := b & (1<<fractionBits - 1)
	top := uint64(1)<<exp - 1
	bias := int(top >> 1)
	infinity := top << frac
	switch {
	case e == 1024 && f != 0:
		return uint16(sign | infinity | (f|quiet)>>(fractionBits-frac))
	case e > bias: // infinite, or too large
		return uint16(sign | infinity)
	}
	significand := f | 1<<fractionBits
	shift := uint(fractionBits) - frac
	base := uint64(0) // what the exponent adds; the leading one adds to it
	if e >= 1-bias {
		base = uint64(e+bias-1) << frac
	} else {
		shift += uint(1 - bias - e)
	}
	if shift > fractionBits+2 { // below half of the smallest subnormal
		return uint16(sign)
	}
	q := significand >> shift
	half := uint64(1) << (shift - 1)
	if rest := significand & (1<<shift - 1); rest > half || rest == half && q&1 == 1 {
		q++ // may carry into the exponent, up to infinity
	}
	return uint16(sign | (base + q))
}

// float8E4M3 returns the value of a float8_e4m3fn: no infinities, one NaN of each
// sign. See "FP8 formats for deep learning", arXiv:2209.05433.
func float8E4M3(b byte) float64 {
	if b&0x7f == 0x7f {
		return math.Copysign(math.NaN(), float64(int8(b)))
	}
	return small(b, 3, 7)
}

// float8UZ returns the value of a float8_e4m3fnuz or float8_e5m2fnuz, which have
// one NaN in place of the negative zero and nothing else that is special.
// See arXiv:2206.02915.
func float8UZ(b byte, frac, bias int) float64 {
	if b == 0x80 {
		return math.NaN()
	}
	return small(b, frac, bias)
}

// small returns the value of a byte whose exponents are all ordinary.
func small(b byte, frac, bias int) float64 {
	e := int(b&0x7f) >> frac
	f := float64(int(b) & (1<<frac - 1))
	if e == 0 {
		e = 1
	} else {
		f += float64(int(1) << frac)
	}
	return math.Copysign(math.Ldexp(f, e-bias-frac), float64(int8(b)))
}

// float8E8M0 returns the value of a float8_e8m0fnu, a power of two.
func float8E8M0(b byte) float64 {
	if b == 0xff {
		return math.NaN()
	}
	return math.Ldexp(1, int(b)-127)
}
