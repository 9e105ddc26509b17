package golden_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A network is a graph and its weights, both free to be changed, with its golden.
type network struct {
	graph  nn.Graph
	values map[string][]float32
	golden *golden.Golden
}

// valuesOf holds the weights of the network that was made last: many tests in a row are of
// one, and all of them together would take gigabytes.
var valuesOf struct {
	sync.Mutex
	golden string
	values map[string][]float32
}

// newNetwork returns the network of a model's first golden, as it is trained.
func newNetwork(t *testing.T, model string) *network {
	t.Helper()
	of, ok := subjects[model]
	if !ok {
		t.Fatalf("%s is none of the subjects", model)
	}
	f, err := backbone.ByName(of.family)
	if err != nil {
		t.Fatal(err)
	}
	goldens, err := golden.Embedded(model)
	goldens = slices.DeleteFunc(goldens, func(g *golden.Golden) bool { return g.Form != "" })
	if err != nil || len(goldens) == 0 {
		t.Fatalf("goldens of %s: %v, %v", model, len(goldens), err)
	}
	goldens = slices.DeleteFunc(goldens, func(g *golden.Golden) bool { return strings.Contains(g.Name, ".as-it-is.") })
	n := &network{golden: goldens[0]}
	g, err := f.Graph(of.arch, n.golden.K)
	if err != nil {
		t.Fatal(err)
	}
	n.graph = *g
	n.graph.Nodes = slices.Clone(g.Nodes)
	valuesOf.Lock()
	defer valuesOf.Unlock()
	if valuesOf.golden != n.golden.Name {
		valuesOf.golden, valuesOf.values = "", nil
		valuesOf.values = loadValues(t, n.golden, g)
		valuesOf.golden = n.golden.Name
	}
	n.values = maps.Clone(valuesOf.values)
	return n
}

// loadValues returns the weights that a golden names: synthetic ones, or those of an
// embedded checkpoint.
func loadValues(t *testing.T, g *golden.Golden, graph *nn.Graph) map[string][]float32 {
	t.Helper()
	_, synthetic := g.Weights.Seed()
	var sd *tensor.StateDict
	var err error
	if synthetic {
		sd, err = golden.SyntheticState(graph.Params, g.Weights)
	} else {
		var c *converter.Checkpoint
		c, err = converter.Open(fmt.Sprintf("nano/%s-%.8s.pth", g.Model, strings.TrimPrefix(g.Weights.String(), "sha256:")))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sd, err = c.StateDict()
	}
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string][]float32)
	for _, p := range graph.Params {
		if p.DType != tensor.F32 {
			continue
		}
		x, ok := sd.Lookup(p.Name)
		if ok {
			values[p.Name], err = x.Float32s()
		}
		if !synthetic { // a view of the file
			values[p.Name] = slices.Clone(values[p.Name])
		}
		if err != nil || !ok {
			t.Fatalf("%s: tensor %s: %v, %v", g.Model, p.Name, ok, err)
		}
	}
	return values
}

// judge computes the golden's input at every precision and compares logits and probes.
func (n *network) judge(t *testing.T) map[tensor.Precision]*golden.Verdict {
	t.Helper()
	var sd tensor.StateDict
	for _, p := range n.graph.Params {
		if v, ok := n.values[p.Name]; ok {
			if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bound, err := nn.Bind(&n.graph, &sd)
	if err != nil {
		t.Fatal(err)
	}
	input, err := n.golden.NetworkInput()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := make(map[tensor.Precision]*golden.Verdict)
	var logits []float32
	var probes []golden.ProbeValues
	for _, p := range tensor.Precisions() {
		if p != tensor.Medium || kernel.Best().PanelBF16 != nil { // else medium is high
			logits, probes = n.run(t, bound, p, input)
		}
		if verdicts[p], err = n.golden.Judge(p, golden.Run{Logits: logits, Probes: probes}); err != nil {
			t.Fatal(err)
		}
	}
	return verdicts
}

// run computes logits and probes at one precision.
func (n *network) run(t *testing.T, bound *nn.Bound, p engine.Precision, input []float32) (logits []float32, probes []golden.ProbeValues) {
	t.Helper()
	o := engine.Options{Precision: p}
	for _, p := range n.graph.Probes {
		o.Keep = append(o.Keep, p.Value)
	}
	plan, err := engine.Compile(bound, n.golden.Shape, o)
	if err != nil {
		t.Fatal(err)
	}
	s, logits := plan.NewSession(), make([]float32, len(n.golden.Logits))
	if err := s.Run(logits, input); err != nil {
		t.Fatal(err)
	}
	for _, p := range n.graph.Probes {
		x, err := s.Value(p.Value)
		if err != nil {
			t.Fatal(err)
		}
		probes = append(probes, golden.ProbeValues{Path: p.Path, Values: golden.Probe(p.Path, x)})
	}
	return logits, probes
}

// each changes the operators of all modules whose path begins with prefix.
func (n *network) each(prefix string, change func(nn.Op) nn.Op) {
	for i := range n.graph.Nodes {
		if strings.HasPrefix(n.graph.Nodes[i].Path, prefix) {
			n.graph.Nodes[i].Op = change(n.graph.Nodes[i].Op)
		}
	}
}

// find returns the index of the last node at path that is of the kind of op.
func (n *network) find(t *testing.T, path, kind string) int {
	t.Helper()
	for i := len(n.graph.Nodes) - 1; i >= 0; i-- {
		if n.graph.Nodes[i].Path == path && n.graph.Nodes[i].Op.Kind() == kind {
			return i
		}
	}
	t.Fatalf("no %s at %s", kind, path)
	return 0
}

func (n *network) one(t *testing.T, path string, op nn.Op) {
	t.Helper()
	n.graph.Nodes[n.find(t, path, op.Kind())].Op = op
}

// swapAct replaces the activation at path, which must be from.
func (n *network) swapAct(t *testing.T, path string, from, to nn.Act) {
	t.Helper()
	n.graph.Nodes[n.find(t, path, from.Kind())].Op = to
}

// swapHalves exchanges what bypasses the blocks of a stage with what enters them.
func (n *network) swapHalves(t *testing.T, stage string) {
	t.Helper()
	second := n.find(t, stage, "slice")
	nodes := n.graph.Nodes
	nodes[second-1].Op, nodes[second].Op = nodes[second].Op, nodes[second-1].Op
}

func (n *network) swapConcat(t *testing.T, stage string) {
	t.Helper()
	node := &n.graph.Nodes[n.find(t, stage, "cat")]
	node.In = []int{node.In[1], node.In[0]}
}

// turned changes the tables of EVA-02's rotary positions.
func (n *network) turned(change func(cos, sin []float32) (newCos, newSin []float32)) {
	for name := range n.values {
		if strings.Contains(name, ".attn.rope.") { // which repeat those of the backbone
			delete(n.values, name)
		}
	}
	cos, sin := "backbone.rope.freqs_cos", "backbone.rope.freqs_sin"
	n.values[cos], n.values[sin] = change(n.values[cos], n.values[sin])
}

// swapInputs swaps queries and keys of an attention.
func (n *network) swapInputs(t *testing.T, path string) {
	t.Helper()
	in := slices.Clone(n.graph.Nodes[n.find(t, path, "attention")].In)
	in[0], in[1] = in[1], in[0]
	n.graph.Nodes[n.find(t, path, "attention")].In = in
}

// swapTensors exchanges two tensors of one shape.
func (n *network) swapTensors(t *testing.T, a, b string) {
	t.Helper()
	n.values[a], n.values[b] = n.own(t, b), n.own(t, a)
}

// imageBefore has the pixels that are taken of what a norm makes taken of what it reads.
func (n *network) imageBefore(t *testing.T, norm string) {
	t.Helper()
	from := n.graph.Nodes[n.find(t, norm, "layer_norm")]
	for i := range n.graph.Nodes {
		if node := &n.graph.Nodes[i]; node.Op.Kind() == "image" && node.In[0] == from.Out {
			node.In = from.In
		}
	}
}

// actAfterAdd puts an activation behind the addition of a block.
func (n *network) actAfterAdd(t *testing.T, block string) {
	t.Helper()
	n.actAfter(n.find(t, block, "add"))
}

func (n *network) actAfterNorm(t *testing.T, path string) {
	t.Helper()
	n.actAfter(n.find(t, path, "batch_norm"))
}

func (n *network) actAfter(i int) { n.after(i, nn.LeakyReLU(0.01)) }

// after inserts an operator behind node i: it writes the value that everyone reads, and the node a new one.
func (n *network) after(i int, op nn.Op) {
	out := n.graph.Nodes[i].Out
	n.graph.Nodes[i].Out = n.graph.Values
	node := nn.Node{Path: n.graph.Nodes[i].Path, Op: op, In: []int{n.graph.Values}, Out: out}
	n.graph.Values++
	n.graph.Nodes = slices.Insert(n.graph.Nodes, i+1, node)
}

// flip changes the sign of the largest element of a tensor: of a random one the change
// can be less than the tolerance.
func (n *network) flip(t *testing.T, name string) {
	t.Helper()
	v := n.own(t, name)
	at := 0
	for i, x := range v {
		if math.Abs(float64(x)) > math.Abs(float64(v[at])) {
			at = i
		}
	}
	v[at] = -v[at]
}

// own returns a copy of a tensor that is the network's own.
func (n *network) own(t *testing.T, name string) []float32 {
	t.Helper()
	v := slices.Clone(n.values[name])
	if len(v) == 0 {
		t.Fatalf("no tensor %s", name)
	}
	n.values[name] = v
	return v
}

// set makes every element of a tensor x.
func (n *network) set(t *testing.T, name string, x float32) {
	t.Helper()
	v := n.own(t, name)
	for i := range v {
		v[i] = x
	}
}
