package golden_test

import (
	"slices"
	"testing"

	"github.com/gozoo/zoo/nn"
)

// graphControls are those of pixels that learn from their nearest neighbours.
var graphControls = []control{
	{"no neighbour passed over", "pvig-tiny_3rdparty_in1k", func(_ *testing.T, n *network) {
		n.each("backbone", each(func(m *nn.MaxRelative) { m.Dilation = 1 }))
	}, "backbone.stages.2.1.0", unseen},
	{"one neighbour less", "pvig-tiny_3rdparty_in1k", func(_ *testing.T, n *network) {
		n.each("backbone.stages.1", each(func(m *nn.MaxRelative) { m.Neighbours-- }))
	}, "backbone.stages.1.1.0", unseen},
	{"table of positions left out", "pvig-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.1.2.0.relative_pos", 0)
	}, "backbone.stages.1.2.0", unseen},
	{"what neighbours have, not by how much more", "pvig-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		w := n.own(t, "backbone.stages.2.3.0.graph_conv.gconv.nn.0.weight")
		for c := 0; c < len(w); c += 2 { // w (m - x) + v x, where w m + v x is wanted
			w[c] += w[c+1]
		}
	}, "backbone.stages.2.3.0", unseen},
	{"differences behind all channels", "pvig-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		at := n.find(t, "backbone.stages.2.3.0", "max_relative")
		c := 2 * n.graph.Nodes[at].Op.(nn.MaxRelative).C
		n.after(at, nn.Shuffle{C: c, Groups: c / 2})
	}, "backbone.stages.2.3.0", late},
	{"one pixel of a square for the average", "pvig-tiny_3rdparty_in1k", func(_ *testing.T, n *network) {
		n.each("", each(func(p *nn.AvgPool) { p.K = 1 }))
	}, "backbone.stages.0.0.0", unseen},
	{"colours in the other order", "vig-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		w := n.own(t, "backbone.stem.0.weight")
		for ; len(w) > 0; w = w[27:] {
			copy(w, slices.Concat(w[18:27], w[9:18], w[:9]))
		}
	}, "backbone.stem", unseen},
	{"the farthest pixels for the nearest", "vig-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		at := n.find(t, "backbone.blocks.1.0", "max_relative")
		opposite := nn.Node{Op: nn.Scale{Factor: -1}, In: n.graph.Nodes[at].In[:1], Out: n.graph.Values}
		n.graph.Nodes[at].In = []int{n.graph.Values, n.graph.Nodes[at].In[1]}
		n.graph.Values++
		n.graph.Nodes = slices.Insert(n.graph.Nodes, at, opposite)
		w := n.own(t, "backbone.blocks.1.0.graph_conv.gconv.nn.0.weight")
		for c := 0; c < len(w); c += 2 { // of -x and m + x, where x and m - x are wanted
			w[c] = 2*w[c+1] - w[c]
		}
	}, "backbone.blocks.1.0", unseen},
	{"no neighbour passed over", "vig-tiny_3rdparty_in1k", func(_ *testing.T, n *network) {
		n.each("backbone", each(func(m *nn.MaxRelative) { m.Dilation = 1 }))
	}, "backbone.blocks.4.0", unseen},
	{"as many neighbours as in the first block", "vig-tiny_3rdparty_in1k", func(_ *testing.T, n *network) {
		n.each("backbone.blocks.9", each(func(m *nn.MaxRelative) { m.Neighbours = 9 }))
	}, "backbone.blocks.9.0", unseen},
}
