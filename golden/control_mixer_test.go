package golden_test

import (
	"slices"
	"testing"

	"github.com/gozoo/zoo/nn"
)

// mixerControls are those of networks that mix pixels by layers over whole channels, or by large filters of each.
var mixerControls = []control{
	// RepMLP: sets of channels, what is beside a layer over whole channels, and factors.
	{"weights of the next set", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		const set = 28 * 28 * 28 * 28
		w := n.own(t, "backbone.stages.1.0.repmlp_block.fc3.weight") // (4*784,784,1,1)
		first := slices.Clone(w[:set])
		copy(w, w[set:])
		copy(w[len(w)-set:], first)
	}, "backbone.stages.1.0", same},
	{"pixels that are made exchanged with those they are made of", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		const pixels = 14 * 14
		w := n.own(t, "backbone.stages.2.0.repmlp_block.fc3.weight") // (32*196,196,1,1)
		for ; len(w) > 0; w = w[pixels*pixels:] {
			for i := range pixels {
				for j := range i {
					w[i*pixels+j], w[j*pixels+i] = w[j*pixels+i], w[i*pixels+j]
				}
			}
		}
	}, "backbone.stages.2.0", same},
	{"convolutions left out", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.3.0.repmlp_block.repconv3.conv.weight", 0)
	}, "backbone.stages.3.0", late},
	{"rows for columns in convolutions", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		w := n.own(t, "backbone.stages.2.1.repmlp_block.repconv3.conv.weight") // (32,1,3,3)
		for ; len(w) > 0; w = w[9:] {
			w[1], w[2], w[5], w[3], w[6], w[7] = w[3], w[6], w[7], w[1], w[2], w[5]
		}
	}, "backbone.stages.2.1", late},
	{"factors of what is not normed", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		norm := n.graph.Nodes[n.find(t, "backbone.stages.1.1.norm1", "batch_norm")]
		n.graph.Nodes[n.find(t, "backbone.stages.1.1.repmlp_block.gp.global_avgpool", "adaptive_avg_pool2d")].In = norm.In
	}, "backbone.stages.1.1", unseen},
	{"no activation after patches", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		n.swapAct(t, "backbone.patch_embed.relu", nn.ReLU(), nn.LeakyReLU(1))
	}, "backbone.stages.0.0", same},
	{"no norm at the end", "repmlp-base_3rdparty_8xb64_in1k", func(t *testing.T, n *network) {
		n.graph.Nodes[n.find(t, "neck.gap", "adaptive_avg_pool2d")].In = n.graph.Nodes[n.find(t, "backbone.final_norm", "batch_norm")].In
	}, "neck", same},

	// ConvMixer: activations, and what norms follow.
	{"GELU for ReLU", "convmixer-768-32_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.ReLU(), nn.GELU()))
	}, "backbone.stem", late},
	{"GELU by tanh", "convmixer-1024-20_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.GELU(), nn.GELUTanh()))
	}, "backbone.stages.1", unseen},
	{"norm before activation", "convmixer-1024-20_3rdparty_in1k", func(t *testing.T, n *network) {
		act, norm := n.find(t, "backbone.stages.3.0.fn.1", "gelu"), n.find(t, "backbone.stages.3.0.fn.2", "batch_norm")
		a, b := &n.graph.Nodes[act], &n.graph.Nodes[norm]
		*a, *b = nn.Node{Path: b.Path, Op: b.Op, Params: b.Params, In: a.In, Out: a.Out}, nn.Node{Path: a.Path, Op: a.Op, In: b.In, Out: b.Out}
	}, "backbone.stages.3", late},
	{"nothing added", "convmixer-768-32_3rdparty_in1k", func(t *testing.T, n *network) {
		norm := n.graph.Nodes[n.find(t, "backbone.stages.3.0.fn.2", "batch_norm")]
		n.graph.Nodes[n.find(t, "backbone.stages.3.1", "conv")].In = []int{norm.Out}
	}, "backbone.stages.3", same},
	{"border at one corner", "convmixer-1024-20_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.5.0.fn.0", each(func(c *nn.Conv) { c.Pad = nn.Padding{Corner: true} }))
	}, "backbone.stages.5", same},
}
