package nn_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

func TestPaddedWindows(t *testing.T) {
	window := func(side, shift int) nn.Attention {
		return nn.Attention{Heads: 2, Window: nn.Window{Side: side, Shift: shift, Hide: -1000}}
	}
	for _, tt := range []struct {
		name  string
		build func(b *nn.Builder, x, padded nn.Value) nn.Value // of 6 x 8 pixels, and of 10 x 10
		want  string                                           // of an error, or the shape
	}{
		{"whole windows", func(b *nn.Builder, x, padded nn.Value) nn.Value {
			return b.PaddedAttention(padded, padded, padded, x, window(5, 0))
		}, "(2,100,4)"},
		{"shifted windows", func(b *nn.Builder, x, padded nn.Value) nn.Value {
			return b.PaddedAttention(padded, padded, padded, x, window(5, 2))
		}, "not shifted"},
		{"padding of whole windows", func(b *nn.Builder, x, padded nn.Value) nn.Value {
			return b.PaddedAttention(padded, padded, padded, x, window(2, 0))
		}, "padded to windows of 2 x 2"},
		{"no pixels before padding", func(b *nn.Builder, x, padded nn.Value) nn.Value {
			a := window(5, 0)
			a.Window.Padded = true
			return b.AttentionOf(padded, padded, padded, a)
		}, "found 3 inputs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(4, 1e-5, nn.ReLU())
			x := b.Tokens(b.Input())
			x = b.At("here").Output(tt.build(b, x, b.PadTo(x, 5, 0)))
			g, err := b.Graph(b.At("fc").Linear(b.At("neck").Features(b.GlobalMean(x)), 3))
			if err != nil {
				t.Fatal(err)
			}
			shapes, err := g.Shapes(tensor.Shape{2, 4, 6, 8})
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
