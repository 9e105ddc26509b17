package golden_test

import (
	"testing"

	"github.com/gozoo/zoo/nn"
)

// gridControls are those of attention among pixels that lie apart, and of networks with windows that are
// not shifted.
var gridControls = []control{
	{"pixels that touch attend to each other", "mobilevit-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.2.1.", each(func(a *nn.Attention) { a.Window.Grid = false }))
	}, "backbone.layers.2.1", same},
	{"all pixels attend to each other", "mobilevit-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.4.1.", each(func(a *nn.Attention) { a.Window = nn.Window{} }))
	}, "backbone.layers.4.1", same},
	{"what attention made joined first", "mobilevit-xxsmall_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone.layers.2.1")
	}, "backbone.layers.2.1", same},
	{"windows shifted", "mixmim-base_mixmim-pre_8xb128-coslr-100e_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.0.blocks.1.", each(func(a *nn.Attention) { a.Window.Shift, a.Window.Hide = 7, -100 }))
	}, "backbone.layers.0.blocks.1", same},
	{"bias transposed", "mixmim-base_mixmim-pre_8xb128-coslr-100e_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.1.blocks.0.", each(func(a *nn.Attention) { a.Bias.By = transposed{a.Bias.By} }))
	}, "backbone.layers.1.blocks.0", unseen},
	{"patches merged row by row", "hivit-tiny-p16_16xb64_in1k", func(t *testing.T, n *network) {
		cat := &n.graph.Nodes[n.find(t, "backbone.blocks.2", "cat")]
		cat.In = []int{cat.In[0], cat.In[2], cat.In[1], cat.In[3]}
	}, "backbone.blocks.2", same},
	{"bias left out", "hivit-tiny-p16_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.blocks.8.", each(func(a *nn.Attention) { a.Bias.By = nil }))
	}, "backbone.blocks.8", unseen},
}
