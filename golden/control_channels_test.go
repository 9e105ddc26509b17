package golden_test

import (
	"slices"
	"testing"

	"github.com/gozoo/zoo/nn"
)

// channelControls are those of attention of channels, of positions in sines and cosines, and of a class
// token that comes late.
var channelControls = []control{
	{"channels of any length", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.xca_layers.3.", each(func(a *nn.ChannelAttention) { a.Unit, a.Scale = false, 1e-3 }))
	}, "backbone.xca_layers.3", unseen},
	{"temperature left out", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.xca_layers.3.attn.temperature", 1)
	}, "backbone.xca_layers.3", unseen},
	{"channels of one head for four", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.xca_layers.3.", each(func(a *nn.ChannelAttention) { a.Heads, a.Temper = 1, "" }))
	}, "backbone.xca_layers.3", late},
	{"queries and keys of channels swapped", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		at := n.find(t, "backbone.xca_layers.3.attn", "channel_attention")
		in := n.graph.Nodes[at].In
		n.graph.Nodes[at].In = []int{in[1], in[0], in[2]}
	}, "backbone.xca_layers.3", unseen},
	{"local interaction last", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		a, b := "backbone.xca_layers.3.norm2.", "backbone.xca_layers.3.norm3."
		for _, name := range []string{"weight", "bias"} {
			n.values[a+name], n.values[b+name] = n.values[b+name], n.values[a+name]
		}
	}, "backbone.xca_layers.3", same},
	{"a temperature of 1000 in positions", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone", each(func(f *nn.FourierPosition) { f.Temperature = 1000 }))
	}, "backbone.pos_embed", same},
	{"columns before rows", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		w := n.own(t, "backbone.pos_embed.token_projection.conv.weight")
		for ; len(w) > 0; w = w[64:] {
			copy(w, slices.Concat(w[32:64], w[:32]))
		}
	}, "backbone.pos_embed", same},
	{"patches as they are, not their norms, beside the class token", "xcit-nano-12-p8_3rdparty_in1k", func(t *testing.T, n *network) {
		n.imageBefore(t, "backbone.ca_layers.0.norm1")
	}, "backbone.ca_layers.0", same},
	{"patches doubled without their norm", "xcit-tiny-12-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.imageBefore(t, "backbone.ca_layers.0.norm2")
	}, "backbone.ca_layers.0", same},
	{"class token classified without attention", "xcit-tiny-12-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.ca_layers.1.gamma1", 0)
	}, "backbone.ca_layers.1", same},
	{"runs of channels joined in the other order", "edgenext-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone.stages.1.1")
	}, "backbone.stages.1.1", same},
	{"a temperature of 1000 in positions", "edgenext-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.1", each(func(f *nn.FourierPosition) { f.Temperature = 1000 }))
	}, "backbone.stages.1.1", unseen},
	{"factors of heads left out", "edgenext-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.2.5.csa.scale", 1)
	}, "backbone.stages.2.5", unseen},
	{"the run before not added", "edgenext-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		conv := n.graph.Nodes[n.find(t, "backbone.stages.2.5.conv_modules.1", "conv")]
		for i := range n.graph.Nodes {
			if node := &n.graph.Nodes[i]; node.Out == conv.In[0] { // the addition
				node.In = []int{node.In[1], node.In[1]}
			}
		}
	}, "backbone.stages.2.5", same},
}
