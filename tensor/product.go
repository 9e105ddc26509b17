package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Product returns the elementwise product of two tensors of one shape, of the dtype of a,
// which is F64, F32, F16 or BF16. The other may be any of these, BOOL or U8. Each product is
// rounded once, to nearest even: that of a weight and a mask of zeros and ones is exact.
func Product(a, b Tensor) (Tensor, error) {
	if !a.Shape().Equal(b.Shape()) {
		return Tensor{}, fmt.Errorf("tensor: a product of %v and %v: expected one shape", a.Shape(), b.Shape())
	}
	store, ok := stores[a.DType()]
	if a.DType() == F64 {
		store, ok = func(p []byte, v float64) { binary.LittleEndian.PutUint64(p, math.Float64bits(v)) }, true
	}
	x, xok := loads[a.DType()]
	y, yok := loads[b.DType()]
	if b.DType() == Bool || b.DType() == U8 {
		y, yok = func(p []byte) float64 { return float64(p[0]) }, true
	}
	if !ok || !xok || !yok {
		return Tensor{}, fmt.Errorf("tensor: no product of %v and %v", a.DType(), b.DType())
	}
	left, right := a.Bytes(), b.Bytes()
	out := make([]byte, len(left))
	n, m := a.DType().Size(), b.DType().Size()
	for i, j := 0, 0; i < len(left); i, j = i+n, j+m {
		store(out[i:], x(left[i:])*y(right[j:]))
	}
	return New(a.DType(), a.Shape(), out)
}
