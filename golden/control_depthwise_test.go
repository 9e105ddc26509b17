package golden_test

import "testing"

// depthwiseControls are those of large depthwise convolutions.
var depthwiseControls = []control{
	{"small convolution left out", "replknet-31B_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.0.blocks.0.large_kernel.small_conv.bn.weight", 0)
		n.set(t, "backbone.stages.0.blocks.0.large_kernel.small_conv.bn.bias", 0)
	}, "backbone.stages.0.blocks.0", same},
	{"norm of the last stage left out", "replknet-31B_3rdparty_in1k", func(t *testing.T, n *network) {
		for name, x := range map[string]float32{"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1} {
			n.set(t, "backbone.stages.3.norm."+name, x)
		}
	}, "neck", same},
}
