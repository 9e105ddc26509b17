package engine

import "github.com/gozoo/zoo/nn"

// splitAfter is how many layers are not computed with split numbers that could be, the
// first ones. Those err by 4.5e-6 of what they compute, root mean square, and what errs
// early passes through all that follows: of CSPDarknet50 with four synthetic weights, where
// 1e-4 of the largest value is allowed, the worst errs by 1.1e-4 and more with all layers
// split, by 9.7e-5 without the first ten, and by 6e-5 without the first sixteen. It is a
// variable for the tests, whose networks are small.
var splitAfter = 16

// splits returns the values that are computed with three products of bf16 for each of
// float32, where there are kernels for that. The choice rests on prototypes of the three
// ways on a core of Sapphire Rapids, not yet on whole networks; these are their GFLOP/s of
// float32, Winograd's from its gain on multiply-adds.
//
//	                      split  multiply-adds  Winograd
//	3x3, 28x28, 128 to 256  872            233       617
//	3x3, 14x14, 256 to 512  714            226       395
//	3x3, 8x8, 512 to 1024   576            150       140
//	1x1, 14x14, 256 to 256  529            229
//
// A linear layer over images, not pixels, reads as many bytes of weights either way, and
// waits for those.
func (c *compiler) splits() map[int]bool {
	if c.options.Precision != High || c.options.Variant.PanelSplit == nil {
		return nil
	}
	split, able := make(map[int]bool), 0
	for _, u := range c.layout.units {
		op, ok := u.node.Op.(nn.Conv)
		if l, linear := u.node.Op.(nn.Linear); linear && len(c.layout.shapes[u.node.In[0]]) == 4 {
			op, ok = overPixels(l), true
		}
		if !ok || filtered(c.options.Variant, op) || !fillsTiles(op) {
			continue
		}
		if able++; able > splitAfter {
			split[u.out] = true
		}
	}
	return split
}

// fillsTiles reports whether the channels of a convolution fill tiles, which hold 32: 16
// do where those of several taps follow one another, but a group's taps are read one by
// one.
func fillsTiles(op nn.Conv) bool {
	per := op.In / op.Groups
	return op.Groups == 1 && per >= bf16Channels || per >= 2*bf16Channels && per%2 == 0
}
