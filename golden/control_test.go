package golden_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// The networks of the CSPNet goldens, by model.
var archOf = map[string]string{
	"cspdarknet50_3rdparty_8xb32_in1k": "cspdarknet53",
	"cspresnet50_3rdparty_8xb32_in1k":  "cspresnet50",
	"cspresnext50_3rdparty_8xb32_in1k": "cspresnext50",
}

// Each control is a network that is nearly right. It must fail, and the first bad
// layer must be the one that was changed, or the first that reads what it makes where
// the change is in no probed module.
var controls = []struct {
	name   string
	model  string
	change func(t *testing.T, n *network)
	bad    string // the first bad layer
}{
	{"slope 0.1 everywhere", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("", func(op nn.Op) nn.Op {
			if _, ok := op.(nn.Act); ok {
				return nn.LeakyReLU(0.1)
			}
			return op
		})
	}, "backbone.stem.0"},
	{"slope 0.1 in one unit", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.one(t, "backbone.stages.2.blocks.5.conv2.activate", nn.LeakyReLU(0.1))
	}, "backbone.stages.2.blocks.5.conv2"},
	{"eps 1e-3 everywhere", "cspresnext50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("", withEps)
	}, "backbone.stem.0"},
	{"eps 1e-3 in one stage", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.3.downsample_conv.", withEps)
	}, "backbone.stages.3.downsample_conv"},
	{"halves swapped", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.1")
	}, "backbone.stages.1.blocks.0.conv1"},
	{"halves swapped", "cspresnext50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.2")
	}, "backbone.stages.2.blocks.0"},
	{"concatenation swapped", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone.stages.1")
	}, "backbone.stages.1.final_conv"},
	{"activation missing after the addition", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.one(t, "backbone.stages.2.blocks.1.relu", nn.LeakyReLU(1))
	}, "backbone.stages.2.blocks.1"},
	{"activation added after the addition", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.actAfterAdd(t, "backbone.stages.3.blocks.2")
	}, "backbone.stages.3.blocks.2"},
	{"activation added after the expansion", "cspresnext50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.actAfterNorm(t, "backbone.stages.1.expand_conv.bn")
	}, "backbone.stages.1.expand_conv"},
	{"one weight of the stem flipped", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.flip(t, "backbone.stem.conv.weight")
	}, "backbone.stem"},
	{"one weight of a block flipped", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.flip(t, "backbone.stages.0.blocks.1.conv2.weight")
	}, "backbone.stages.0.blocks.1"},
	{"one bias of the classifier flipped", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.flip(t, "head.fc.bias")
	}, "logits"},
}

func TestNegativeControls(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: full-size networks take seconds")
	}
	for _, tt := range controls {
		t.Run(tt.name+" in "+archOf[tt.model], func(t *testing.T) {
			n := newNetwork(t, tt.model)
			tt.change(t, n)
			v := n.judge(t)
			if v.Pass || v.FirstBad == nil {
				t.Fatalf("passed: %v", v)
			}
			if v.FirstBad.Path != tt.bad {
				t.Errorf("first bad layer %s, want %s: %v", v.FirstBad.Path, tt.bad, v)
			}
		})
	}
}

// TestControlsStartFromAPass shows that it is the change that makes a control fail.
func TestControlsStartFromAPass(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: full-size networks take seconds")
	}
	for model := range archOf {
		t.Run(model, func(t *testing.T) {
			if v := newNetwork(t, model).judge(t); !v.Pass {
				t.Error(v)
			}
		})
	}
}

// A network is a graph and its weights, both free to be changed, with its golden.
type network struct {
	graph  nn.Graph
	values map[string][]float32
	golden *golden.Golden
}

func newNetwork(t *testing.T, model string) *network {
	t.Helper()
	f, err := backbone.ByName("cspnet")
	if err != nil {
		t.Fatal(err)
	}
	goldens, err := golden.Embedded(model)
	if err != nil || len(goldens) == 0 {
		t.Fatalf("goldens of %s: %v, %v", model, len(goldens), err)
	}
	n := &network{golden: goldens[0], values: make(map[string][]float32)}
	g, err := f.Graph(archOf[model], n.golden.K)
	if err != nil {
		t.Fatal(err)
	}
	n.graph = *g
	n.graph.Nodes = slices.Clone(g.Nodes)
	seed, ok := n.golden.Weights.Seed()
	if !ok {
		t.Fatalf("%s: weights %s are not synthetic", n.golden.Name, n.golden.Weights)
	}
	for _, p := range g.Params {
		if p.DType != tensor.F32 {
			continue
		}
		x, err := golden.SyntheticTensor(p.Name, p.DType, p.Shape, seed)
		if err != nil {
			t.Fatal(err)
		}
		if n.values[p.Name], err = x.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// judge computes the golden's input and compares logits and probes.
func (n *network) judge(t *testing.T) *golden.Verdict {
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
	var o engine.Options
	for _, p := range n.graph.Probes {
		o.Keep = append(o.Keep, p.Value)
	}
	plan, err := engine.Compile(bound, n.golden.Shape, o)
	if err != nil {
		t.Fatal(err)
	}
	input, err := n.golden.NetworkInput()
	if err != nil {
		t.Fatal(err)
	}
	s, logits := plan.NewSession(), make([]float32, len(n.golden.Logits))
	if err := s.Run(logits, input); err != nil {
		t.Fatal(err)
	}
	var probes []golden.ProbeValues
	for _, p := range n.graph.Probes {
		x, err := s.Value(p.Value)
		if err != nil {
			t.Fatal(err)
		}
		probes = append(probes, golden.ProbeValues{Path: p.Path, Values: golden.Probe(p.Path, x)})
	}
	v, err := n.golden.Judge(tensor.Highest, logits, probes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func withEps(op nn.Op) nn.Op {
	if bn, ok := op.(nn.BatchNorm); ok {
		bn.Eps = 1e-3
		return bn
	}
	return op
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

// actAfterAdd puts an activation behind the addition of a block.
func (n *network) actAfterAdd(t *testing.T, block string) {
	t.Helper()
	n.actAfter(n.find(t, block, "add"))
}

func (n *network) actAfterNorm(t *testing.T, path string) {
	t.Helper()
	n.actAfter(n.find(t, path, "batch_norm"))
}

// actAfter inserts an activation behind node i: it writes the value that everyone
// reads, and the node a new one.
func (n *network) actAfter(i int) {
	out := n.graph.Nodes[i].Out
	n.graph.Nodes[i].Out = n.graph.Values
	act := nn.Node{Path: n.graph.Nodes[i].Path, Op: nn.LeakyReLU(0.01), In: []int{n.graph.Values}, Out: out}
	n.graph.Values++
	n.graph.Nodes = slices.Insert(n.graph.Nodes, i+1, act)
}

// flip changes the sign of the largest element of a tensor: of a random one the change
// can be less than the tolerance.
func (n *network) flip(t *testing.T, name string) {
	t.Helper()
	v := n.values[name]
	if len(v) == 0 {
		t.Fatalf("no tensor %s", name)
	}
	at := 0
	for i, x := range v {
		if math.Abs(float64(x)) > math.Abs(float64(v[at])) {
			at = i
		}
	}
	v[at] = -v[at]
}
