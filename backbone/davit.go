package backbone

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// DaViT: arXiv:2204.03645, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/davit.py).
//
// A block is two layers: attention within windows, which are not shifted and have no bias, and attention of
// channels. In each a depthwise convolution adds positions before the attention and before the feed-forward
// network. Traps: windows are padded after the norm and before queries, keys and values are made, so that the
// keys of padding are biases, which every query sees; images must be a window wide in the last stage. Where a stage
// halves an image of odd sides, the last row or column is lost; the reference refuses one whose sides are both
// odd, here they lose both. Norms have eps 1e-5.
var daViT = Family{
	Name: "davit",
	Archs: map[string]func(int) (*nn.Graph, error){
		"davit-tiny":  davit{96, 3, [4]int{1, 1, 3, 1}}.graph,
		"davit-small": davit{96, 3, [4]int{1, 1, 9, 1}}.graph,
		"davit-base":  davit{128, 4, [4]int{1, 1, 9, 1}}.graph,
	},
}

// A davit is a network; width and heads are those of the first stage, and twice as many in each after it.
type davit struct {
	width, heads int
	blocks       [4]int // of each stage
}

// davitWindow is the side of a window.
const davitWindow = 7

func (d davit) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	embed := bb.At("patch_embed")
	x := embed.At("projection").Conv(b.Input(), d.width, nn.K(7), nn.Stride(4), nn.SameBefore(), nn.Bias()) // (N,C,H/4,W/4)
	x = embed.At("norm").LayerNorm(b.Tokens(x))
	heads := d.heads
	for i, blocks := range d.blocks {
		if i > 0 {
			down := bb.At("stages", i-1, "downsample")
			x = b.Image(down.At("norm").LayerNorm(x))
			x = b.Tokens(down.At("projection").Conv(x, 2*x.C, nn.K(2), nn.Stride(2), nn.Pad(0), nn.Bias())) // (N,H/8*W/8,2C), then H/16 …
			heads *= 2
		}
		for j := range blocks {
			at := bb.At("stages", i, "blocks", j)
			x = davitLayer(at.At("spatial_block"), x, func(b *nn.Builder, x nn.Value) nn.Value { return withinWindows(b.At("w_msa"), x, heads) })
			x = davitLayer(at.At("channel_block"), x, func(b *nn.Builder, x nn.Value) nn.Value { return ofChannels(b, x, heads) })
			at.Output(x)
		}
	}
	return poolAndClassify(b, b.Image(bb.At("norm3").LayerNorm(x)), classes)
}

// davitLayer adds positions, an attention and a feed-forward network, (N,H*W,C) to the same.
func davitLayer(b *nn.Builder, x nn.Value, attention func(*nn.Builder, nn.Value) nn.Value) nn.Value {
	x = conditionalPosition(b.At("cpe1", "proj"), x)
	x = b.Add(x, attention(b.At("attn"), b.At("norm1").LayerNorm(x)))
	x = conditionalPosition(b.At("cpe2", "proj"), x)
	return b.Output(b.Add(x, feedForward(b.At("ffn"), b.At("norm2").LayerNorm(x), 4*x.C)))
}

// withinWindows adds attention within windows.
func withinWindows(b *nn.Builder, x nn.Value, heads int) nn.Value {
	qkv := b.Split(b.At("qkv").Linear(b.PadTo(x, davitWindow, davitWindow), 3*x.C), 3)
	y := b.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Window: nn.Window{Side: davitWindow}})
	return b.CropLike(b.At("proj").Linear(y, x.C), x)
}

// ofChannels adds attention of channels, in which the values are what keys are looked up in.
func ofChannels(b *nn.Builder, x nn.Value, heads int) nn.Value {
	qkv := b.Split(b.At("qkv").Linear(x, 3*x.C), 3)
	a := nn.ChannelAttention{Heads: heads, Scale: 1 / math.Sqrt(float64(x.C/heads))}
	return b.At("proj").Linear(b.ChannelAttention(qkv[1], qkv[2], qkv[0], a), x.C)
}
