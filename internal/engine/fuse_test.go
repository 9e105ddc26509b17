package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestFuse: what the steps of small networks are. Each network ends with a pool and a
// linear layer, which are left out.
func TestFuse(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  nn.Act
		net  func(b *nn.Builder, x nn.Value) nn.Value
		want []string
	}{
		{"convolution, norm, curve", nn.SiLU(), func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").ConvNormAct(x, 8)
		}, []string{"conv"}},
		{"curve after an addition", nn.GELU(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			return b.Act(b.Add(b.At("b").Conv(y, 8), y))
		}, []string{"conv", "conv"}},
		{"addition after a curve", nn.HardSwish(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			return b.Add(b.Act(b.At("b").Conv(y, 8)), y)
		}, []string{"conv", "conv", "add"}},
		{"addition after a piecewise linear activation", nn.ReLU(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			return b.Add(b.Act(b.At("b").Conv(y, 8)), y)
		}, []string{"conv", "conv"}},
		{"gate, addition, activation", nn.ReLU(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			z := b.At("b").Conv(y, 8)
			gate := b.WithAct(nn.HardSigmoid()).Act(b.At("c").Conv(b.GlobalAvgPool(z), 8, nn.Bias()))
			return b.Act(b.Add(b.Mul(z, gate), y))
		}, []string{"conv", "conv", "adaptive_avg_pool2d", "conv", "mul"}},
		{"scale, addition", nn.ReLU(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			return b.Add(b.Scale(b.At("b").Conv(y, 8, nn.Groups(8), nn.Bias()), 0.3), y)
		}, []string{"conv", "conv"}},
		{"norm, activation, addition", nn.ReLU6(), func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("a").Conv(x, 8)
			z := b.Act(b.At("n").BatchNorm(y))
			return b.Add(b.At("m").BatchNorm(z), y)
		}, []string{"conv", "batch_norm", "batch_norm"}},
		{"addition of two convolutions that both are read again", nn.ReLU(), func(b *nn.Builder, x nn.Value) nn.Value {
			y, z := b.At("a").Conv(x, 8), b.At("b").Conv(x, 8)
			return b.Concat(b.Act(b.Add(y, z)), b.Act(y), z)
		}, []string{"conv", "conv", "add", "relu"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(3, 1e-5, tt.act)
			x := tt.net(b, b.Input())
			x = b.Features(b.Flatten(b.GlobalAvgPool(x)))
			g, err := b.Graph(b.At("fc").Linear(x, 10))
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 1))
			shape := tensor.Shape{2, 3, 5, 6}
			plan, err := Compile(bindRandom(t, g, r), shape, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range plan.Layers()[1:] {
				got = append(got, l.Kind)
			}
			if diff := cmp.Diff(append(tt.want, "adaptive_avg_pool2d", "linear"), got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			o := Options{}
			if vs := bf16Variants(t); len(vs) > 0 { // none under the race detector on many processors
				o.Variant = vs[0]
			}
			check(t, g, shape, o, r)
		})
	}
}
