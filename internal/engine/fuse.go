package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// A unit is what one step computes: an operator, and those that follow it and are
// done in the same pass over its output.
type unit struct {
	node     nn.Node
	path     string   // module path, for messages
	bn       *nn.Node // batch norm, layer scale, or scale
	act      *nn.Act
	actLast  bool // act follows the addition of residual
	residual int  // value added to the output; -1 for none
	out      int  // value written, after everything that was fused
}

// fuse groups the nodes of g into units. What scales channels is absorbed by the convolution or
// linear layer before it when nobody else reads what lies between, and it is not to be
// kept; so are an activation and the addition of another value by these and by
// whatever scales channels.
func fuse(g *nn.Graph, keep map[int]bool) []unit {
	f := fuser{graph: g, keep: keep, readers: make([][]int, g.Values), absorbed: make([]bool, len(g.Nodes)), ready: make([]bool, g.Values)}
	for i, n := range g.Nodes {
		for _, v := range n.In {
			f.readers[v] = append(f.readers[v], i)
		}
	}
	f.ready[0] = true
	var units []unit
	for i := range g.Nodes {
		if f.absorbed[i] {
			continue
		}
		u := f.unit(i)
		f.ready[u.out] = true
		units = append(units, u)
	}
	return units
}

type fuser struct {
	graph    *nn.Graph
	keep     map[int]bool
	readers  [][]int // nodes that read each value
	absorbed []bool
	ready    []bool // values that the units made so far compute
}

func (f *fuser) unit(i int) unit {
	n := f.graph.Nodes[i]
	u := unit{node: n, path: n.Path, residual: -1, out: n.Out}
	switch n.Op.(type) {
	case nn.Conv, nn.Linear, nn.BatchNorm, nn.GroupNorm, nn.LayerScale, nn.Scale, nn.Mul:
	case nn.Add:
		u.residual = n.In[1]
	default:
		return u
	}
	for {
		next, ok := f.follower(u.out)
		if !ok {
			return u
		}
		node := &f.graph.Nodes[next]
		switch op := node.Op.(type) {
		case nn.BatchNorm, nn.LayerScale, nn.Scale:
			if !folds(n.Op) || u.bn != nil || u.act != nil || u.residual >= 0 {
				return u
			}
			u.bn = node
		case nn.Act:
			if !known(op) || u.act != nil {
				return u
			}
			u.act, u.actLast = &op, u.residual >= 0
		case nn.Add:
			other := node.In[0]
			if other == u.out {
				other = node.In[1]
			}
			if u.residual >= 0 || other == u.out || !f.ready[other] || curved(u.act) {
				return u
			}
			u.residual = other
		default:
			return u
		}
		f.absorbed[next] = true
		u.out = node.Out
	}
}

// folds reports whether weights of an operator can take in those of a batch norm.
func folds(op nn.Op) bool {
	switch op.(type) {
	case nn.Conv, nn.Linear, nn.GroupNorm:
		return true
	}
	return false
}

// curved reports whether an activation is applied to what a step has written, so that
// nothing can come after it.
func curved(a *nn.Act) bool { return a != nil && curves[a.Func] != kernel.NoCurve }

// follower returns the only reader of a value that need not exist by itself.
func (f *fuser) follower(v int) (int, bool) {
	if f.keep[v] || v == f.graph.Logits || len(f.readers[v]) != 1 {
		return 0, false
	}
	return f.readers[v][0], true
}
