package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/internal/race"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// portableVariants returns the portable kernels with those of bf16, and with those of
// numbers in parts too, of rows and of tiles, which no processor takes by itself.
func portableVariants(t testing.TB) []*kernel.Variant {
	t.Helper()
	bf16 := *kernel.Variants()[0]
	if bf16.Name != "generic" {
		t.Fatalf("the first variant is %q, want generic", bf16.Name)
	}
	bf16.Name = "portable bf16"
	bf16.RoundBF16, bf16.PanelBF16 = kernel.RoundBF16Generic, kernel.PanelBF16Generic
	split := bf16
	split.Name = "portable split"
	split.RoundSplit, split.PanelSplit = kernel.RoundSplitGeneric, kernel.PanelSplitGeneric
	tiles := split
	tiles.Name = "portable tiles"
	tiles.RoundPlanes, tiles.RoundThirds, tiles.Direct = kernel.RoundPlanesGeneric, kernel.RoundThirdsGeneric, kernel.DirectGeneric
	return []*kernel.Variant{&bf16, &split, &tiles}
}

// bf16Variants returns the variants that have kernels of bf16, portable ones first, and the
// slower ones last.
func bf16Variants(t testing.TB) []*kernel.Variant {
	t.Helper()
	vs := portableVariants(t)
	if race.Enabled {
		vs = nil
	}
	for _, v := range slices.Concat(kernel.Variants(), kernel.Slower()) {
		if v.PanelBF16 != nil {
			vs = append(vs, v)
		}
	}
	return vs
}

// bindBF16 is bindRandom with all tensors rounded to bf16.
func bindBF16(t testing.TB, g *nn.Graph, r *rand.Rand) *nn.Bound {
	t.Helper()
	b := bindRandom(t, g, r)
	var sd tensor.StateDict
	for i, p := range g.Params {
		v, err := b.Tensors[i].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, roundedToBF16(v))); err != nil {
			t.Fatal(err)
		}
	}
	rounded, err := nn.Bind(g, &sd)
	if err != nil {
		t.Fatal(err)
	}
	return rounded
}

func roundedToBF16(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i], _ = kernel.MakePair(v, 0).Floats()
	}
	return out
}

// TestBF16ConvEqualsReference: a convolution of bf16 numbers is exact but for its sums,
// so that it is as near to the reference as one in float32.
func TestBF16ConvEqualsReference(t *testing.T) {
	testConvs(t, bf16Variants(t), Medium, tolerance)
}

// TestSplitConvEqualsReference: a convolution of split numbers errs a little more.
func TestSplitConvEqualsReference(t *testing.T) {
	splits := slices.DeleteFunc(bf16Variants(t), func(v *kernel.Variant) bool { return v.PanelSplit == nil })
	testConvs(t, splits, High, 4e-5)
}

// testConvs compares single convolutions with the reference: at Medium with numbers that
// are bf16 before, at High with any.
func testConvs(t *testing.T, variants []*kernel.Variant, precision Precision, most float64) {
	r := rand.New(rand.NewPCG(4, 4))
	for i, tt := range []struct {
		images, h, w, in, out int
		options               []nn.Option
		bf16, split           bool
	}{
		{1, 9, 7, 16, 40, nil, true, true},
		{3, 5, 6, 32, 24, []nn.Option{nn.K(3)}, true, true},
		{2, 11, 12, 17, 33, []nn.Option{nn.K(3), nn.Bias()}, true, true}, // pixels padded to whole pairs
		{2, 12, 9, 18, 70, []nn.Option{nn.K(3), nn.Stride(2)}, true, true},
		{2, 9, 9, 16, 8, []nn.Option{nn.Stride(2)}, true, true},             // rows that nothing reads
		{2, 17, 14, 3, 20, []nn.Option{nn.K(7), nn.Stride(2)}, true, false}, // whole rows of odd pixels
		{1, 8, 8, 3, 8, []nn.Option{nn.K(3)}, false, false},
		{2, 9, 8, 64, 96, []nn.Option{nn.K(3), nn.Groups(4)}, true, false},
		{2, 7, 19, 64, 96, []nn.Option{nn.K(3), nn.Groups(2)}, true, true},
		{2, 9, 8, 24, 48, []nn.Option{nn.K(3), nn.Groups(4), nn.Stride(2)}, true, false},
		{2, 9, 8, 45, 30, []nn.Option{nn.K(3), nn.Groups(3)}, false, false},
		{1, 7, 7, 64, 64, []nn.Option{nn.K(3)}, true, true}, // several rows a tile
		{2, 14, 33, 40, 64, []nn.Option{nn.K(3)}, true, true},
		{5, 1, 1, 50, 30, []nn.Option{nn.Bias()}, true, true}, // images of one pixel
	} {
		b := nn.NewBuilder(tt.in, 1e-5, nn.LeakyReLU(0.5))
		x := b.At("conv").Conv(b.Input(), tt.out, tt.options...)
		x = b.Features(b.Flatten(b.GlobalAvgPool(x)))
		g, err := b.Graph(b.At("fc").Linear(x, 3))
		if err != nil {
			t.Fatal(err)
		}
		value := g.Nodes[0].Out
		shape := tensor.Shape{tt.images, tt.in, tt.h, tt.w}
		kernel, wanted := "2-part", tt.split
		bound, input := bindRandom(t, g, r), randomInput(r, tt.images*tt.in*tt.h*tt.w)
		if precision == Medium {
			kernel, wanted = "bf16", tt.bf16
			bound, input = bindBF16(t, g, r), roundedToBF16(input)
		}
		want := reference(t, bound, shape, input)[value]
		for threads := 1; threads <= 3; threads++ {
			for _, v := range variants {
				t.Run(fmt.Sprintf("%d/%d threads/%s", i, threads, v.Name), func(t *testing.T) {
					plan, err := Compile(bound, shape, Options{Threads: threads, Precision: precision, Variant: v, Keep: []int{value}, early: -1})
					if err != nil {
						t.Fatal(err)
					}
					if k := plan.Layers()[1].Kernel; strings.HasPrefix(k, kernel) != wanted {
						t.Errorf("computed by %s", k)
					}
					s := ran(t, plan, input, input)
					got, err := s.Value(value)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, "convolution", want, got, most)
				})
			}
		}
	}
}

// TestMediumFallsBackToHigh: where there are no kernels of bf16, medium is high.
func TestMediumFallsBackToHigh(t *testing.T) {
	g, err := winogradNet(32, 32, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	bound := bindRandom(t, g, rand.New(rand.NewPCG(1, 1)))
	kernels := func(v *kernel.Variant, p Precision) (names []string) {
		plan, err := Compile(bound, tensor.Shape{1, 3, 16, 16}, Options{Precision: p, Variant: v})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range plan.Layers() {
			names = append(names, l.Kernel)
		}
		return names
	}
	for _, v := range slices.Concat(kernel.Variants(), portableVariants(t), kernel.Slower()) {
		same := slices.Equal(kernels(v, Medium), kernels(v, High))
		if want := v.PanelBF16 == nil; same != want {
			t.Errorf("%s: medium computes as high: %v, want %v", v.Name, same, want)
		}
	}
}
