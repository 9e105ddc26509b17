package tensor_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// nan reports whether the bits are a NaN: which one is each program's
// own choice.
func nan(d tensor.DType, bits uint64) bool {
	switch d {
	case tensor.F16:
		return bits&0x7fff > 0x7c00
	case tensor.BF16:
		return bits&0x7fff > 0x7f80
	}
	return bits&0x7fffffff > 0x7f800000
}

func elements(x tensor.Tensor) []uint64 {
	var out []uint64
	b := x.Bytes()
	for size := x.DType().Size(); len(b) > 0; b = b[size:] {
		var v [8]byte
		copy(v[:], b[:size])
		out = append(out, binary.LittleEndian.Uint64(v[:]))
	}
	return out
}

// TestCast compares with numpy, torch and exact arithmetic: see testdata/gen.py.
func TestCast(t *testing.T) {
	f, err := safetensors.Open(filepath.Join("testdata", "casts.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	compared := 0
	for name, want := range f.StateDict().All() {
		from, _, ok := strings.Cut(name, ".")
		if !ok {
			continue // an input
		}
		t.Run(name, func(t *testing.T) {
			dtype, err := tensor.ParseDType(from)
			if err != nil {
				t.Fatal(err)
			}
			in, ok := f.StateDict().Lookup(from)
			if !ok { // every byte
				every := make([]byte, 256)
				for i := range every {
					every[i] = byte(i)
				}
				if in, err = tensor.New(dtype, tensor.Shape{256}, every); err != nil {
					t.Fatal(err)
				}
			}
			got, err := in.Cast(want.DType())
			if err != nil {
				t.Fatal(err)
			}
			a, b, src := elements(want), elements(got), elements(in)
			for i := range a {
				if nan(want.DType(), a[i]) && nan(want.DType(), b[i]) {
					continue
				}
				if a[i] != b[i] {
					t.Errorf("%#x: got %#x, want %#x", src[i], b[i], a[i])
				}
			}
			compared += len(a)
		})
	}
	if compared < 5000 {
		t.Errorf("compared %d numbers, want 5000 at least", compared)
	}
}

// TestCastViews wants casts of views equal to casts of their copies, however they
// are read.
func TestCastViews(t *testing.T) {
	values := make([]float32, 3*5000)
	for i := range values {
		values[i] = float32(i) * 0.37
	}
	whole := tensor.FromFloat32s(tensor.Shape{3, 5000}, values)
	views := map[string]struct {
		shape   tensor.Shape
		strides []int
	}{
		"contiguous": {tensor.Shape{3, 5000}, []int{5000, 1}},
		"transposed": {tensor.Shape{5000, 3}, []int{1, 5000}},
		"sliced":     {tensor.Shape{3, 4500}, []int{5000, 1}},
		"broadcast":  {tensor.Shape{2, 5000}, []int{0, 1}},
		"empty":      {tensor.Shape{0, 5000}, []int{5000, 1}},
	}
	for name, v := range views {
		t.Run(name, func(t *testing.T) {
			view, err := tensor.NewStrided(tensor.F32, v.shape, v.strides, whole.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			copied, err := tensor.New(tensor.F32, v.shape, view.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			got, err := view.Cast(tensor.F16)
			if err != nil {
				t.Fatal(err)
			}
			want, err := copied.Cast(tensor.F16)
			if err != nil {
				t.Fatal(err)
			}
			if got.Nbytes() != view.Nbytes()/2 || got.DType() != tensor.F16 || got.Contiguous() {
				t.Errorf("%v of %d bytes, contiguous %v", got.DType(), got.Nbytes(), got.Contiguous())
			}
			if !bytes.Equal(want.Bytes(), got.Bytes()) {
				t.Error("the view's bytes differ from the copy's")
			}
			var b bytes.Buffer
			if n, err := got.WriteTo(&b); err != nil || n != int64(got.Nbytes()) {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			if !bytes.Equal(want.Bytes(), b.Bytes()) {
				t.Error("what was written differs from the copy's bytes")
			}
		})
	}
}

func TestCastRefuses(t *testing.T) {
	of := func(d tensor.DType) tensor.Tensor {
		x, err := tensor.New(d, tensor.Shape{1}, make([]byte, d.Size()))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	half, err := of(tensor.F32).Cast(tensor.F16)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		x    tensor.Tensor
		to   tensor.DType
		want string
	}{
		{"integers", of(tensor.I64), tensor.F32, "I64 cannot be cast to F32"},
		{"complex", of(tensor.C64), tensor.F32, "C64 cannot be cast to F32"},
		{"to integers", of(tensor.F32), tensor.I32, "F32 cannot be cast to I32"},
		{"to float8", of(tensor.F32), tensor.F8E4M3, "F32 cannot be cast to F8_E4M3"},
		{"twice", half, tensor.F32, "was cast to F16 already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.x.Cast(tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
	same, err := of(tensor.F32).Cast(tensor.F32)
	if err != nil || cmp.Diff([]byte{0, 0, 0, 0}, same.Bytes()) != "" || !same.Contiguous() {
		t.Errorf("a cast to the same type is not the same view: %v", err)
	}
}

// TestFloat32sOfCast wants the rounded values of a tensor that is cast to fewer digits.
func TestFloat32sOfCast(t *testing.T) {
	for d, want := range map[tensor.DType][]float32{
		tensor.F16:  {1, 0.33325195, -65504},
		tensor.BF16: {1, 0.33398438, -65536},
		tensor.F32:  {1, 1.0 / 3, -65504},
	} {
		x, err := tensor.FromFloat32s(tensor.Shape{3}, []float32{1, 1.0 / 3, -65504}).Cast(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Float32s()
		if err != nil {
			t.Fatalf("%v: %v", d, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", d, diff)
		}
	}
}
