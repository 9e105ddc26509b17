package converter

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// rotary writes nn.Rotary's formula: x times cosines, plus x with its pairs turned by a right angle, which
// is a product with a matrix, times sines.
func (m *onnxModel) rotary(n nn.Node, o nn.Rotary, x string) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	pixels := x
	if o.Extra > 0 {
		pixels = m.slice(n.Path, x, 1, o.Extra, math.MaxInt32)
	}
	heads := step("Reshape", pixels, m.integers(fmt.Sprintf("zoo.heads_of%d", o.Dim), 0, 0, -1, o.Dim)) // (N,L,heads,Dim)
	right := make([]float32, o.Dim*o.Dim)
	for c := 1; c < o.Dim; c += 2 {
		right[c*o.Dim+c-1], right[(c-1)*o.Dim+c] = -1, 1
	}
	turned := step("MatMul", heads, m.constant(fmt.Sprintf("zoo.right%d", o.Dim), tensor.FromFloat32s(tensor.Shape{o.Dim, o.Dim}, right)))
	axis := m.integers("zoo.axis1", 1) // of heads
	cos, sin := step("Unsqueeze", m.weight(n.Params[0]), axis), step("Unsqueeze", m.weight(n.Params[1]), axis)
	sum := step("Add", step("Mul", heads, cos), step("Mul", turned, sin))
	rows := onnxNode{kind: "Reshape", in: []string{sum, m.integers("zoo.rows", 0, 0, -1)}}
	if o.Extra == 0 {
		return rows
	}
	op := onnxNode{kind: "Concat", in: []string{m.slice(n.Path, x, 1, 0, o.Extra), m.step(n.Path, rows)}}
	op.int("axis", 1)
	return op
}
