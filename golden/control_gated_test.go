package golden_test

import (
	"testing"

	"github.com/gozoo/zoo/nn"
)

// gatedControls are those of networks in which what convolutions make of pixels is multiplied by pixels.
var gatedControls = []control{
	{"pixels of a window that touch", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.blocks2.1.attn", each(func(c *nn.Conv) {
			if c.Dilation > 1 {
				c.Dilation, c.Pad = 0, nn.Padding{H: c.KH / 2, W: c.KW / 2}
			}
		}))
	}, "backbone.blocks2.1", same},
	{"what a norm makes not added", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.blocks1.2.attn", "add", 0)
	}, "backbone.blocks1.2", same},
	{"no product of pixels", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.blocks3.0.attn.spatial_gating_unit", "mul", 1)
	}, "backbone.blocks3.0", unseen},
	{"layer scale left out", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.blocks1.0.layer_scale_1", 1)
	}, "backbone.blocks1.0", same},
	{"no convolution in a feed-forward network", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.blocks4.1.mlp.dwconv.weight", 0)
	}, "backbone.blocks4.1", same},
	{"no norm after a stage", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.norm2", "layer_norm", 0)
	}, "backbone.blocks3.0", same},
}

// only puts one of an operator's inputs in the place of what it computes.
func (n *network) only(t *testing.T, path, kind string, input int) {
	t.Helper()
	node := &n.graph.Nodes[n.find(t, path, kind)]
	*node = nn.Node{Path: node.Path, Op: nn.Scale{Factor: 1}, In: node.In[input:][:1], Out: node.Out}
}
