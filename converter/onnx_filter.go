package converter

import (
	"math"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// globalFilter writes nn.GlobalFilter with transforms that are products of matrices, which are made of H and W, so that
// these stay free: ONNX's DFT takes nothing back from half a spectrum. Of complex numbers it has real parts, and
// imaginary ones with the sign that saves a step.
func (m *onnxModel) globalFilter(n nn.Node, o nn.GlobalFilter, x string) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	sum := func(kind, a, b, c, d string) string { return step(kind, step("MatMul", a, b), step("MatMul", c, d)) }
	product := func(kind, a, b, c, d string) string { return step(kind, step("Mul", a, b), step("Mul", c, d)) }
	float := func(x string) string { return m.cast(n.Path, x, tensor.F32) }
	count := func(to string) string { // 0 to one less
		return step("Range", m.constant("zoo.at0", scalarInt(0)), to, m.constant("zoo.at1", scalarInt(1)))
	}
	shape := step("Shape", x)
	h, w := step("Squeeze", m.slice(n.Path, shape, 0, 2, 3)), step("Squeeze", m.slice(n.Path, shape, 0, 3, 4))
	columns := step("Add", step("Div", w, m.constant("zoo.at2", scalarInt(2))), m.constant("zoo.at1", scalarInt(1)))
	turns := func(rows, columns, of string) (cos, sin string) {
		part := step("Mod", step("Mul", step("Unsqueeze", count(rows), m.index(1)), count(columns)), of)
		angle := step("Div", step("Mul", float(part), m.scalar("zoo.2pi", 2*math.Pi)), float(of))
		return step("Cos", angle), step("Sin", angle)
	}
	rowCos, rowSin := turns(w, columns, w)
	cos, sin := turns(h, h, h)
	size := m.joined(n.Path, 0, step("Unsqueeze", h, m.index(0)), step("Unsqueeze", columns, m.index(0)))
	filter := m.step(n.Path, transpose(m.weight(n.Params[0]), 3, 0, 1, 2)) // (2,C,Rows,Columns)
	filter = m.step(n.Path, m.resized(n.Path, filter, size, "align_corners"))
	real := step("Gather", filter, m.constant("zoo.at0", scalarInt(0)))
	imag := step("Gather", filter, m.constant("zoo.at1", scalarInt(1)))

	a, b := step("MatMul", x, rowCos), step("MatMul", x, rowSin)
	a, b = sum("Sub", cos, a, sin, b), sum("Add", cos, b, sin, a) // the spectrum, with minus imaginary parts
	a, b = product("Add", a, real, b, imag), product("Sub", a, imag, b, real)
	a, b = sum("Sub", cos, a, sin, b), sum("Add", cos, b, sin, a)

	// A column counts twice, for its mirror image which is left out, unless it is its own.
	double := step("Mod", step("Mul", count(columns), m.constant("zoo.at2", scalarInt(2))), w)
	own := float(step("Equal", double, m.constant("zoo.at0", scalarInt(0))))
	share := step("Div", step("Sub", m.scalar("zoo.2", 2), own), float(step("Mul", h, w)))
	back := func(x string) string { return m.step(n.Path, transpose(x, 1, 0)) }
	a, b = step("Mul", a, share), step("Mul", b, share)
	return onnxNode{kind: "Sub", in: []string{step("MatMul", a, back(rowCos)), step("MatMul", b, back(rowSin))}}
}
