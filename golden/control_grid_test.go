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
}
