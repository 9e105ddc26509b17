package nn_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

func TestDecomposedAttention(t *testing.T) {
	for _, tt := range []struct {
		name  string
		build func(b *nn.Builder, x nn.Value) nn.Value
		want  string // of an error, or the shape
	}{
		{"fewer keys", func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.Tokens(b.MaxPool(x, 2, 2, 0))
			return b.DecomposedAttention(b.Tokens(x), y, b.At("v").Linear(y, 8), 2, 9, 7)
		}, "(2,48,8)"},
		{"other tokens", func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.Prefix(b.Tokens(x), "token")
			return b.DecomposedAttention(y, y, y, 2, 9, 7)
		}, "expected pixels alone"},
		{"heads", func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.Tokens(x)
			return b.At("a").DecomposedAttention(y, y, y, 3, 9, 7)
		}, "nn: a: 3 heads do not divide 4 and 4 channels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(4, 1e-5, nn.ReLU())
			x := b.At("here").Output(tt.build(b, b.Input()))
			var shapes []tensor.Shape
			g, err := b.Graph(b.At("fc").Linear(b.At("neck").Features(b.GlobalMean(x)), 3))
			if err == nil {
				shapes, err = g.Shapes(tensor.Shape{2, 4, 6, 8})
			}
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = shapes[g.Probes[0].Value].String()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("%s, want %q in it", got, tt.want)
			}
		})
	}
}
