package converter

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// channelAttention writes v softmax(Scale qT k)T of each head.
func (m *onnxModel) channelAttention(n nn.Node, o nn.ChannelAttention) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	heads := func(i int) string { // (N,Heads,C,L), a row for each channel
		shape := m.integers(fmt.Sprintf("zoo.heads%d", o.Heads), 0, 0, o.Heads, -1)
		x := m.step(n.Path, transpose(step("Reshape", m.values[n.In[i]], shape), 0, 2, 3, 1))
		if !o.Unit || i == 2 {
			return x
		}
		norm := onnxNode{kind: "ReduceL2", in: []string{x}}
		norm.ints("axes", -1)
		return step("Div", x, step("Max", m.step(n.Path, norm), m.scalar("zoo.leastnorm", 1e-12)))
	}
	scores := step("MatMul", heads(0), m.step(n.Path, transpose(heads(1), 0, 1, 3, 2)))
	if o.Scale != 1 {
		scores = step("Mul", scores, m.scalar(fmt.Sprint("zoo.scale", o.Scale), float32(o.Scale)))
	}
	if o.Temper != "" {
		scores = step("Mul", scores, m.weight(n.Params[0]))
	}
	share := onnxNode{kind: "Softmax", in: []string{scores}}
	share.int("axis", -1)
	sum := m.step(n.Path, transpose(step("MatMul", m.step(n.Path, share), heads(2)), 0, 3, 1, 2))
	return onnxNode{kind: "Reshape", in: []string{sum, m.integers("zoo.rows", 0, 0, -1)}}
}

// fourierPosition writes nn.FourierPosition of the size of x, (N,C,H,W).
func (m *onnxModel) fourierPosition(n nn.Node, o nn.FourierPosition, x string) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	float := func(x string) string {
		op := onnxNode{kind: "Cast", in: []string{x}}
		op.int("to", int(onnxTypes[tensor.F32]))
		return m.step(n.Path, op)
	}
	periods, even, odd := make([]float32, o.Hidden), make([]float32, o.Hidden), make([]float32, o.Hidden)
	for c := range periods {
		periods[c] = float32(math.Pow(o.Temperature, float64(c/2*2)/float64(o.Hidden)))
		even[c], odd[c] = float32(1-c%2), float32(c%2)
	}
	constant := func(name string, v []float32) string {
		return m.constant(fmt.Sprintf("zoo.%s%vof%d", name, o.Temperature, o.Hidden), tensor.FromFloat32s(tensor.Shape{o.Hidden}, v))
	}
	shape := step("Shape", x)
	size := m.joined(n.Path, 0, m.slice(n.Path, shape, 0, 0, 1), m.slice(n.Path, shape, 0, 2, 4), m.index(o.Hidden)) // (N,H,W,Hidden)
	var sides []string
	for _, axis := range []int{2, 3} {
		one := m.constant("zoo.at1", scalarInt(1))
		length := step("Squeeze", m.slice(n.Path, shape, 0, axis, axis+1))
		turn := step("Div", float(step("Range", one, step("Add", length, one), one)), step("Add", float(length), m.scalar("zoo.1e-6", 1e-6)))
		turn = step("Unsqueeze", step("Mul", turn, m.scalar("zoo.2pi", 2*math.Pi)), m.index(1))
		angle := step("Div", turn, constant("periods", periods))
		waves := step("Add", step("Mul", step("Sin", angle), constant("even", even)), step("Mul", step("Cos", angle), constant("odd", odd)))
		if axis == 2 {
			waves = step("Unsqueeze", waves, m.index(1)) // (H,1,Hidden)
		}
		sides = append(sides, step("Expand", waves, size))
	}
	return transpose(m.joined(n.Path, 3, sides...), 0, 3, 1, 2)
}
