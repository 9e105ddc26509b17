package nn_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// values are what a table is fixed to.
type values [3]float32

func (v values) Tensor() tensor.Tensor { return tensor.FromFloat32s(tensor.Shape{3}, v[:]) }

// TestSinusoid compares with what numpy computes: sin and cos of t / 10000^(2i/C).
func TestSinusoid(t *testing.T) {
	x := nn.Sinusoid{Tokens: 3, C: 5}.Tensor()
	got, err := x.Float32s()
	if err != nil || !x.Shape().Equal(tensor.Shape{1, 3, 5}) {
		t.Fatalf("%v: %v", x.Shape(), err)
	}
	want := []float32{
		0, 1, 0, 1, 0,
		0.84147096, 0.5403023, 0.025116222, 0.99968451, 0.00063095731,
		0.90929741, -0.41614684, 0.050216600, 0.99873835, 0.0012619144,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-7)); diff != "" {
		t.Error(diff)
	}
}

func TestBindFixed(t *testing.T) {
	g := &nn.Graph{Params: []nn.Param{{
		Name: "angles", DType: tensor.F32, Shape: tensor.Shape{3}, Buffer: true, Optional: true, Fixed: values{0, 0.5, 1},
	}}}
	file := func(v ...float32) []tensor.Tensor { return []tensor.Tensor{tensor.FromFloat32s(tensor.Shape{3}, v)} }
	half, err := tensor.New(tensor.F16, tensor.Shape{3}, []byte{0, 0, 1, 0x38, 0, 0x3c}) // 0, the number after 0.5, 1
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		file  []tensor.Tensor // empty: the file lacks the table
		found string          // empty: it fits
	}{
		{"the table", file(0, 0.5, 1), ""},
		{"missing", nil, ""},
		{"rounded as sines are", file(0, 0.5+5e-6, 1), ""},
		{"stored as F16", []tensor.Tensor{half}, ""},
		{"not rounded", file(0, 0.5+2e-4, 1), "F32 (3) with 0.5002 there"},
		{"another", file(0, 1, 0.5), "F32 (3) with 1 there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sd tensor.StateDict
			for _, x := range tt.file {
				if err := sd.Add("angles", x); err != nil {
					t.Fatal(err)
				}
			}
			bound, err := nn.Bind(g, &sd)
			if tt.found == "" {
				if err != nil {
					t.Fatal(err)
				}
				got, err := bound.Tensors[0].Float32s()
				if err != nil || len(got) != 3 || got[2] != 1 {
					t.Errorf("bound to %v, %v", got, err)
				}
				return
			}
			var e *nn.BindError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			want := []nn.Misfit{{Name: "angles", Want: "F32 (3) with 0.5 at 1, as follows from the network", Found: tt.found}}
			if diff := cmp.Diff(want, e.Misshapen); diff != "" {
				t.Error(diff)
			}
		})
	}
}
