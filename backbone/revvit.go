package backbone

import "github.com/gozoo/zoo/nn"

// RevViT, the reversible Vision Transformer: Mangalam et al., CVPR 2022, as OpenMMLab's mmpretrain
// builds it (mmpretrain/models/backbones/revvit.py).
//
// There are two streams, which begin alike: attention over the second is added to the first, what a
// layer's linear layers make of that to the second, so that each layer's input follows from its
// output. There is no class token: both streams, joined, are normalised, and their mean classified.
var revvit = Family{
	Name: "revvit",
	Archs: map[string]func(int) (*nn.Graph, error){
		"revvit-small": reversible(vitSmall).graph,
		"revvit-base":  reversible(vitBase).graph,
	},
}

// A reversible is a network, for patches of 16x16 pixels, its positions for images of 224x224.
type reversible vitWidth

func (r reversible) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	patches := bb.At("patch_embed", "projection").Conv(b.Input(), r.width, nn.K(16), nn.Stride(16), nn.Corner(), nn.Bias())
	first := bb.Position(bb.Tokens(patches), "pos_embed", 0, 14, 14) // (N,H/16*W/16,C)
	second := first
	for i := range r.layers {
		at := bb.At("layers", i)
		first = at.Add(first, selfAttention(at.At("attn"), at.At("ln1").LayerNorm(second), r.heads))
		second = at.Output(at.Add(second, feedForward(at.At("ffn"), at.At("ln2").LayerNorm(first), r.hidden)))
	}
	x := bb.At("ln1").LayerNorm(bb.Concat(first, second))
	return b.Graph(b.At("head", "fc").Linear(bb.Features(b.GlobalMean(x)), classes))
}
