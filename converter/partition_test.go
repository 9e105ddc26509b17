package converter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// TestFusePartitioned compares a layer over whole channels that has taken in its norm, and a convolution beside it with
// its own, with one fused by hand: of four channels in two sets of two pixels, the factors are 6/2 and 4/2 in
// the first set, and 2/2 and 8/2 in the second.
func TestFusePartitioned(t *testing.T) {
	network := func(trained bool, kernel int) *nn.Graph {
		b := nn.NewBuilder(4, 0.5, nn.ReLU())
		at, x := b.At("block"), b.Input() // (N,4,1,2)
		opts := []nn.Option{nn.Groups(2)}
		if !trained {
			opts = append(opts, nn.Bias())
		}
		y := b.TransposeOf(b.Tokens(x), 2, nn.Transpose{H: 1, W: 2, Join: 2})
		y = b.Tokens(at.At("mix").Conv(b.Image(y), 4, opts...))
		y = b.Image(b.TransposeOf(y, 2, nn.Transpose{H: 1, W: 2, Split: 2}))
		if trained {
			y = at.At("mix_bn").BatchNormRuns(y, 2)
			z := at.At("conv").Conv(x, 4, nn.K(kernel), nn.Groups(4), nn.Runs(2))
			y = at.Add(y, at.At("bn").BatchNormRuns(z, 2))
		}
		g, err := b.Graph(b.At("head").Linear(b.At("pool").Features(b.Flatten(b.GlobalAvgPool(y))), 1))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	sd := new(tensor.StateDict)
	add := func(name string, shape tensor.Shape, values ...float32) {
		if err := sd.Add(name, tensor.FromFloat32s(shape, values)); err != nil {
			t.Fatal(err)
		}
	}
	pair := tensor.Shape{2}
	add("block.mix.weight", tensor.Shape{4, 2, 1, 1}, 1, 2, 3, 4, 5, 6, 7, 8)
	add("block.mix_bn.weight", pair, 6, 2)
	add("block.mix_bn.bias", pair, 10, 20)
	add("block.mix_bn.running_mean", pair, 1, 2)
	add("block.mix_bn.running_var", pair, 3.5, 3.5)
	add("block.conv.weight", tensor.Shape{2, 1, 3, 3}, 0, 0, 0, 1, 2, 3, 0, 0, 0, 9, 9, 9, 4, 5, 6, 9, 9, 9)
	add("block.bn.weight", pair, 4, 8)
	add("block.bn.bias", pair, 100, 200)
	add("block.bn.running_mean", pair, 1, 1)
	add("block.bn.running_var", pair, 3.5, 3.5)
	add("head.weight", tensor.Shape{1, 4}, 1, 2, 3, 4)
	add("head.bias", tensor.Shape{1}, 0)
	bound, err := nn.Bind(network(true, 3), sd)
	if err != nil {
		t.Fatal(err)
	}
	trained := &converter.Fitted{Bound: bound, Names: converter.Kept(sd)}
	fused, err := trained.Fuse(network(false, 3), tensor.Invalid)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]float32)
	for name, x := range fused.Bound.StateDict().All() {
		if got[name], err = x.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]float32{
		// Of the second pixel the first is the one before it, and of the first the second the one after.
		"block.mix.weight": {3*1 + 2*2, 3*2 + 2*3, 3*3 + 2*1, 3*4 + 2*2, 5 + 4*5, 6 + 4*6, 7 + 4*4, 8 + 4*5},
		"block.mix.bias":   {10 - 3 + 100 - 2, 105, 20 - 2 + 200 - 4, 214},
		"head.weight":      {1, 2, 3, 4}, "head.bias": {0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fused (-want +got):\n%s", diff)
	}

	// A convolution that the layer cannot take in.
	even := new(tensor.StateDict)
	for name, x := range sd.All() {
		if name == "block.conv.weight" {
			x = tensor.FromFloat32s(tensor.Shape{2, 1, 5, 5}, make([]float32, 50))
		}
		if err := even.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	if bound, err = nn.Bind(network(true, 5), even); err != nil {
		t.Fatal(err)
	}
	trained = &converter.Fitted{Bound: bound, Names: converter.Kept(even)}
	if _, err := trained.Fuse(network(false, 5), tensor.Invalid); err != nil {
		t.Errorf("a kernel larger than the image: %v", err)
	}
	for i, n := range bound.Graph.Nodes {
		if op, ok := n.Op.(nn.Conv); ok && op.KH == 5 {
			op.StrideH = 2
			bound.Graph.Nodes[i].Op = op
		}
	}
	if _, err := trained.Fuse(network(false, 5), tensor.Invalid); err == nil || !strings.Contains(err.Error(), "branch block.bn: a convolution") {
		t.Errorf("a stride: %v", err)
	}
}
