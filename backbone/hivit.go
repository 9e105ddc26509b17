package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// HiViT: arXiv:2205.14949, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/hivit.py).
//
// A Vision Transformer of patches of 16 x 16 pixels, each of which is made of 4 x 4 smaller ones: these pass
// feed-forward networks alone, and are merged twice. Traps: the reference lays out the smaller ones patch by patch;
// of the four that are merged, the lower left one comes second; there is no norm after the last block. A
// buffer of the network itself repeats what each attention has. Positions are for images of 224 x 224 pixels.
var hiViT = Family{
	Name: "hivit",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"hivit-tiny-p16":  hiViTNet{width: 384, stem: 1, layers: 10}.graph,
		"hivit-small-p16": hiViTNet{width: 384, stem: 2, layers: 20}.graph,
		"hivit-base-p16":  hiViTNet{width: 512, stem: 2, layers: 24}.graph,
		"hivit-large-p16": hiViTNet{width: 768, stem: 2, layers: 40}.graph,
	},
}

// A hiViTNet is a network: the channels of a patch, pairs of feed-forward networks before each merging, and
// layers of attention.
type hiViTNet struct{ width, stem, layers int }

// hiViTSide is how many patches there are along each axis.
const hiViTSide = 14

func (h hiViTNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := bb.At("patch_embed", "proj").Conv(b.Input(), h.width/4, nn.K(4), nn.Stride(4), nn.Bias(), nn.Pad(0))
	x = bb.At("patch_embed", "norm").LayerNorm(b.Tokens(x)) // (N,H/4*W/4,width/4)
	blocks := 0
	next := func() *nn.Builder { blocks++; return bb.At("blocks", blocks-1) }
	for range 2 {
		for range 2 * h.stem {
			at := next()
			x = at.Output(b.Add(x, hiViTMLP(at, x, 3)))
		}
		x = hiViTMerge(next(), x)
	}
	x = bb.ExactPosition(x, "pos_embed", 0, hiViTSide, hiViTSide)
	for i := range h.layers {
		at := next()
		attn := at.At("attn")
		bias := nn.ScoreBias{
			Table: "relative_position_bias_table", Index: "relative_position_index", By: nn.Offsets{H: hiViTSide, W: hiViTSide},
		}
		attend := attn.AttentionOf
		if i == 0 { // where the network's own buffer stands
			path := fmt.Sprintf("blocks.%d.attn.", blocks-1)
			bias.Table, bias.Index, bias.Again, attend = path+bias.Table, path+bias.Index, bias.Index, bb.AttentionOf
		}
		qkv := b.Split(attn.At("qkv").Linear(at.At("norm1").LayerNorm(x), 3*x.C), 3)
		y := attend(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: x.C / 64, Bias: bias})
		x = b.Add(x, attn.At("proj").Linear(y, x.C))
		x = at.Output(b.Add(x, hiViTMLP(at, x, 4)))
	}
	return poolAndClassify(b, b.Image(x), classes)
}

// hiViTMLP adds a norm and two linear layers, the first of which widens by ratio.
func hiViTMLP(b *nn.Builder, x nn.Value, ratio int) nn.Value {
	mlp := b.At("mlp")
	return mlp.At("fc2").Linear(b.Act(mlp.At("fc1").Linear(b.At("norm2").LayerNorm(x), ratio*x.C)), x.C)
}

// hiViTMerge joins each 2 x 2 tokens, column by column: (N,H*W,C) to (N,H/2*W/2,2C).
func hiViTMerge(b *nn.Builder, x nn.Value) nn.Value {
	four := b.Split(b.Unfold(b.Image(x), nn.Unfold{K: 2, Stride: 2, PixelFirst: true}), 4)
	y := b.Tokens(b.Concat(four[0], four[2], four[1], four[3]))
	return b.Output(b.At("reduction").PlainLinear(b.At("norm").LayerNorm(y), 2*x.C))
}
