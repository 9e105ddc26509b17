package converter

import (
	"fmt"
	"math"
	"slices"

	"github.com/gozoo/zoo/nn"
)

// Operators that are several of ONNX's. Each function adds all but the last one, and
// returns that without the name of its output.

// step adds an operator inside a module, and returns the name of its output.
func (m *onnxModel) step(path string, op onnxNode) string {
	op.out = m.fresh(path, op.kind)
	m.add(op)
	return op.out
}

// activation applies an activation function to x.
func (m *onnxModel) activation(a nn.Act, path, x string) (onnxNode, error) {
	op := onnxNode{in: []string{x}}
	step := func(kind string, in ...string) string { return m.step(path, onnxNode{kind: kind, in: in}) }
	switch a.Func {
	case nn.FuncLeakyReLU:
		op.kind = "LeakyRelu"
		op.float("alpha", a.Slope)
	case nn.FuncReLU:
		op.kind = "Relu"
	case nn.FuncReLU6:
		op.kind = "Clip"
		op.in = append(op.in, m.scalar("zoo.0", 0), m.scalar("zoo.6", 6))
	case nn.FuncSigmoid:
		op.kind = "Sigmoid"
	case nn.FuncHardSigmoid:
		op.kind = "HardSigmoid"
		op.float("alpha", 1./6)
		op.float("beta", 0.5)
	case nn.FuncSiLU:
		op.kind = "Mul"
		op.in = append(op.in, step("Sigmoid", x))
	case nn.FuncHardSwish:
		op.kind = "HardSwish"
	case nn.FuncGELU: // an operator of its own from set 20 on
		share := step("Erf", step("Mul", x, m.scalar("zoo.1_sqrt2", float32(1/math.Sqrt2))))
		share = step("Mul", step("Add", share, m.scalar("zoo.1", 1)), m.scalar("zoo.0_5", 0.5))
		op.kind = "Mul"
		op.in = append(op.in, share)
	case nn.FuncQuickGELU:
		op.kind = "Mul"
		op.in = append(op.in, step("Sigmoid", step("Mul", x, m.scalar("zoo.1_702", 1.702))))
	case nn.FuncGELUTanh: // 1 plus a tangent is twice a sigmoid
		square := step("Mul", step("Mul", x, x), m.scalar("zoo.0_044715", 0.044715))
		y := step("Mul", step("Add", square, m.scalar("zoo.1", 1)), step("Mul", x, m.scalar("zoo.sqrt8_pi", float32(math.Sqrt(8/math.Pi)))))
		op.kind = "Mul"
		op.in = append(op.in, step("Sigmoid", y))
	case nn.FuncTanh:
		op.kind = "Tanh"
	default:
		return op, fmt.Errorf("ONNX has no counterpart")
	}
	return op, nil
}

// layerNorm normalises the channels of x, which ONNX has to find in the last axis.
func (m *onnxModel) layerNorm(n nn.Node, o nn.LayerNorm, x string) onnxNode {
	op := onnxNode{kind: "LayerNormalization", in: []string{x, m.weight(n.Params[0]), m.weight(n.Params[1])}}
	op.float("epsilon", float32(o.Eps))
	form := m.forms[n.In[0]]
	image := !form.flat && !form.tokens
	if image {
		op.in[0] = m.step(n.Path, transpose(x, 0, 2, 3, 1)) // (N,H,W,C)
	}
	if o.Runs > 1 {
		op = m.inRuns(n.Path, op, form, o.Runs)
	}
	if image {
		return transpose(m.step(n.Path, op), 0, 3, 1, 2)
	}
	return op
}

// inRuns applies an operator on the last axis, that of channels, to each of some runs of them.
func (m *onnxModel) inRuns(path string, op onnxNode, form onnxForm, runs int) onnxNode {
	kept := make([]int, 3) // axes before the last
	switch {
	case form.flat:
		kept = kept[:1]
	case form.tokens:
		kept = kept[:2]
	}
	shape := func(name string, last ...int) string {
		return m.integers(fmt.Sprintf("zoo.%s%d", name, len(kept)), append(slices.Clone(kept), last...)...)
	}
	op.in[0] = m.step(path, onnxNode{kind: "Reshape", in: []string{op.in[0], shape(fmt.Sprintf("runs%dof", runs), runs, -1)}})
	return onnxNode{kind: "Reshape", in: []string{m.step(path, op), shape("all", -1)}}
}

// batchNorm returns the names of a batch norm's tensors.
func (m *onnxModel) batchNorm(n nn.Node, o nn.BatchNorm) (names []string) {
	if c := o.C * max(o.Runs, 1); o.Plain {
		names = []string{m.filled("zoo.ones", c, 1), m.filled("zoo.zeros", c, 0)}
	}
	params := n.Params[:len(n.Params)-1] // not the counter
	if o.Runs > 1 {
		return append(names, m.repeated(n, params, o.Runs)...)
	}
	for _, p := range params {
		names = append(names, m.weight(p))
	}
	return names
}

// repeated returns the names of some of an operator's tensors, those of one run of channels, as often as
// there are runs.
func (m *onnxModel) repeated(n nn.Node, params []int, runs int) []string {
	var names []string
	for _, p := range params {
		times := []int{runs, 1, 1, 1}[:len(m.graph.Params[p].Shape)]
		repeats := m.integers(fmt.Sprintf("zoo.repeat%dx%d", runs, len(times)), times...)
		names = append(names, m.step(n.Path, onnxNode{kind: "Tile", in: []string{m.weight(p), repeats}}))
	}
	return names
}

func transpose(x string, axes ...int) onnxNode {
	op := onnxNode{kind: "Transpose", in: []string{x}}
	op.ints("perm", axes...)
	return op
}

// groupNorm normalises all of x, (N,C,H,W), as a single channel: ONNX's operators of that name came later.
func (m *onnxModel) groupNorm(n nn.Node, o nn.GroupNorm, x string) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	one := step("Reshape", x, m.integers("zoo.one", 0, 1, -1)) // (N,1,C*H*W)
	norm := onnxNode{kind: "InstanceNormalization", in: []string{one, m.filled("zoo.ones", 1, 1), m.filled("zoo.zeros", 1, 0)}}
	norm.float("epsilon", float32(o.Eps))
	y := step("Reshape", m.step(n.Path, norm), step("Shape", x))
	return onnxNode{kind: "Add", in: []string{step("Mul", y, m.expanded(n, 0, 1)), m.expanded(n, 1, 1)}}
}

// responseNorm writes nn.ResponseNorm's formula, of x (N,C,H,W).
func (m *onnxModel) responseNorm(n nn.Node, o nn.ResponseNorm, x string) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	reduce := func(kind, x string, axes ...int) string {
		op := onnxNode{kind: kind, in: []string{x}}
		op.ints("axes", axes...)
		return m.step(n.Path, op)
	}
	norm := reduce("ReduceL2", x, 2, 3)   // (N,C,1,1)
	mean := reduce("ReduceMean", norm, 1) // (N,1,1,1)
	eps := m.scalar(fmt.Sprint("zoo.eps", o.Eps), float32(o.Eps))
	share := step("Div", norm, step("Add", mean, eps))
	scaled := step("Mul", step("Mul", x, share), m.expanded(n, 0, 1))
	return onnxNode{kind: "Add", in: []string{step("Add", scaled, m.expanded(n, 1, 1)), x}}
}

// expanded returns the name of the module's i-th tensor with two axes of length 1, the
// first at the given place: a factor of each channel (C,1,1), or a kernel (Out,In,1,1).
func (m *onnxModel) expanded(n nn.Node, i, at int) string {
	axes := m.integers(fmt.Sprintf("zoo.axes%d_%d", at, at+1), at, at+1)
	return m.step(n.Path, onnxNode{kind: "Unsqueeze", in: []string{m.weight(n.Params[i]), axes}})
}
