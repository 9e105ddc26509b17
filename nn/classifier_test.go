package nn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// heads are graphs by how they end.
var heads = map[string]func(b *nn.Builder, x nn.Value) (*nn.Graph, error){
	"one": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		return b.Graph(b.At("head").Linear(b.At("neck").Features(x), 3))
	},
	"the sum of two, of a vector each": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		first, second := b.At("neck").Features(x), b.At("neck").Features(b.At("more").Linear(x, 5))
		return b.Graph(b.Add(b.At("head").Linear(first, 3), b.At("dist").Linear(second, 3)))
	},
	"the mean of two, with norms, of one vector": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		x = b.At("neck").Features(x)
		y := b.At("dist", "l").Linear(b.At("dist", "bn").BatchNorm(x), 3)
		return b.Graph(b.Scale(b.Add(b.At("head", "l").Linear(b.At("head", "bn").BatchNorm(x), 3), y), 0.5))
	},
	"the sum of three": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		x = b.At("neck").Features(x)
		y := b.Add(b.At("c").Linear(x, 3), b.At("b").Linear(x, 3))
		return b.Graph(b.Add(b.At("a").Linear(x, 3), y))
	},
	"a norm": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		return b.Graph(b.At("last").BatchNorm(b.At("head").Linear(b.At("neck").Features(x), 3)))
	},
	"one of two is none": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		x = b.At("neck").Features(x)
		y := b.At("head").Linear(x, 8)
		return b.Graph(b.Add(y, b.Act(x)))
	},
	"the input": func(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
		b.At("neck").Features(x)
		return b.Graph(b.Input())
	},
}

// TestClassifiers wants the linear layers that logits are made of, and what is left without
// them: their norms go with them, and several vectors of features lie side by side.
func TestClassifiers(t *testing.T) {
	type end struct {
		Classifiers []string
		Classes     int
		Params      []string // that are left without a classifier
		Probes      []string
		Output      tensor.Shape // without a classifier
	}
	conv := []string{"conv.weight"}
	tests := map[string]end{
		"one": {[]string{"head"}, 3, conv, []string{"neck"}, tensor.Shape{2, 8}},
		"the sum of two, of a vector each": {
			[]string{"head", "dist"}, 3, []string{"conv.weight", "more.weight", "more.bias"}, []string{"neck"}, tensor.Shape{2, 13}},
		"the mean of two, with norms, of one vector": {[]string{"dist.l", "head.l"}, 3, conv, []string{"neck"}, tensor.Shape{2, 8}},
		"the sum of three":                           {[]string{"c", "b", "a"}, 3, conv, []string{"neck"}, tensor.Shape{2, 8}},
	}
	for name, build := range heads {
		t.Run(name, func(t *testing.T) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			g, err := build(b, b.Flatten(b.GlobalAvgPool(b.At("conv").Conv(b.Input(), 8))))
			if err != nil {
				t.Fatal(err)
			}
			without := g.WithoutClassifier()
			want, ok := tests[name]
			if !ok {
				if all := g.Classifiers(); len(all) > 0 || g.NumClasses() != 0 || without != g {
					t.Errorf("%d classifiers of %d classes, want none", len(all), g.NumClasses())
				}
				return
			}
			got := end{Classes: g.NumClasses()}
			for _, n := range g.Classifiers() {
				got.Classifiers = append(got.Classifiers, n.Path)
			}
			for _, p := range without.Params {
				got.Params = append(got.Params, p.Name)
			}
			for _, p := range without.Probes {
				got.Probes = append(got.Probes, p.Path)
			}
			shapes, err := without.Shapes(tensor.Shape{2, 3, 4, 4})
			if err != nil {
				t.Fatal(err)
			}
			got.Output = shapes[without.Logits]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if without.NumClasses() != 0 || !without.NoClassifier || g.NoClassifier {
				t.Errorf("%d classes without a classifier", without.NumClasses())
			}
			for _, n := range without.Nodes { // each tensor is the one that it was
				for i, p := range n.Params {
					if name := n.Path + "." + n.Op.Params()[i].Name; without.Params[p].Name != name {
						t.Errorf("%s is %s", name, without.Params[p].Name)
					}
				}
			}
		})
	}
}
