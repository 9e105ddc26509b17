package converter_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A network is one of a family's.
type network struct {
	family, name string
	graph        func(classes int) (*nn.Graph, error)
	train        func(classes int) (*nn.Graph, error) // of a deploy form: what it is fused from
}

// networks returns all that a row of the catalogue can name, and their deploy forms,
// by family and name.
func networks() []network {
	var all []network
	for _, f := range backbone.All() {
		for _, arch := range slices.Sorted(maps.Keys(f.Archs)) {
			all = append(all, network{f.Name, arch, f.Archs[arch], nil})
			if deploy, ok := f.Deploy[arch]; ok {
				all = append(all, network{f.Name, arch + " deploy", deploy, f.Archs[arch]})
			}
		}
	}
	return all
}

// smallest returns the network of each family that has the fewest parameters.
func smallest(t *testing.T) []network {
	t.Helper()
	var all []network
	var least int64
	for _, n := range networks() {
		params := graphOf(t, n).NumParams()
		switch last := len(all) - 1; {
		case last < 0 || all[last].family != n.family:
			all, least = append(all, n), params
		case params < least:
			all[last], least = n, params
		}
	}
	return all
}

func graphOf(t *testing.T, n network) *nn.Graph {
	t.Helper()
	g, err := n.graph(1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// inputFor returns a small input (3,C,H,W), of odd sides where the network allows.
func inputFor(t *testing.T, g *nn.Graph) tensor.Shape {
	t.Helper()
	var err error
	for _, size := range [][2]int{{75, 99}, {224, 224}, {256, 256}, {336, 336}, {448, 448}} {
		input := tensor.Shape{3, g.Channels, size[0], size[1]}
		if _, err = g.Shapes(input); err == nil {
			return input
		}
	}
	t.Fatal(err)
	return nil
}

// TestONNXNetworks wants an ONNX graph of every network of the catalogue: each operator
// reads what an earlier one wrote or what the file holds, each value is written once,
// and each weight is read. TestONNXRuntime compares what they compute.
func TestONNXNetworks(t *testing.T) {
	for _, n := range networks() {
		t.Run(n.name, func(t *testing.T) {
			g := graphOf(t, n)
			sd := new(tensor.StateDict)
			for _, p := range g.Params {
				// One element stands for all, so that no network is too large.
				x, err := tensor.NewStrided(p.DType, p.Shape, make([]int, len(p.Shape)), make([]byte, p.DType.Size()))
				if p.Fixed != nil {
					x = p.Fixed.Tensor()
				}
				if err == nil {
					err = sd.Add(p.Name, x)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			nodes, held, err := converter.ONNXNodes(g, sd)
			if err != nil {
				t.Fatal(err)
			}
			known := map[string]bool{"input": true}
			for _, name := range held {
				known[name] = true
			}
			read := map[string]bool{}
			for _, f := range fieldsOf(t, nodes) {
				if f.number != 1 {
					continue
				}
				for _, n := range fieldsOf(t, f.bytes) {
					switch name := string(n.bytes); n.number {
					case 1:
						read[name] = true
						if !known[name] && name != "" { // one that is left out
							t.Errorf("%q is read before it is written", name)
						}
					case 2:
						if known[name] {
							t.Errorf("%q is written twice", name)
						}
						known[name] = true
					}
				}
			}
			if !known["logits"] {
				t.Error("nothing writes the logits")
			}
			for _, p := range g.Params {
				if !read[p.Name] && !p.Optional && p.Same == "" {
					t.Errorf("nothing reads %q", p.Name)
				}
			}
		})
	}
}
