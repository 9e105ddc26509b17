package tensor

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Shape lists the dimensions of a tensor, outermost first: (N,C,H,W) for
// images, (out,in,kh,kw) for convolution weights. A scalar has an empty Shape.
type Shape []int

// Numel returns the product of the dimensions, 1 for a scalar. It is an error
// when a dimension is negative or the product does not fit an int.
func (s Shape) Numel() (int, error) {
	n := 1
	for _, d := range s {
		if d < 0 {
			return 0, fmt.Errorf("tensor: shape %v has a negative dimension", s)
		}
		if d == 0 {
			n = 0
		}
	}
	if n == 0 {
		return 0, nil
	}
	for _, d := range s {
		var ok bool
		if n, ok = mul(n, d); !ok {
			return 0, fmt.Errorf("tensor: shape %v has more elements than fit an int", s)
		}
	}
	return n, nil
}

// Bytes returns the bytes that a contiguous tensor of this shape takes.
func (s Shape) Bytes(d DType) (int, error) {
	if d.Size() == 0 {
		return 0, fmt.Errorf("tensor: %v has no size", d)
	}
	n, err := s.Numel()
	if err != nil {
		return 0, err
	}
	b, ok := mul(n, d.Size())
	if !ok {
		return 0, fmt.Errorf("tensor: %v %v takes more bytes than fit an int", d, s)
	}
	return b, nil
}

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(o Shape) bool {
	if len(s) != len(o) {
		return false
	}
	for i := range s {
		if s[i] != o[i] {
			return false
		}
	}
	return true
}

// String returns the dimensions as in (1,3,224,224); a scalar is ().
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, d)
	}
	b.WriteByte(')')
	return b.String()
}

// mul returns a*b and whether it fits an int; a and b must not be negative.
func mul(a, b int) (int, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > math.MaxInt {
		return 0, false
	}
	return int(lo), true
}
