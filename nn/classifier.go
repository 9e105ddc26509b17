package nn

import "slices"

// Classifiers returns the nodes whose sum or mean the logits are, in the order in which they
// run: one Linear as a rule, several in networks that have a head for each of several feature
// vectors. The weight of each has one row per class. It is empty where the graph does not end
// in them.
func (g *Graph) Classifiers() []Node {
	if g.NoClassifier {
		return nil
	}
	made := make(map[int]Node, len(g.Nodes))
	for _, n := range g.Nodes {
		made[n.Out] = n
	}
	var all []Node
	for rest := []int{g.Logits}; len(rest) > 0; rest = rest[1:] {
		n, ok := made[rest[0]]
		if !ok {
			return nil
		}
		switch n.Op.(type) {
		case Linear:
			all = append(all, n)
		case Add, Scale:
			rest = append(rest, n.In...)
		default:
			return nil
		}
	}
	slices.SortFunc(all, func(a, b Node) int { return a.Out - b.Out })
	return all
}

// NumClasses returns the rows of the classifiers, or 0 when the graph does not end in any.
func (g *Graph) NumClasses() int {
	all := g.Classifiers()
	if len(all) == 0 {
		return 0
	}
	return all[0].Op.(Linear).Out
}

// WithoutClassifier returns the graph up to its features, which wants no tensors of what lies
// behind them. Several features lie side by side in its output. A graph that does not end in
// classifiers is returned as it is.
func (g *Graph) WithoutClassifier() *Graph {
	if len(g.Classifiers()) == 0 {
		return g
	}
	out := *g
	out.NoClassifier = true
	behind, dropped := g.BehindFeatures(), make(map[int]bool)
	for _, n := range g.Nodes {
		for _, p := range n.Params {
			dropped[p] = behind[n.Out]
		}
	}
	at := make(map[int]int, len(g.Params)) // of each tensor that is left
	out.Params, out.Nodes = nil, nil
	for i, p := range g.Params {
		if !dropped[i] {
			at[i] = len(out.Params)
			out.Params = append(out.Params, p)
		}
	}
	for _, n := range g.Nodes {
		if behind[n.Out] {
			continue
		}
		params := make([]int, len(n.Params))
		for i, p := range n.Params {
			params[i] = at[p]
		}
		n.Params = params
		out.Nodes = append(out.Nodes, n)
	}
	out.Probes = slices.DeleteFunc(slices.Clone(g.Probes), func(p Probe) bool { return behind[p.Value] })
	if out.Logits = g.Features[0]; len(g.Features) > 1 {
		out.Logits = g.Values
		out.Values++
		out.Nodes = append(out.Nodes, Node{Op: Concat{}, In: g.Features, Out: out.Logits})
	}
	return &out
}

// BehindFeatures tells of each value whether it lies between the features and the logits: it is
// computed from features, and none of them from it.
func (g *Graph) BehindFeatures() []bool {
	needed := make([]bool, g.Values) // by the features
	for _, v := range g.Features {
		needed[v] = true
	}
	for _, n := range slices.Backward(g.Nodes) {
		for _, v := range n.In {
			needed[v] = needed[v] || needed[n.Out]
		}
	}
	behind := make([]bool, g.Values)
	for _, n := range g.Nodes {
		from := func(v int) bool { return behind[v] || slices.Contains(g.Features, v) }
		behind[n.Out] = !needed[n.Out] && slices.ContainsFunc(n.In, from)
	}
	return behind
}
