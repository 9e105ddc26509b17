package engine

import (
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// synthetic returns an architecture bound to synthetic weights.
func synthetic(t testing.TB, family, arch string) *nn.Bound {
	t.Helper()
	f, err := backbone.ByName(family)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph(arch, 1000)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := golden.SyntheticState(g.Params, golden.Synthetic(0))
	if err != nil {
		t.Fatal(err)
	}
	b, err := nn.Bind(g, sd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkNetworks(b *testing.B) {
	for _, bb := range []struct {
		family, arch string
		size         int
	}{
		{"cspnet", "cspdarknet53", 256},
		{"cspnet", "cspresnet50", 256},
		{"cspnet", "cspresnext50", 224},
		{"efficientnet", "efficientnet-lite0", 224},
	} {
		b.Run(bb.arch, func(b *testing.B) {
			shape := tensor.Shape{1, 3, bb.size, bb.size}
			input, err := golden.SyntheticInput(shape, 0)
			if err != nil {
				b.Fatal(err)
			}
			plan, err := Compile(synthetic(b, bb.family, bb.arch), shape, Options{Precision: High})
			if err != nil {
				b.Fatal(err)
			}
			s, logits := plan.NewSession(), make([]float32, plan.Classes())
			for b.Loop() {
				if err := s.Run(logits, input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	bound := synthetic(b, "cspnet", "cspresnet50")
	for b.Loop() {
		if _, err := Compile(bound, tensor.Shape{1, 3, 256, 256}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
