package nn_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// values are what a table is fixed to.
type values [3]float32

func (v values) Tensor() tensor.Tensor { return tensor.FromFloat32s(tensor.Shape{3}, v[:]) }

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
