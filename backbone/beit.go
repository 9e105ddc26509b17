package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// BEiT: arXiv:2106.08254, BEiT v2, arXiv:2208.06366, CAE, arXiv:2202.03026, and EVA, arXiv:2211.07636, as
// OpenMMLab's mmpretrain builds them (mmpretrain/models/backbones/beit.py).
//
// They are Vision Transformers of which a norm of the mean of all patches is classified. Keys have no bias,
// but for the smaller EVA. BEiT scales what a layer adds, and has in place of positions a number for each head and
// relation of two patches, which ties it to one size; CAE has positions besides, and EVA nothing else. Norms have eps
// 1e-6.
var beit = beitFamily()

func beitFamily() Family {
	f := Family{Name: "beit", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, v := range map[string]beitNet{
		"beit-base-p16":        {vitWidth: vitBase, size: 224, patch: 16, related: true},
		"beit-base-p16-384px":  {vitWidth: vitBase, size: 384, patch: 16, related: true},
		"beit-large-p16":       {vitWidth: vitLarge, size: 224, patch: 16, related: true},
		"beit-large-p16-384px": {vitWidth: vitLarge, size: 384, patch: 16, related: true},
		"beit-large-p16-512px": {vitWidth: vitLarge, size: 512, patch: 16, related: true},
		"cae-base-p16":         {vitWidth: vitBase, size: 224, patch: 16, related: true, positions: true},
		"eva-large-p14-196px":  {vitWidth: vitLarge, size: 196, patch: 14, positions: true, keyBias: true},
		"eva-large-p14-336px":  {vitWidth: vitLarge, size: 336, patch: 14, positions: true, keyBias: true},
		"eva-giant-p14-224px":  {vitWidth: evaGiant, size: 224, patch: 14, positions: true},
		"eva-giant-p14-336px":  {vitWidth: evaGiant, size: 336, patch: 14, positions: true},
		"eva-giant-p14-560px":  {vitWidth: evaGiant, size: 560, patch: 14, positions: true},
	} {
		f.Archs[arch] = v.graph
		if v.related != v.positions { // CAE is published by its authors alone
			f.Sources[arch] = projects{timm: v.ofTimm()}
		}
	}
	return f
}

// ofTimm returns timm's networks, which have the names of BEiT's authors.
func (v beitNet) ofTimm() recipe.Source {
	names := []string{fmt.Sprintf("eva_%s_patch%d_%d", v.name, v.patch, v.size)}
	if v.related {
		network := fmt.Sprintf("_%s_patch%d_%d", v.name, v.patch, v.size)
		names = []string{"beit" + network}
		if v.size == 224 {
			names = append(names, "beitv2"+network)
		}
	}
	s := named(v.timm, names...)
	s.Settings = timmArgs("avg")
	return s
}

// timm renames timm's networks.
func (v beitNet) timm() recipe.Recipe {
	layer, to := "blocks.*.", "backbone.layers.*."
	r := recipe.Recipe{
		recipe.Rename("cls_token", "backbone.cls_token"),
		recipe.Rename("patch_embed.proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename(layer+"norm*.*", to+"ln*.*"),
		recipe.Rename(layer+"attn.**", to+"attn.**"),
		recipe.Rename(layer+"mlp.fc1.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(layer+"mlp.fc2.*", to+"ffn.layers.1.*"),
		recipe.Rename("fc_norm.*", "backbone.ln2.*"),
		recipe.Rename("head.*", "head.fc.*"),
	}
	if v.positions {
		r = append(r, recipe.Rename("pos_embed", "backbone.pos_embed"))
	}
	if v.related {
		r = append(r, recipe.Rename(layer+"gamma_*", to+"gamma_*"))
	}
	return r
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
