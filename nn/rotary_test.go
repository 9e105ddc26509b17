package nn_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// rotated is a network of two layers that share their tables.
func rotated(t *testing.T) *nn.Graph {
	t.Helper()
	b := nn.NewBuilder(4, 1e-5, nn.ReLU())
	x := b.Tokens(b.Input())
	r := b.At("rope").RotaryTables(nn.Rotary{Dim: 2, GridH: 1, GridW: 2})
	x = b.At("a").Rotary(b.At("b").Rotary(x, r), r)
	g, err := b.Graph(b.At("fc").Linear(b.At("mean").Features(b.GlobalMean(x)), 2))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestBindSame holds tensors that repeat others against those.
func TestBindSame(t *testing.T) {
	g := rotated(t)
	for _, tt := range []struct {
		name    string
		lacking string // a tensor that the file lacks
		other   string // a tensor that is another
		missing []string
		misfits []nn.Misfit
	}{
		{name: "all alike"},
		{name: "one that repeats another missing", lacking: "a.freqs_sin"},
		{name: "the first missing", lacking: "rope.freqs_sin", missing: []string{"rope.freqs_sin"}},
		{name: "another", other: "b.freqs_cos", misfits: []nn.Misfit{{
			Name: "b.freqs_cos", Want: `F32 (2,2) with 1 at 0, as "rope.freqs_cos" has it`, Found: "F32 (2,2) with 2 there",
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sd tensor.StateDict
			for _, p := range g.Params {
				n, _ := p.Shape.Numel()
				x := make([]float32, n)
				for i := range x {
					x[i] = 1
				}
				switch p.Name {
				case tt.lacking:
					continue
				case tt.other:
					x[0] = 2
				}
				if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, x)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := nn.Bind(g, &sd)
			var e *nn.BindError
			if !errors.As(err, &e) {
				e = new(nn.BindError)
			}
			if diff := cmp.Diff(tt.missing, e.Missing); diff != "" {
				t.Errorf("missing: %s", diff)
			}
			if diff := cmp.Diff(tt.misfits, e.Misshapen); diff != "" {
				t.Errorf("misfits: %s", diff)
			}
		})
	}
}

// TestRotaryTables: what synthetic weights hold is what mmpretrain 1.2.0 computes.
func TestRotaryTables(t *testing.T) {
	for i, want := range [][]float32{
		// RotaryEmbeddingFast(8, (2, 3)), the last row of each table
		{-0.41614683, 0.9998, -0.41614683, 0.9998, -0.88932663, 0.99964446, -0.88932663, 0.99964446},
		{0.90929741, 0.01999867, 0.90929741, 0.01999867, 0.45727256, 0.02666350, 0.45727256, 0.02666350},
	} {
		p := nn.Rotary{Dim: 8, GridH: 2, GridW: 3}.Params()[i]
		got, err := p.Initial.Tensor().Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for c, w := range want {
			if d := got[5*8+c] - w; d > 1e-6 || d < -1e-6 {
				t.Errorf("%s[5,%d] = %v, want %v", p.Name, c, got[5*8+c], w)
			}
		}
	}
}
