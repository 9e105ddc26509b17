package model_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestTwoHeads wants the features of both classifiers side by side, with and without them: what
// is linear in these are the logits. There is no map of such a class.
func TestTwoHeads(t *testing.T) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.Flatten(b.GlobalAvgPool(b.At("conv").Conv(b.Input(), 4)))
	x, y := b.At("neck").Features(x), b.At("neck").Features(b.At("more").Linear(x, 6))
	g, err := b.Graph(b.Scale(b.Add(b.At("head").Linear(x, 5), b.At("dist").Linear(y, 5)), 0.5))
	if err != nil {
		t.Fatal(err)
	}
	sd, err := golden.SyntheticState(g.Params, golden.Synthetic(0))
	if err != nil {
		t.Fatal(err)
	}
	shape := tensor.Shape{2, 3, 4, 4}
	input, err := golden.SyntheticInput(shape, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := func(name string) []float32 {
		x, ok := sd.Lookup(name)
		if !ok {
			t.Fatalf("no tensor %q", name)
		}
		v, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	open := func(g *nn.Graph) *model.Model {
		kept := new(tensor.StateDict)
		for _, p := range g.Params {
			x, _ := sd.Lookup(p.Name)
			kept.Add(p.Name, x)
		}
		m, err := model.New(g, kept, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	m := open(g)
	features, err := m.Embed(t.Context(), model.Tensor(shape, input))
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(t.Context(), model.Tensor(shape, input))
	if err != nil {
		t.Fatal(err)
	}
	head, dist, bias, distBias := values("head.weight"), values("dist.weight"), values("head.bias"), values("dist.bias")
	for n, x := range features {
		if len(x) != 4+6 {
			t.Fatalf("%d features, want 10", len(x))
		}
		for k, got := range logits[n] {
			want := float64(bias[k]+distBias[k]) / 2
			for i, v := range x {
				if i < 4 {
					want += float64(head[4*k+i]*v) / 2
				} else {
					want += float64(dist[6*k+i-4]*v) / 2
				}
			}
			if math.Abs(want-float64(got)) > 1e-5 {
				t.Errorf("image %d: logit %d: %g from the features, %g from the network", n, k, want, got)
			}
		}
	}
	alone, err := open(g.WithoutClassifier()).Embed(t.Context(), model.Tensor(shape, input))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(features, alone); diff != "" {
		t.Errorf("features without a classifier (-with +without)\n%s", diff)
	}
	if _, err := m.CAM(t.Context(), nano.Image(t, 0)); err == nil || !strings.Contains(err.Error(), "one linear classifier, found 2") {
		t.Errorf("a class activation map: error = %v", err)
	}
}
