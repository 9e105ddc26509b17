package converter

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
)

// node adds an operator of the graph.
func (m *onnxModel) node(n nn.Node) error {
	in := make([]string, len(n.In))
	for i, v := range n.In {
		in[i] = m.values[v]
	}
	if act, ok := n.Op.(nn.Act); ok {
		return m.activation(act, n.Path, in[0], m.values[n.Out])
	}
	op := onnxNode{in: in, out: m.values[n.Out]}
	weights := len(n.Params)
	switch o := n.Op.(type) {
	case nn.Conv:
		op.kind = "Conv"
		op.ints("kernel_shape", o.KH, o.KW)
		op.ints("strides", o.StrideH, o.StrideW)
		op.int("group", o.Groups)
		if o.Pad.Same {
			op.text("auto_pad", "SAME_UPPER") // the extra row and column come last
		} else {
			op.ints("pads", o.Pad.H, o.Pad.W, o.Pad.H, o.Pad.W)
		}
	case nn.MaxPool:
		op.kind = "MaxPool"
		op.window(o.K, o.Stride, o.Pad)
	case nn.AvgPool:
		op.kind = "AveragePool"
		op.window(o.K, o.Stride, o.Pad)
		op.flag("ceil_mode", o.Ceil)
		op.flag("count_include_pad", o.CountPad)
	case nn.BatchNorm:
		op.kind = "BatchNormalization"
		op.float("epsilon", float32(o.Eps))
		weights = 4 // not the counter
	case nn.GlobalAvgPool:
		op.kind = "GlobalAveragePool"
	case nn.Flatten:
		op.kind = "Flatten"
	case nn.Linear:
		op.kind = "Gemm"
		op.int("transB", 1)
	case nn.Add:
		op.kind = "Add"
	case nn.Mul:
		op.kind = "Mul"
	case nn.Concat:
		op.kind = "Concat"
		op.int("axis", 1)
	case nn.Upsample:
		op.kind = "Resize"
		op.text("coordinate_transformation_mode", "asymmetric")
		op.text("mode", "nearest")
		op.text("nearest_mode", "floor")
		op.in = append(op.in, "", m.scales(o.Scale))
	case nn.Slice:
		op.kind = "Slice"
		op.in = append(op.in, m.index(o.From), m.index(o.To), m.index(1))
	default:
		return fmt.Errorf("ONNX has no counterpart")
	}
	for _, i := range n.Params[:weights] {
		op.in = append(op.in, m.weight(i))
	}
	m.add(op)
	return nil
}

// activation adds an activation function of x, of several operators where the
// operator set has none.
func (m *onnxModel) activation(a nn.Act, path, x, out string) error {
	op := onnxNode{in: []string{x}, out: out}
	step := func(kind string, in ...string) string {
		s := onnxNode{kind: kind, in: in, out: m.fresh(path, kind)}
		m.add(s)
		return s.out
	}
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
	default:
		return fmt.Errorf("ONNX has no counterpart")
	}
	m.add(op)
	return nil
}
