package nn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestApart numbers the distances of queries and keys as they appear, which is what LeViT's and TinyViT's
// published code does.
func TestApart(t *testing.T) {
	for _, d := range []nn.Apart{{H: 3, W: 4}, {H: 5, W: 4, Stride: 2}, {H: 14, W: 14, Stride: 2}, {H: 7, W: 5, Stride: 3}} {
		t.Run(fmt.Sprintf("%+v", d), func(t *testing.T) {
			var want []int64
			numbers := make(map[[2]int]int64)
			rows := 0
			for qy := 0; qy < d.H; qy += max(d.Stride, 1) {
				for qx := 0; qx < d.W; qx += max(d.Stride, 1) {
					rows++
					for ky := range d.H {
						for kx := range d.W {
							between := [2]int{max(qy-ky, ky-qy), max(qx-kx, kx-qx)}
							if _, ok := numbers[between]; !ok {
								numbers[between] = int64(len(numbers))
							}
							want = append(want, numbers[between])
						}
					}
				}
			}
			if diff := cmp.Diff(want, d.Index()); diff != "" {
				t.Errorf("index (-want +got):\n%s", diff)
			}
			queries, keys, relations := d.Size()
			if diff := cmp.Diff([]int{rows, d.H * d.W, len(numbers)}, []int{queries, keys, relations}); diff != "" {
				t.Errorf("queries, keys and relations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestApartOfOtherGrids wants as many pixels in other rows and columns refused.
func TestApartOfOtherGrids(t *testing.T) {
	b := nn.NewBuilder(6, 1e-5, nn.ReLU())
	x := b.Tokens(b.Input())
	x = b.At("a").AttentionOf(x, x, x, nn.Attention{Heads: 2, Bias: nn.ScoreBias{
		Table: "table", HeadsFirst: true, By: nn.Apart{H: 6, W: 4},
	}})
	g, err := b.Graph(b.At("fc").Linear(b.At("mean").Features(b.GlobalMean(x)), 2))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tensor.Shape{2, 24}, g.Params[0].Shape); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if _, err := g.Sizes(tensor.Shape{1, 6, 6, 4}); err != nil {
		t.Error(err)
	}
	for _, in := range []tensor.Shape{{1, 6, 4, 6}, {1, 6, 6, 5}} {
		if _, err := g.Sizes(in); err == nil || !strings.Contains(err.Error(), "6 x 4 pixels, which the bias relates") {
			t.Errorf("%v: error = %v", in, err)
		}
	}
}
