// Package tensor holds the values that move between files and networks: element
// types, shapes, tensors as views over bytes, and state dicts.
//
// It knows nothing of files, networks or arithmetic beyond converting elements
// to float32. A Tensor never owns its bytes: they belong to whoever opened the
// checkpoint, and live as long as that stays open.
//
//	t, err := tensor.New(tensor.F32, tensor.Shape{64, 3, 7, 7}, data)
//	w := t.Float32s()
package tensor

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// A Tensor is a read-only view of elements in little-endian bytes. The zero
// Tensor has dtype Invalid and no elements.
type Tensor struct {
	dtype   DType
	from    DType // of the elements in data, when they are cast as they are read
	shape   Shape
	strides []int // in elements; nil means contiguous in row-major order
	data    []byte
}

// New returns a contiguous row-major tensor over data, which must hold exactly
// the bytes that dtype and shape ask for. Data is not copied.
func New(dtype DType, shape Shape, data []byte) (Tensor, error) {
	want, err := shape.Bytes(dtype)
	if err != nil {
		return Tensor{}, err
	}
	if len(data) != want {
		return Tensor{}, fmt.Errorf("tensor: %v %v needs %d bytes, got %d", dtype, shape, want, len(data))
	}
	return Tensor{dtype: dtype, shape: slices.Clone(shape), data: data}, nil
}

// NewStrided returns a view with the given strides, counted in elements, whose
// first element is at data[0]. Strides may be zero (a broadcast view) but not
// negative. Data is not copied; it must reach the last element.
func NewStrided(dtype DType, shape Shape, strides []int, data []byte) (Tensor, error) {
	if len(strides) != len(shape) {
		return Tensor{}, fmt.Errorf("tensor: shape %v has %d dimensions, strides %v have %d", shape, len(shape), strides, len(strides))
	}
	size, err := shape.Bytes(dtype)
	if err != nil {
		return Tensor{}, err
	}
	if size == 0 {
		return Tensor{dtype: dtype, shape: slices.Clone(shape)}, nil
	}
	last := 0 // index of the last element
	for i, n := range shape {
		if strides[i] < 0 {
			return Tensor{}, fmt.Errorf("tensor: stride %d is negative: %v", i, strides)
		}
		reach, ok := mul(n-1, strides[i])
		if !ok || last > math.MaxInt-reach {
			return Tensor{}, fmt.Errorf("tensor: shape %v with strides %v overflows", shape, strides)
		}
		last += reach
	}
	if need, ok := mul(last+1, dtype.Size()); !ok || need > len(data) {
		return Tensor{}, fmt.Errorf("tensor: shape %v with strides %v reaches element %d, data hold %d", shape, strides, last, len(data)/dtype.Size())
	}
	if isContiguous(shape, strides) {
		return Tensor{dtype: dtype, shape: slices.Clone(shape), data: data[:size]}, nil
	}
	return Tensor{dtype: dtype, shape: slices.Clone(shape), strides: slices.Clone(strides), data: data}, nil
}

// isContiguous reports whether strides describe row-major order without gaps.
// The stride of a dimension of one element does not matter.
func isContiguous(shape Shape, strides []int) bool {
	want := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != want {
			return false
		}
		want *= shape[i]
	}
	return true
}

// FromFloat32s returns a contiguous F32 tensor holding a copy of v. It panics
// if v does not have as many elements as shape: that is a bug in the caller.
func FromFloat32s(shape Shape, v []float32) Tensor {
	data := make([]byte, 4*len(v))
	putFloat32s(data, v)
	t, err := New(F32, shape, data)
	if err != nil {
		panic(err)
	}
	return t
}

// DType returns the element type.
func (t Tensor) DType() DType { return t.dtype }

// Shape returns the shape. The caller must not change it.
func (t Tensor) Shape() Shape { return t.shape }

// Numel returns the number of elements; a scalar has one.
func (t Tensor) Numel() int {
	if t.dtype == Invalid {
		return 0
	}
	n, _ := t.shape.Numel() // checked when the tensor was made
	return n
}

// Nbytes returns the bytes the elements take once contiguous.
func (t Tensor) Nbytes() int { return t.Numel() * t.dtype.Size() }

// Contiguous reports whether the elements lie in row-major order without gaps
// and are not cast, so that Bytes returns the underlying bytes themselves.
func (t Tensor) Contiguous() bool { return t.strides == nil && t.from == Invalid }

// Bytes returns the elements in row-major order, little endian. For a
// contiguous tensor that is the underlying memory, which must not be changed;
// otherwise it is a copy.
func (t Tensor) Bytes() []byte {
	if t.Contiguous() {
		return t.data
	}
	out := make([]byte, 0, t.Nbytes())
	t.eachPiece(func(b []byte) error { out = append(out, b...); return nil })
	return out
}

// WriteTo writes the elements in row-major order, little endian. A strided view
// is gathered, and a cast one converted, through small buffers, so memory does not
// grow with the tensor.
func (t Tensor) WriteTo(w io.Writer) (int64, error) {
	if t.Contiguous() {
		n, err := w.Write(t.data)
		return int64(n), err
	}
	var total int64
	buf := make([]byte, 0, 64<<10)
	flush := func() error {
		n, err := w.Write(buf)
		total += int64(n)
		buf = buf[:0]
		return err
	}
	err := t.eachPiece(func(b []byte) error {
		if len(buf)+len(b) > cap(buf) {
			if err := flush(); err != nil {
				return err
			}
		}
		if len(b) > cap(buf) {
			n, err := w.Write(b)
			total += int64(n)
			return err
		}
		buf = append(buf, b...)
		return nil
	})
	if err != nil {
		return total, err
	}
	return total, flush()
}

// castElements is how many elements are cast at once.
const castElements = 4096

// eachPiece calls f with consecutive pieces of the elements in row-major order, as
// they are to be read. They are valid until f returns.
func (t Tensor) eachPiece(f func([]byte) error) error {
	if t.from == Invalid {
		return t.eachRun(f)
	}
	in, out := t.from.Size(), t.dtype.Size()
	buf := make([]byte, castElements*out)
	return t.eachRun(func(b []byte) error {
		for len(b) > 0 {
			n := min(len(b)/in, castElements)
			convert(buf[:n*out], b[:n*in], t.from, t.dtype)
			if err := f(buf[:n*out]); err != nil {
				return err
			}
			b = b[n*in:]
		}
		return nil
	})
}

// eachRun calls f with consecutive pieces of the elements in row-major order, as
// they are stored.
func (t Tensor) eachRun(f func([]byte) error) error {
	if t.Numel() == 0 {
		return nil
	}
	if t.strides == nil {
		return f(t.data)
	}
	size := t.dtype.Size()
	if t.from != Invalid {
		size = t.from.Size()
	}
	// The longest contiguous tail of dimensions is one run.
	run, outer := 1, len(t.shape)
	for outer > 0 && (t.shape[outer-1] == 1 || t.strides[outer-1] == run) {
		outer--
		run *= t.shape[outer]
	}
	index := make([]int, outer)
	at := 0
	for {
		if err := f(t.data[at*size : (at+run)*size]); err != nil {
			return err
		}
		d := outer - 1
		for ; d >= 0; d-- {
			index[d]++
			at += t.strides[d]
			if index[d] < t.shape[d] {
				break
			}
			at -= index[d] * t.strides[d]
			index[d] = 0
		}
		if d < 0 {
			return nil
		}
	}
}
