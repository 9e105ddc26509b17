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

// tileVariants returns the variants that compute in tiles, the portable one first; under the
// race detector only where there is no other.
func tileVariants(t testing.TB) []*kernel.Variant {
	vs := portableVariants(t)[2:]
	for _, v := range kernel.Variants() {
		if v.Direct != nil {
			vs = append(vs, v)
		}
	}
	if race.Enabled {
		return vs[len(vs)-1:]
	}
	return vs
}

// TestTilesEqualReference compares single convolutions in tiles with the reference, computed
// from what the layer before has stored: in every form, with numbers in one to three parts, whose
// input is stored or converted, in one place or two, with and without a residual.
func TestTilesEqualReference(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		images, h, w, in, out int
		form                  string
		residual, halves      bool
		options               []nn.Option
	}{
		{"1x1", 1, 9, 7, 32, 64, "flat", false, false, nil},
		{"1x1, a batch", 3, 5, 7, 64, 96, "flat", true, false, nil},
		{"1x1, one pixel", 2, 1, 1, 32, 64, "flat", false, false, nil},
		{"1x1 in halves", 2, 6, 9, 32, 128, "flat", false, true, nil},
		{"3x3 in short rows", 1, 8, 8, 32, 64, "gathered", true, false, []nn.Option{nn.K(3)}},
		{"3x3 in short rows, a batch", 3, 5, 7, 32, 64, "gathered", false, false, []nn.Option{nn.K(3)}},
		{"3x3 of stride 2 in short rows", 2, 11, 9, 32, 64, "gathered", false, false, []nn.Option{nn.K(3), nn.Stride(2)}},
		{"5x3 of stride 2 in short rows", 2, 11, 9, 32, 64, "gathered", false, false, []nn.Option{nn.Kernel(5, 3), nn.Stride(2)}},
		{"1x1 of stride 2 in short rows", 1, 9, 9, 32, 64, "gathered", false, false, []nn.Option{nn.Stride(2)}},
		{"3x3 in rows", 1, 3, 33, 64, 64, "rows", true, false, []nn.Option{nn.K(3)}},
		{"3x3 in rows, a batch", 3, 3, 16, 32, 96, "rows", false, false, []nn.Option{nn.K(3)}},
		{"3x3 of stride 2 in rows", 2, 5, 37, 32, 64, "rows", false, false, []nn.Option{nn.K(3), nn.Stride(2)}},
		{"3x3 in rows and halves", 1, 4, 20, 32, 128, "rows", false, true, []nn.Option{nn.K(3)}},
	} {
		for parts := 1; parts <= 3; parts++ {
			if race.Enabled && parts != 2 {
				continue // who computes what does not depend on them
			}
			for _, v := range tileVariants(t) {
				t.Run(fmt.Sprintf("%s/%d parts/%s", tt.name, parts, v.Name), func(t *testing.T) {
					r := rand.New(rand.NewPCG(uint64(parts), uint64(tt.in*tt.h+tt.w)))
					b := nn.NewBuilder(32, 1e-5, nn.LeakyReLU(0.5))
					x := b.At("before").Conv(b.Input(), tt.in)
					y := b.At("layer").Conv(x, tt.out, tt.options...)
					out := y
					if tt.residual {
						out = b.Act(b.Add(y, b.At("other").Conv(x, tt.out)))
					}
					last := out
					if tt.halves {
						keep, work := b.Halves(out)
						last = b.Concat(b.At("after").Conv(work, 32), keep)
					}
					last = b.Features(b.Flatten(b.GlobalAvgPool(b.At("last").Conv(last, 32))))
					g, err := b.Graph(b.At("fc").Linear(last, 3))
					if err != nil {
						t.Fatal(err)
					}
					// At high all layers have three parts, or all two.
					o := Options{Precision: High, Variant: v, early: -1}
					switch parts {
					case 1:
						o.Precision = Medium
					case 3:
						o.early = 100
					}
					if parts == 3 && tt.form == "flat" {
						tt.form = "gathered" // floats have to be converted
					}
					kernel := fmt.Sprintf("%s tiles, %s", [...]string{1: "bf16", 2: "2-part", 3: "3-part"}[parts], tt.form)
					for _, o.Threads = range []int{1, 3} {
						checkTiles(t, bindBF16(t, g, r), tensor.Shape{tt.images, 32, tt.h, tt.w}, o, r, kernel,
							[]float64{1: 1.0 / 250, 2: 4e-5, 3: 2e-6}[parts])
					}
				})
			}
		}
	}
}

// checkTiles computes a graph of TestTilesEqualReference, whose weights are numbers of bf16, and
// compares what follows the operators of "layer" and is kept.
func checkTiles(t *testing.T, b *nn.Bound, shape tensor.Shape, o Options, r *rand.Rand, kernel string, bound float64) {
	t.Helper()
	g := b.Graph
	chain := []nn.Node{node(t, g, "layer")} // the convolution, and what is fused into it
	for n := range slices.Values(g.Nodes) {
		switch n.Op.(type) {
		case nn.Add, nn.Act:
			chain = append(chain, n)
		}
	}
	from, to := chain[0].In[0], chain[len(chain)-1].Out
	o.Keep = []int{from, to}
	if len(chain) > 1 {
		o.Keep = append(o.Keep, node(t, g, "other").Out)
	}
	plan, err := Compile(b, shape, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range plan.Layers() {
		if strings.HasPrefix(l.Path, "layer") && l.Kernel != kernel {
			t.Fatalf("computed by %q because of %q, want %q", l.Kernel, l.Why, kernel)
		}
	}
	n, _ := shape.Numel()
	s := ran(t, plan, randomInput(r, n), randomInput(r, n))
	sizes, err := g.Sizes(shape)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[int][]float64)
	for _, v := range o.Keep {
		x, err := s.Value(v)
		if err != nil {
			t.Fatal(err)
		}
		values[v] = float64s(x)
	}
	got, err := s.Value(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range chain {
		var in, params [][]float64
		for _, v := range n.In {
			in = append(in, values[v])
		}
		for _, p := range n.Params {
			x, err := b.Tensors[p].Float32s()
			if err != nil {
				t.Fatal(err)
			}
			params = append(params, float64s(x))
		}
		values[n.Out] = compute(n, in, inputSizes(n, sizes), sizes[n.Out], params)
	}
	compare(t, "layer", values[to], got, bound)
}

// node returns the node whose path begins with a name.
func node(t *testing.T, g *nn.Graph, name string) nn.Node {
	t.Helper()
	for _, n := range g.Nodes {
		if strings.HasPrefix(n.Path, name) {
			return n
		}
	}
	t.Fatalf("no node %q", name)
	return nn.Node{}
}

func float64s(x []float32) []float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return wide
}

// TestStemEqualsReference: a first layer of few channels is computed in tiles at medium, from an input
// that is rounded as it is taken in; not where somebody else reads that too.
func TestStemEqualsReference(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		images, h, w, in, out int
		options               []nn.Option
		want                  string
	}{
		{"3x3", 1, 9, 35, 3, 32, []nn.Option{nn.K(3), nn.Stride(2)}, "bf16 tiles, rows"},
		{"7x7 of stride 2, a batch", 3, 13, 37, 3, 64, []nn.Option{nn.K(7), nn.Stride(2)}, "bf16 tiles, rows"},
		{"one channel, short rows", 2, 5, 6, 1, 32, []nn.Option{nn.K(3), nn.Stride(2)}, "bf16 tiles, rows"},
		{"four channels", 1, 6, 19, 4, 96, []nn.Option{nn.K(5), nn.Stride(2), nn.Same()}, "bf16 tiles, rows"},
		{"1x1", 1, 3, 17, 2, 32, []nn.Option{nn.Stride(2)}, "bf16 tiles, rows"},
		{"stride 1", 1, 9, 9, 3, 32, []nn.Option{nn.K(3)}, "panel"},
		{"eight columns", 1, 12, 24, 3, 32, []nn.Option{nn.K(8), nn.Stride(4)}, "bf16 tiles, rows"},
		{"more than a tile has room for", 1, 12, 24, 3, 32, []nn.Option{nn.K(9), nn.Stride(2)}, "panel"},
		{"five channels", 1, 9, 9, 5, 32, []nn.Option{nn.K(3), nn.Stride(2)}, "panel"},
		{"channels that are no block", 1, 9, 9, 3, 33, []nn.Option{nn.K(3), nn.Stride(2)}, "panel"},
	} {
		for _, v := range tileVariants(t) {
			t.Run(tt.name+"/"+v.Name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(8, uint64(tt.in*tt.h+tt.w)))
				b := nn.NewBuilder(tt.in, 1e-5, nn.LeakyReLU(0.5))
				x := b.Act(b.At("stem").Conv(b.Input(), tt.out, append(tt.options, nn.Bias())...))
				x = b.Features(b.Flatten(b.GlobalAvgPool(x)))
				g, err := b.Graph(b.At("fc").Linear(x, 3))
				if err != nil {
					t.Fatal(err)
				}
				value, shape := g.Nodes[1].Out, tensor.Shape{tt.images, tt.in, tt.h, tt.w}
				bound, input := bindBF16(t, g, r), roundedToBF16(randomInput(r, tt.images*tt.in*tt.h*tt.w))
				for threads := 1; threads <= 3; threads++ {
					plan, err := Compile(bound, shape, Options{Threads: threads, Precision: Medium, Variant: v, Keep: []int{value}})
					if err != nil {
						t.Fatal(err)
					}
					if l := plan.Layers()[1]; !strings.Contains(l.Kernel, tt.want) {
						t.Fatalf("computed by %q because of %q, want %q", l.Kernel, l.Why, tt.want)
					}
					s := ran(t, plan, input, input)
					got, err := s.Value(value)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, "stem", reference(t, bound, shape, input)[value], got, 1.0/250)
				}
				plan, err := Compile(bound, shape, Options{Precision: Medium, Variant: v, Keep: []int{0}})
				if err != nil {
					t.Fatal(err)
				}
				if l := plan.Layers()[1]; strings.Contains(l.Kernel, "tiles") {
					t.Errorf("computed by %q though the input is kept", l.Kernel)
				}
			})
		}
	}
}
