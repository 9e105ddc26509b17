package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// nativeLittleEndian says whether float32 values can be viewed in place.
var nativeLittleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Float32s returns the elements as float32 in row-major order. F32 elements
// that are contiguous and aligned are viewed in place, and must not be changed;
// everything else is converted: F16 and BF16 exactly, F64 and integers with one
// rounding to nearest even. Float8 and complex elements are an error.
func (t Tensor) Float32s() ([]float32, error) {
	n := t.Numel()
	if n == 0 {
		return nil, nil
	}
	b := t.Bytes()
	if t.dtype == F32 && nativeLittleEndian && uintptr(unsafe.Pointer(&b[0]))%4 == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), n), nil
	}
	out := make([]float32, n)
	le := binary.LittleEndian
	switch t.dtype {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case F64:
		for i := range out {
			out[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	case BF16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)
		}
	case F16:
		for i := range out {
			out[i] = float16(le.Uint16(b[2*i:]))
		}
	case I64:
		for i := range out {
			out[i] = float32(int64(le.Uint64(b[8*i:])))
		}
	case I32:
		for i := range out {
			out[i] = float32(int32(le.Uint32(b[4*i:])))
		}
	case U8, Bool:
		for i := range out {
			out[i] = float32(b[i])
		}
	default:
		return nil, fmt.Errorf("tensor: %v cannot be read as F32", t.dtype)
	}
	return out, nil
}

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

func putFloat32s(dst []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}
