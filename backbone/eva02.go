package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// EVA-02: arXiv:2303.11331, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/vit_eva02.py).
//
// It is a Vision Transformer whose queries and keys are turned by angles that tell where a patch is, and whose
// feed-forward layers are gated by SiLU, with a norm of what comes through the gates in base and large; a
// norm of the mean of all patches is classified. Norms have eps 1e-5. Tables of angles are read from the
// checkpoint: those that were published are others than mmpretrain would compute, in which order frequencies lie
// and how far apart positions are. What it computes where an image is no grid of the table's size fits none of
// them, and such images are refused.
var eva02 = Family{
	Name: "eva02",
	Archs: map[string]func(int) (*nn.Graph, error){
		"eva02-tiny-p14-336px":  eva{vitWidth: vitTiny, size: 336}.graph,
		"eva02-small-p14-336px": eva{vitWidth: vitSmall, size: 336}.graph,
		"eva02-base-p14-448px":  eva{vitWidth: vitBase, size: 448, norm: true}.graph,
		"eva02-large-p14-448px": eva{vitWidth: vitLarge, size: 448, norm: true}.graph,
	},
}

// An eva is a network; two thirds of its width's hidden channels come through gates.
type eva struct {
	vitWidth
	size int  // of images
	norm bool // of what comes through gates
}

func (e eva) graph(classes int) (*nn.Graph, error) {
	const patch = 14
	b := nn.NewBuilder(3, 1e-5, nn.SiLU())
	bb := b.At("backbone")
	x := bb.At("patch_embed", "projection").Conv(b.Input(), e.width, nn.K(patch), nn.Stride(patch), nn.Corner(), nn.Bias())
	grid := e.size / patch
	x = bb.Position(bb.Prefix(bb.Tokens(x), "cls_token"), "pos_embed", 1, grid, grid)
	turns := bb.At("rope").RotaryTables(nn.Rotary{Dim: e.width / e.heads, Extra: 1, GridH: grid, GridW: grid})
	for i := range e.layers {
		at := bb.At("layers", i)
		x = at.Output(e.layer(at, x, turns))
	}
	norm := bb.At("ln2")
	x = norm.Features(norm.LayerNorm(b.GlobalMean(x)))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// layer adds an encoder layer, (N,L,C) to the same.
func (e eva) layer(b *nn.Builder, x nn.Value, turns nn.Rotary) nn.Value {
	attn := b.At("attn")
	qkv := attn.Cut(attn.At("qkv").Linear(b.At("norm1").LayerNorm(x), 3*x.C), 2*x.C, x.C)
	qk := attn.Split(attn.At("rope").Rotary(qkv[0], turns), 2)
	x = b.Add(x, attn.At("proj").Linear(attn.Attention(qk[0], qk[1], qkv[1], e.heads), x.C))
	mlp, hidden := b.At("mlp"), e.hidden*2/3
	gate, y := mlp.Halves(mlp.At("w12").Linear(b.At("norm2").LayerNorm(x), 2*hidden))
	y = mlp.Mul(mlp.Act(gate), y)
	if e.norm {
		y = mlp.At("norm").LayerNorm(y)
	}
	return b.Add(x, mlp.At("w3").Linear(y, x.C))
}
