package tensor_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/tensor"
)

func TestProduct(t *testing.T) {
	of := func(d tensor.DType, data ...byte) tensor.Tensor {
		x, err := tensor.New(d, tensor.Shape{len(data) / d.Size()}, data)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	f32 := func(v ...float32) tensor.Tensor { return tensor.FromFloat32s(tensor.Shape{len(v)}, v) }
	halves := of(tensor.F16, 0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00) // 1, -2, the smallest
	tests := []struct {
		name string
		a, b tensor.Tensor
		want []float32 // nil: refused
	}{
		{"a mask", f32(1.1, -2.2, 3.3), f32(1, 0, 1), []float32{1.1, float32(math.Copysign(0, -1)), 3.3}},
		{"a mask of bools", f32(1.1, -2.2, 3.3), of(tensor.Bool, 1, 0, 1), []float32{1.1, float32(math.Copysign(0, -1)), 3.3}},
		{"halves", halves, halves, []float32{1, 4, 0}},
		{"rounded once", f32(1.0000001), f32(1.0000001), []float32{1.0000002}},
		{"another shape", f32(1, 2), f32(1), nil},
		{"integers", of(tensor.U8, 1), f32(1), nil},
		{"by long integers", f32(1), of(tensor.I64, 1, 0, 0, 0, 0, 0, 0, 0), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tensor.Product(tt.a, tt.b)
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			values, err := got.Float32s()
			if diff := cmp.Diff(tt.want, values); err != nil || diff != "" || got.DType() != tt.a.DType() {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
