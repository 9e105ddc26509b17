package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestFirstLayersAreNotSplit: nor are layers of few channels, of groups, and over images.
func TestFirstLayersAreNotSplit(t *testing.T) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stem").ConvNormAct(b.Input(), 32, nn.K(3))
	for i := range 5 {
		x = b.At("dense", fmt.Sprint(i)).ConvNormAct(x, 32, nn.K(3))
		x = b.At("groups", fmt.Sprint(i)).ConvNormAct(x, 32, nn.Groups(2))
	}
	x = b.Features(b.Flatten(b.GlobalAvgPool(x)))
	g, err := b.Graph(b.At("fc").Linear(x, 10))
	if err != nil {
		t.Fatal(err)
	}
	bound := bindRandom(t, g, rand.New(rand.NewPCG(1, 1)))
	for p, want := range map[Precision][]string{Highest: nil, High: {"dense.3.conv", "dense.4.conv"}, Medium: nil} {
		plan, err := Compile(bound, tensor.Shape{2, 3, 8, 8}, Options{Threads: 2, Precision: p, Variant: portableVariants(t)[1], early: 3})
		if err != nil {
			t.Fatal(err)
		}
		var split []string
		for _, l := range plan.Layers() {
			if l.Kernel == "2-part panel x8" {
				split = append(split, l.Path)
			}
		}
		if !slices.Equal(split, want) {
			t.Errorf("precision %s: %q are split, want %q", p, split, want)
		}
	}
}

// TestSplitIsFarFromBF16: split numbers err by less than a hundredth of what those of bf16 do.
func TestSplitIsFarFromBF16(t *testing.T) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := small(t, shape)
	want := reference(t, bound, shape, input)[bound.Graph.Logits]
	worst := func(p Precision) (most float64) {
		plan, err := Compile(bound, shape, Options{Threads: 1, Precision: p, Variant: portableVariants(t)[1], early: -1})
		if err != nil {
			t.Fatal(err)
		}
		logits := make([]float32, len(want))
		if err := plan.NewSession().Run(logits, input); err != nil {
			t.Fatal(err)
		}
		for i, x := range logits {
			most = max(most, max(want[i]-float64(x), float64(x)-want[i]))
		}
		return most
	}
	if high, medium := worst(High), worst(Medium); high > medium/100 {
		t.Errorf("errors: %.2g split, %.2g of bf16", high, medium)
	}
}
