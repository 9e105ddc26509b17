package converter

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// maxRelative writes nn.MaxRelative: nodes and the pixels that they have neighbours among as rows of channels,
// the least distances in order, and the largest of what they lead to. The mean of directions is taken away, as
// the engine does.
func (m *onnxModel) maxRelative(n nn.Node, o nn.MaxRelative) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	along := func(kind string, axis, keep int, x string) string {
		op := onnxNode{kind: kind, in: []string{x}}
		op.ints("axes", axis)
		op.int("keepdims", keep)
		return m.step(n.Path, op)
	}
	rows := func(i int) string { // (N,L,C)
		return m.step(n.Path, transpose(step("Reshape", m.values[n.In[i]], m.integers("zoo.rows", 0, 0, -1)), 0, 2, 1))
	}
	unit := func(x string) string {
		return step("Div", x, step("Max", along("ReduceL2", 2, 1, x), m.scalar("zoo.leastnorm", 1e-12)))
	}
	nodes, pixels := rows(0), rows(1)
	directions := unit(pixels)
	mean := along("ReduceMean", 1, 1, directions)
	directions = step("Sub", directions, mean)
	products := step("MatMul", step("Sub", unit(nodes), mean), m.step(n.Path, transpose(directions, 0, 2, 1))) // (N,L,M)
	squares := step("Unsqueeze", along("ReduceSumSquare", 2, 0, directions), m.index(1))
	distances := step("Sub", squares, step("Mul", products, m.scalar("zoo.scale2", 2)))
	if o.Table != "" {
		distances = step("Add", distances, m.weight(n.Params[0]))
	}
	least := onnxNode{kind: "TopK", in: []string{distances, m.index(o.Nearest())}, second: m.fresh(n.Path, "places")}
	least.int("largest", 0)
	m.step(n.Path, least)
	places := step("Slice", least.second, m.index(0), m.index(o.Nearest()), m.index(2), m.index(o.Dilation)) // (N,L,Neighbours)
	theirs := onnxNode{kind: "GatherND", in: []string{pixels, step("Unsqueeze", places, m.index(3))}}
	theirs.int("batch_dims", 1)
	above := step("Sub", along("ReduceMax", 2, 0, m.step(n.Path, theirs)), nodes)
	both := m.joined(n.Path, 3, step("Unsqueeze", nodes, m.index(3)), step("Unsqueeze", above, m.index(3)))
	both = m.step(n.Path, transpose(step("Reshape", both, m.integers(fmt.Sprintf("zoo.pairs%d", o.C), 0, -1, 2*o.C)), 0, 2, 1))
	grid := m.gridOf(n.Path, m.values[n.In[0]], m.forms[n.In[0]])
	return onnxNode{kind: "Reshape", in: []string{both, m.joined(n.Path, 0, m.integers("zoo.both", 0, 0), grid)}}
}
