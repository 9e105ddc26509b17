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
// everything else is converted: F16, BF16 and float8 exactly, F64 and integers with
// one rounding to nearest even. Complex elements are an error.
func (t Tensor) Float32s() ([]float32, error) {
	n := t.Numel()
	if n == 0 {
		return nil, nil
	}
	if t.dtype != F32 && t.dtype.IsFloat() && t.from == Invalid {
		t.from, t.dtype = t.dtype, F32
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
	case U64:
		for i := range out {
			out[i] = float32(le.Uint64(b[8*i:]))
		}
	case I64:
		for i := range out {
			out[i] = float32(int64(le.Uint64(b[8*i:])))
		}
	case U32:
		for i := range out {
			out[i] = float32(le.Uint32(b[4*i:]))
		}
	case I32:
		for i := range out {
			out[i] = float32(int32(le.Uint32(b[4*i:])))
		}
	case U16:
		for i := range out {
			out[i] = float32(le.Uint16(b[2*i:]))
		}
	case I16:
		for i := range out {
			out[i] = float32(int16(le.Uint16(b[2*i:])))
		}
	case F16, BF16: // that elements of another type are cast to
		wide := make([]byte, 4*n)
		convert(wide, b, t.dtype, F32)
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(wide[4*i:]))
		}
	case U8, Bool:
		for i := range out {
			out[i] = float32(b[i])
		}
	case I8:
		for i := range out {
			out[i] = float32(int8(b[i]))
		}
	default:
		return nil, fmt.Errorf("tensor: %v cannot be read as F32", t.dtype)
	}
	return out, nil
}

func putFloat32s(dst []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}
