package backbone

import "github.com/gozoo/zoo/nn"

// Transformer in Transformer: arXiv:2103.00112, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/tnt.py).
//
// A patch of 16x16 pixels is 4x4 inner tokens, too, which attend to each other: windows of an image.
// Each layer adds what a linear layer makes of them to the patch's token, before attention over all
// patches. Attention is PyTorch's own, without a bias of queries, keys and values. Positions are not
// resized: images of another size than 224x224 are refused.
var tnt = Family{
	Name: "tnt",
	Archs: map[string]func(int) (*nn.Graph, error){
		"tnt-small-p16": tntSizes{layers: 12, inner: 24, innerHeads: 4, width: 384, heads: 6}.graph,
	},
}

// tntSizes is what networks differ in.
type tntSizes struct{ layers, inner, innerHeads, width, heads int }

// tntSide is how many inner tokens a patch has along each side.
const tntSide = 4

func (s tntSizes) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	inner := bb.At("pixel_embed", "proj").Conv(b.Input(), s.inner, nn.K(7), nn.Stride(4), nn.Bias()) // (N,24,56,56)
	inner = bb.PatchPosition(inner, "pixel_pos", tntSide)
	x := bb.At("projection").Linear(bb.At("norm1_proj").LayerNorm(s.patches(b, inner)), s.width) // (N,384,14,14)
	x = bb.Prefix(b.Tokens(bb.At("norm2_proj").LayerNorm(x)), "cls_token")
	x = bb.ExactPosition(x, "patch_pos", 1, 14, 14)
	for i := range s.layers {
		at := bb.At("layers", i)
		inner = b.Image(s.block(at.At("inner_block"), b.Tokens(inner), nn.Attention{Heads: s.innerHeads, Window: nn.Window{Side: tntSide}}))
		y := at.At("projection").Linear(s.patches(b, at.At("norm_proj").LayerNorm(inner)), s.width)
		x = b.JoinTokens(b.FirstTokens(x, 1), b.Tokens(b.Add(b.Image(x), y)), 1)
		x = at.Output(s.block(at.At("outer_block"), x, nn.Attention{Heads: s.heads}))
	}
	x = bb.Features(b.Token(bb.At("norm").LayerNorm(x), 0))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// patches joins the inner tokens of each patch: (N,C,H,W) to (N,16*C,H/4,W/4).
func (tntSizes) patches(b *nn.Builder, inner nn.Value) nn.Value {
	return b.Unfold(inner, nn.Unfold{K: tntSide, Stride: tntSide, PixelFirst: true})
}

// block adds a layer of a transformer over tokens (N,L,C).
func (tntSizes) block(b *nn.Builder, x nn.Value, a nn.Attention) nn.Value {
	attn := b.At("attn", "attn")
	in := nn.Linear{Out: 3 * x.C, InProj: true, Plain: true, Function: true}
	qkv := b.Split(attn.LinearOf(b.At("norm_attn").LayerNorm(x), in), 3)
	y := attn.At("out_proj").LinearOf(attn.AttentionOf(qkv[0], qkv[1], qkv[2], a), nn.Linear{Out: x.C, Function: true})
	x = b.Add(x, y)
	return b.Add(x, feedForward(b.At("ffn"), b.At("norm_ffn").LayerNorm(x), 4*x.C))
}
