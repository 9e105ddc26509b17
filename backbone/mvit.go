package backbone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MViT V2: arXiv:2112.01526, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/mvit.py).
//
// Queries, keys and values are pooled, each head for itself: a layer that halves the image pools its
// queries, and keys and values are pooled so that there are about as many everywhere. The queries are
// added to what attention makes of them. Traps: norms have eps 1e-6, those of heads as well; where a layer
// changes its channels, the input of its residual connection is what the norm has made, not what it was
// given. The large network widens in the feed-forward part of the layer before one that halves the image,
// the others in the attention of that itself.
var mViT = mViTFamily()

// An mvit is a network; halved are the layers that halve the image, double the heads, and double the
// channels in their attention or, where wideFFN is set, in the feed-forward part before.
type mvit struct {
	width, layers, heads int
	halved               []int
	wideFFN              bool
}

// mvitSize is the side of the images that the tables of positions are for.
const mvitSize = 224

var mvits = map[string]mvit{
	"mvitv2-tiny":  {width: 96, layers: 10, heads: 1, halved: []int{1, 3, 8}},
	"mvitv2-small": {width: 96, layers: 16, heads: 1, halved: []int{1, 3, 14}},
	"mvitv2-base":  {width: 96, layers: 24, heads: 1, halved: []int{2, 5, 21}},
	"mvitv2-large": {width: 144, layers: 48, heads: 2, halved: []int{2, 8, 44}, wideFFN: true},
}

func mViTFamily() Family {
	f := Family{Name: "mvit", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, m := range mvits {
		ofTimm := named(m.timm, strings.ReplaceAll(arch, "-", "_"))
		ofTimm.Settings = timmArgs("avg")
		f.Archs[arch], f.Sources[arch] = m.graph, projects{timm: ofTimm}
	}
	return f
}

// timm renames timm's networks, whose layers are counted anew in each stage: one that halves the image is
// the first of its own.
func (m mvit) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("patch_embed.proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename("norm.*", "backbone.norm3.*"),
		recipe.Rename("head.fc.*", "head.fc.*"),
	}
	widens := "shortcut_proj_attn"
	if m.wideFFN {
		widens = "shortcut_proj_mlp"
	}
	stage, first := 0, 0
	for i := range m.layers {
		if slices.Contains(m.halved, i) {
			stage, first = stage+1, i
		}
		from, to := fmt.Sprintf("stages.%d.blocks.%d.", stage, i-first), fmt.Sprintf("backbone.blocks.%d.", i)
		if slices.Contains(m.halved, i) && !m.wideFFN || slices.Contains(m.halved, i+1) && m.wideFFN {
			r = append(r, recipe.Rename(from+widens+".*", to+"proj.*"))
		}
		r = append(r, recipe.Rename(from+"**", to+"**"))
	}
	return r
}

func (m mvit) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	x := bb.Tokens(bb.At("patch_embed", "projection").Conv(b.Input(), m.width, nn.K(7), nn.Stride(4), nn.Bias())) // (N,H/4*W/4,C)
	l := mvitLayer{heads: m.heads, strideQ: 1, strideKV: 4, side: mvitSize / 4}
	for i := range m.layers {
		l.attention, l.out = x.C, x.C
		if slices.Contains(m.halved, i) {
			l.heads, l.strideQ, l.strideKV = 2*l.heads, 2, max(l.strideKV/2, 1)
			if !m.wideFFN {
				l.attention, l.out = 2*x.C, 2*x.C
			}
		}
		if m.wideFFN && slices.Contains(m.halved, i+1) {
			l.out = 2 * x.C
		}
		at := bb.At("blocks", i)
		x = at.Output(l.layer(at, x))
		l.side, l.strideQ = l.side/l.strideQ, 1
	}
	return poolAndClassify(b, b.Image(bb.At("norm3").LayerNorm(x)), classes)
}

// An mvitLayer is a layer whose attention has so many channels, in heads, and which makes out channels.
type mvitLayer struct {
	attention, heads, out int
	strideQ, strideKV     int // by which queries, and keys and values, are pooled
	side                  int // of the image that it gets, for the size of its tables
}

// layer adds the layer, (N,H*W,C) to (N,H/strideQ*W/strideQ,out).
func (l mvitLayer) layer(b *nn.Builder, x nn.Value) nn.Value {
	normed, attn, mlp := b.At("norm1").LayerNorm(x), b.At("attn"), b.At("mlp")
	qkv := b.Split(attn.At("qkv").Linear(normed, 3*l.attention), 3)
	q := l.pooled(attn, "q", qkv[0], l.strideQ)
	k := l.pooled(attn, "k", qkv[1], l.strideKV)
	v := l.pooled(attn, "v", qkv[2], l.strideKV)
	distances := 2*(l.side/min(l.strideQ, l.strideKV)) - 1
	y := attn.DecomposedAttention(q, k, v, l.heads, distances, distances)
	y = attn.At("proj").Linear(b.Add(y, q), l.attention)
	x = l.widened(b, x, normed, l.attention)
	if l.strideQ > 1 {
		x = b.Tokens(b.At("pool_skip").MaxPool(b.Image(x), l.strideQ+1, l.strideQ, (l.strideQ+1)/2))
	}
	x = b.Add(x, y)
	normed = b.At("norm2").LayerNorm(x)
	y = mlp.At("act").Act(mlp.At("fc1").Linear(normed, 4*l.attention))
	return b.Add(l.widened(b, x, normed, l.out), mlp.At("fc2").Linear(y, l.out))
}

// pooled convolves each channel of a head by filters that all heads share, and normalises heads.
func (l mvitLayer) pooled(b *nn.Builder, name string, x nn.Value, stride int) nn.Value {
	x = b.At("pool_"+name).Conv(b.Image(x), x.C, nn.K(3), nn.Stride(stride), nn.Groups(x.C), nn.Runs(l.heads))
	return b.At("norm_"+name).LayerNormRuns(b.Tokens(x), l.heads)
}

// widened returns x, or, where a residual connection needs more channels, those of a linear layer
// over what the norm has made of it.
func (l mvitLayer) widened(b *nn.Builder, x, normed nn.Value, c int) nn.Value {
	if x.C == c {
		return x
	}
	return b.At("proj").Linear(normed, c)
}
