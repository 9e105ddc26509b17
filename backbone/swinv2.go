package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// Swin Transformer V2: arXiv:2111.09883, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/swin_transformer_v2.py, models/utils/attention.py).
//
// Traps: norms follow what they are the norms of, and so a merged patch's does its linear layer. Queries
// and keys go by their angle, times a factor that each head has learnt; keys have no bias. The bias of a
// window is computed of coordinates, which are divided by the window of the first training: published
// networks of the same tensors differ in it, and its table tells. Norms have eps 1e-5.
var swinTransformerV2 = swinV2Family()

// A swinV2 is a network: the last stage has windows of half the side where whole is not set, and was
// trained first with windows of trained, or of its own.
type swinV2 struct {
	swin
	whole   bool
	trained int
}

// swinV2Hidden is the channels of the network that computes a bias.
const swinV2Hidden = 512

func swinV2Family() Family {
	windows := func(s swin, side, trained int) swinV2 {
		s.side = side
		return swinV2{swin: s, whole: side == 8, trained: trained}
	}
	f := Family{Name: "swin_v2", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, s := range map[string]swinV2{
		"swinv2-tiny-w8":         windows(swinTiny, 8, 0),
		"swinv2-tiny-w16":        windows(swinTiny, 16, 0),
		"swinv2-small-w8":        windows(swinSmall, 8, 0),
		"swinv2-small-w16":       windows(swinSmall, 16, 0),
		"swinv2-base-w8":         windows(swinBase, 8, 0),
		"swinv2-base-w12":        windows(swinBase, 12, 0),
		"swinv2-base-w16":        windows(swinBase, 16, 0),
		"swinv2-base-w16-in21k":  windows(swinBase, 16, 12),
		"swinv2-base-w24-in21k":  windows(swinBase, 24, 12),
		"swinv2-large-w12":       windows(swinLarge, 12, 0),
		"swinv2-large-w16-in21k": windows(swinLarge, 16, 12),
		"swinv2-large-w24-in21k": windows(swinLarge, 24, 12),
	} {
		f.Archs[arch] = s.graph
		f.Sources[arch] = s.sources(arch)
	}
	return f
}

func (s swinV2) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := patches(bb.At("patch_embed"), b.Input(), s.width) // (N,H/4*W/4,C)
	heads, side, trained := s.heads, s.side, s.trained
	for i, layers := range s.layers {
		if i > 0 {
			merge := bb.At("stages", i, "downsample")
			x = merge.At("norm").LayerNorm(merge.At("reduction").PlainLinear(besides(b, x), 2*x.C))
			heads *= 2
		}
		if i == len(s.layers)-1 && !s.whole {
			side, trained = side/2, trained/2
		}
		for j := range layers {
			at := bb.At("stages", i, "blocks", j)
			w := nn.Window{Side: side, Shift: side / 2 * (j % 2), Hide: -100}
			x = at.Output(s.block(at, x, heads, trained, w))
		}
	}
	x = b.Image(bb.At("norm3").LayerNorm(x))
	return poolAndClassify(b, x, classes)
}

// block adds attention within windows and a feed-forward network, (N,H*W,C) to the same.
func (s swinV2) block(b *nn.Builder, x nn.Value, heads, trained int, w nn.Window) nn.Value {
	attn := b.At("attn", "w_msa")
	qkv := b.Split(attn.QKV(b.PadTo(x, w.Side, w.Side)), 3)
	of := nn.Continuous{
		Module: "cpb_mlp", Coords: "relative_coords_table", Hidden: swinV2Hidden, Offsets: nn.Offsets{H: w.Side, W: w.Side}, Trained: trained,
	}
	y := attn.AttentionOf(attn.Unit(qkv[0], heads, "logit_scale"), attn.Unit(qkv[1], heads, ""), qkv[2],
		nn.Attention{Heads: heads, Scale: 1, Window: w, Bias: nn.ScoreBias{Index: "relative_position_index", By: of.Offsets, Of: of}})
	y = b.CropLike(attn.At("proj").Linear(y, x.C), x)
	x = b.Add(b.At("norm1").LayerNorm(y), x)
	return b.Add(b.At("norm2").LayerNorm(feedForward(b.At("ffn"), x, 4*x.C)), x)
}
