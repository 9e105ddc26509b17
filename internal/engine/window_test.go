package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestPaddedWindows wants attention that hides padding to equal its definition: where there is padding
// along both axes, where nothing is hidden, and in one window.
func TestPaddedWindows(t *testing.T) {
	for _, size := range [][2]int{{9, 11}, {5, 8}, {10, 8}, {10, 5}, {3, 4}, {1, 13}} {
		for _, p := range tensor.Precisions() {
			t.Run(fmt.Sprint(size, p), func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, uint64(size[0])))
				b := nn.NewBuilder(3, 1e-5, nn.GELU())
				x := b.Tokens(b.At("norm").LayerNorm(b.At("widen").Conv(b.Input(), 24, nn.K(3))))
				qkv := b.Split(b.At("qkv").Linear(b.PadTo(x, 5, 0), 3*x.C), 3)
				y := b.PaddedAttention(qkv[0], qkv[1], qkv[2], x, nn.Attention{Heads: 2, Window: nn.Window{Side: 5, Hide: -3}})
				x = b.Add(b.At("proj").Linear(b.CropLike(y, x), x.C), x)
				g, err := b.Graph(b.At("fc").Linear(b.At("neck").Features(b.GlobalMean(x)), 5))
				if err != nil {
					t.Fatal(err)
				}
				c := newReferenced(t, g, tensor.Shape{2, 3, size[0], size[1]}, r)
				for _, v := range kernel.Variants() {
					c.check(t, Options{Variant: v, Threads: 3, Precision: p})
				}
			})
		}
	}
}
