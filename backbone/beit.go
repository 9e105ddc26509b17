package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// BEiT: arXiv:2106.08254, BEiT v2, arXiv:2208.06366, CAE, arXiv:2202.03026, and EVA, arXiv:2211.07636, as
// OpenMMLab's mmpretrain builds them (mmpretrain/models/backbones/beit.py).
//
// They are Vision Transformers of which a norm of the mean of all patches is classified. Keys have no bias,
// but for the smaller EVA. BEiT scales what a layer adds, and has in place of positions a number for each head and
// relation of two patches, which ties it to one size; CAE has positions besides, and EVA nothing else. Norms have eps
// 1e-6.
var beit = Family{
	Name: "beit",
	Archs: map[string]func(int) (*nn.Graph, error){
		"beit-base-p16":       beitNet{vitWidth: vitBase, size: 224, patch: 16, related: true}.graph,
		"cae-base-p16":        beitNet{vitWidth: vitBase, size: 224, patch: 16, related: true, positions: true}.graph,
		"eva-large-p14-196px": beitNet{vitWidth: vitLarge, size: 196, patch: 14, positions: true, keyBias: true}.graph,
		"eva-large-p14-336px": beitNet{vitWidth: vitLarge, size: 336, patch: 14, positions: true, keyBias: true}.graph,
		"eva-giant-p14-336px": beitNet{vitWidth: evaGiant, size: 336, patch: 14, positions: true}.graph,
		"eva-giant-p14-560px": beitNet{vitWidth: evaGiant, size: 560, patch: 14, positions: true}.graph,
	},
}

var evaGiant = vitWidth{"giant", 1408, 40, 16, 6144}

// A beitNet is a network of patches of patch x patch pixels, for images of size x size.
type beitNet struct {
	vitWidth
	size, patch int
	related     bool // a bias for each relation of patches, and layers that are scaled
	positions   bool
	keyBias     bool
}

func (v beitNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	x := bb.At("patch_embed", "projection").Conv(b.Input(), v.width, nn.K(v.patch), nn.Stride(v.patch), nn.Corner(), nn.Bias())
	x = bb.Prefix(bb.Tokens(x), "cls_token")
	if grid := v.size / v.patch; v.positions {
		x = bb.Position(x, "pos_embed", 1, grid, grid)
	}
	for i := range v.layers {
		at := bb.At("layers", i)
		x = at.Output(v.layer(at, x))
	}
	norm := bb.At("ln2")
	x = norm.Features(norm.LayerNorm(b.GlobalMean(x)))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// layer adds an encoder layer, (N,L,C) to the same.
func (v beitNet) layer(b *nn.Builder, x nn.Value) nn.Value {
	attn, y := b.At("attn"), b.At("ln1").LayerNorm(x)
	if v.keyBias {
		y = attn.At("qkv").Linear(y, 3*x.C)
	} else {
		y = attn.QKV(y)
	}
	qkv, a := attn.Split(y, 3), nn.Attention{Heads: v.heads}
	if grid := v.size / v.patch; v.related {
		a.Bias = nn.ScoreBias{Table: "relative_position_bias_table", Index: "relative_position_index", By: nn.ClassOffsets{H: grid, W: grid}}
	}
	y = attn.At("proj").Linear(attn.AttentionOf(qkv[0], qkv[1], qkv[2], a), x.C)
	if v.related {
		y = b.LayerScaleNamed(y, "gamma_1")
	}
	x = b.Add(x, y)
	y = feedForward(b.At("ffn"), b.At("ln2").LayerNorm(x), v.hidden)
	if v.related {
		y = b.LayerScaleNamed(y, "gamma_2")
	}
	return b.Add(x, y)
}
