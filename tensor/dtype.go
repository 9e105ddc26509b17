package tensor

import "fmt"

// DType is the element type of a tensor. Its text form is the safetensors
// spelling ("F32", "BF16", "I64"), which zoo uses everywhere.
type DType uint8

// The element types zoo can carry. Everything that computes converts to F32
// first; the rest exists so that a checkpoint can be read and written without
// losing a bit.
const (
	Invalid DType = iota
	Bool          // one byte, 0 or 1
	U8
	I8
	F8E4M3   // float8_e4m3fn
	F8E5M2   // float8_e5m2
	F8E8M0   // float8_e8m0fnu
	F8E4M3UZ // float8_e4m3fnuz
	F8E5M2UZ // float8_e5m2fnuz
	U16
	I16
	F16
	BF16
	U32
	I32
	F32
	U64
	I64
	F64
	C64 // complex64, two float32
)

// dtypes gives each DType its name and its size in bytes.
var dtypes = [...]struct {
	name string
	size int
}{
	Invalid:  {"INVALID", 0},
	Bool:     {"BOOL", 1},
	U8:       {"U8", 1},
	I8:       {"I8", 1},
	F8E4M3:   {"F8_E4M3", 1},
	F8E5M2:   {"F8_E5M2", 1},
	F8E8M0:   {"F8_E8M0", 1},
	F8E4M3UZ: {"F8_E4M3FNUZ", 1},
	F8E5M2UZ: {"F8_E5M2FNUZ", 1},
	U16:      {"U16", 2},
	I16:      {"I16", 2},
	F16:      {"F16", 2},
	BF16:     {"BF16", 2},
	U32:      {"U32", 4},
	I32:      {"I32", 4},
	F32:      {"F32", 4},
	U64:      {"U64", 8},
	I64:      {"I64", 8},
	F64:      {"F64", 8},
	C64:      {"C64", 8},
}

// Size returns the bytes one element takes.
func (d DType) Size() int {
	if int(d) < len(dtypes) {
		return dtypes[d].size
	}
	return 0
}

// String returns the safetensors spelling, such as "F32".
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// ParseDType returns the DType with the given safetensors spelling.
func ParseDType(s string) (DType, error) {
	for d, t := range dtypes {
		if t.name == s && DType(d) != Invalid {
			return DType(d), nil
		}
	}
	return Invalid, fmt.Errorf("tensor: unknown dtype %q", s)
}
