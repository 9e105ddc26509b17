package engine

import (
	"cmp"
	"slices"

	"github.com/gozoo/zoo/nn"
)

// splitLayers is how many layers of a network are computed with split numbers at most.
// Each errs by 4.5e-6 of what it computes, root mean square, and what a network errs by
// grows with the root of their number: the largest error of CSPDarknet50's goldens is
// 1.1e-4 of the largest value with all of its 66 layers, and 7.5e-5 with these, where 1e-4
// is allowed and Winograd's way comes to 7e-6.
const splitLayers = 24

// splits returns the values that are computed with three products of bf16 for each of
// float32: of the layers for which that pays, those that gain the most.
func (c *compiler) splits() map[int]bool {
	if c.options.Precision != High || c.options.Variant.PanelSplit == nil {
		return nil
	}
	type layer struct {
		out  int
		gain float64
	}
	var layers []layer
	for _, u := range c.layout.units {
		op, ok := u.node.Op.(nn.Conv)
		if l, linear := u.node.Op.(nn.Linear); linear && len(c.layout.shapes[u.node.In[0]]) == 4 {
			op, ok = overPixels(l), true
		}
		if ok && !filtered(c.options.Variant, op) && fillsTiles(op) {
			layers = append(layers, layer{u.out, c.splitGain(u, op)})
		}
	}
	slices.SortStableFunc(layers, func(a, b layer) int { return cmp.Compare(b.gain, a.gain) })
	split := make(map[int]bool)
	for _, l := range layers[:min(splitLayers, len(layers))] {
		split[l.out] = true
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

// splitGain returns what a layer gains by split numbers, in units of time. It follows
// what prototypes of the three ways came to on a core of Sapphire Rapids, in GFLOP/s of
// float32:
//
//	                      split  multiply-adds  Winograd
//	3x3, 28x28, 128 to 256  872            233       617
//	3x3, 14x14, 256 to 512  714            226       395
//	3x3, 8x8, 512 to 1024   576            150       140
//	1x1, 14x14, 256 to 256  529            229
//
// It does not count images, so that a batch gives what its images give.
func (c *compiler) splitGain(u unit, op nn.Conv) float64 {
	s := c.layout.shapes[u.node.Out]
	pixels := s[2] * s[3]
	split, other := 530.0, 230.0
	if op.KH*op.KW > 1 {
		switch {
		case pixels >= 28*28:
			split = 870
		case pixels >= 14*14:
			split = 710
		default:
			split, other = 580, 150
		}
	}
	if c.winogradPays(u, op) {
		if other = 620; pixels < 28*28 {
			other = 390
		}
	}
	macs := float64(pixels) * float64(op.Out*op.KH*op.KW) * float64(op.In/op.Groups)
	return macs * (1/other - 1/split)
}
