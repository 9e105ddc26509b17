package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestSplitLayersGainMost: no more layers are split than the errors of all allow, those
// that gain most are among them whatever the batch, and none elsewhere than at high.
func TestSplitLayersGainMost(t *testing.T) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stem").ConvNormAct(b.Input(), 32, nn.K(3))
	for i := range splitLayers {
		x = b.At("large", fmt.Sprint(i)).ConvNormAct(x, 32, nn.K(3))
		x = b.At("small", fmt.Sprint(i)).ConvNormAct(x, 32)
	}
	x = b.Features(b.Flatten(b.GlobalAvgPool(x)))
	g, err := b.Graph(b.At("fc").Linear(x, 10))
	if err != nil {
		t.Fatal(err)
	}
	bound := bindRandom(t, g, rand.New(rand.NewPCG(1, 1)))
	for p := Highest; p <= Medium; p++ {
		for _, images := range []int{1, 3} {
			plan, err := Compile(bound, tensor.Shape{images, 3, 8, 8}, Options{Threads: 2, Precision: p, Variant: portableVariants(t)[1]})
			if err != nil {
				t.Fatal(err)
			}
			split := 0
			for _, l := range plan.Layers() {
				if l.Kernel != "split panel x8" {
					continue
				}
				if split++; l.MACs != int64(images*64*9*32*32) {
					t.Errorf("%d images: split: %s of %d multiply-accumulates", images, l.Path, l.MACs)
				}
			}
			if want := map[Precision]int{High: splitLayers}[p]; split != want {
				t.Errorf("%d images, precision %d: %d layers are split, want %d", images, p, split, want)
			}
		}
	}
}

// TestSplitIsFarFromBF16: split numbers err by less than a hundredth of what those of bf16 do.
func TestSplitIsFarFromBF16(t *testing.T) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := small(t, shape)
	want := reference(t, bound, shape, input)[bound.Graph.Logits]
	worst := func(p Precision) (most float64) {
		plan, err := Compile(bound, shape, Options{Threads: 1, Precision: p, Variant: portableVariants(t)[1]})
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
