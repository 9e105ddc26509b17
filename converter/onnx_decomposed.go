package converter

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// decomposed returns the terms that nn.DecomposedAttention adds to scores, (N,Heads,L,M).
func (m *onnxModel) decomposed(n nn.Node, o nn.DecomposedAttention) string {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	permuted := func(x string, axes ...int) string { return m.step(n.Path, transpose(x, axes...)) }
	grid := m.forms[n.In[0]].grid
	shape := m.joined(n.Path, 0, m.index(0), grid, m.integers(fmt.Sprintf("zoo.heads%dx%d", o.Heads, o.C), o.Heads, o.C))
	q := step("Reshape", m.values[n.In[0]], shape) // (N,H,W,Heads,C)
	var vectors [2]string                          // transposed, of queries of a row, and of a column
	for side := range vectors {
		vectors[side] = permuted(m.apart(n, o, side), 0, 2, 1) // (H,C,keys)
	}
	rows := step("MatMul", permuted(q, 0, 3, 1, 2, 4), vectors[0]) // (N,Heads,H,W,rows of keys)
	columns := step("MatMul", permuted(q, 0, 3, 2, 1, 4), vectors[1])
	columns = permuted(columns, 0, 1, 3, 2, 4)
	terms := step("Add", step("Unsqueeze", rows, m.index(5)), step("Unsqueeze", columns, m.index(4)))
	return step("Reshape", terms, m.joined(n.Path, 0, m.integers("zoo.both", 0, 0), step("ReduceProd", grid), m.index(-1)))
}

// apart returns the vectors (queries,keys,C) of how far queries and keys are apart along a side, 0 of
// rows and 1 of columns.
func (m *onnxModel) apart(n nn.Node, o nn.DecomposedAttention, side int) string {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	cast := func(x string, to tensor.DType) string {
		op := onnxNode{kind: "Cast", in: []string{x}}
		op.int("to", int(onnxTypes[to]))
		return m.step(n.Path, op)
	}
	one := m.index(1)
	queries := m.slice(n.Path, m.forms[n.In[0]].grid, 0, side, side+1)
	keys := m.slice(n.Path, m.forms[n.In[1]].grid, 0, side, side+1)
	longer := step("Max", queries, keys)

	size := m.joined(n.Path, 0, one, one, step("Sub", step("Add", longer, longer), one), m.integers(fmt.Sprintf("zoo.channels%d", o.C), o.C))
	table := step("Reshape", m.weight(n.Params[side]), m.integers(fmt.Sprintf("zoo.table%d", o.C), 1, 1, -1, o.C))
	resize := onnxNode{kind: "Resize", in: []string{table, "", "", size}}
	resize.text("mode", "linear")
	resize.text("coordinate_transformation_mode", "half_pixel")
	table = step("Reshape", m.step(n.Path, resize), m.integers(fmt.Sprintf("zoo.vectors%d", o.C), -1, o.C))

	stretch := func(length string) string { return step("Div", cast(longer, tensor.F64), cast(length, tensor.F64)) }
	places := func(length, by string) string {
		scalar := step("Squeeze", length)
		from, each := m.constant("zoo.at0", scalarInt(0)), m.constant("zoo.at1", scalarInt(1))
		return step("Mul", cast(step("Range", from, scalar, each), tensor.F32), cast(by, tensor.F32))
	}
	perKey := stretch(keys)
	last := cast(step("Mul", cast(step("Sub", keys, one), tensor.F64), perKey), tensor.F32)
	from := step("Unsqueeze", places(queries, stretch(queries)), one)
	at := step("Add", step("Sub", from, places(keys, perKey)), last)
	return step("Gather", table, cast(at, tensor.I64))
}
