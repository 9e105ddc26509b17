package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// Twins: arXiv:2104.13840, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/twins.py).
//
// Positions are conditional: a depthwise convolution after the first layer of each stage. Attention is of all
// tokens to the keys of fewer, which a strided convolution makes; every other layer of the SVT networks, from
// the first on, attends within windows instead. Traps: windows are padded before queries, keys and values are
// made, and what is padding is hidden only where there is some along both axes: the mask of images padded along
// one is one region by a slip. Norms of embedded patches have eps 1e-5, those of PCPVT's layers 1e-6, those
// of SVT's 1e-5, where timm and the paper's authors have 1e-6.
var twinsFamily = Family{
	Name: "twins",
	Archs: map[string]func(int) (*nn.Graph, error){
		"twins-pcpvt-small": pcpvt(3, 4, 6, 3).graph,
		"twins-pcpvt-base":  pcpvt(3, 4, 18, 3).graph,
		"twins-pcpvt-large": pcpvt(3, 8, 27, 3).graph,
		"twins-svt-small":   svt(64, 2, 2, 10, 4).graph,
		"twins-svt-base":    svt(96, 2, 2, 18, 2).graph,
		"twins-svt-large":   svt(128, 2, 2, 18, 2).graph,
	},
}

// A twins is a network of four stages.
type twins struct {
	widths, layers, heads, ratios [4]int // ratios of feed-forward networks
	side                          int    // of windows; 0 for none
	eps                           float64
}

func pcpvt(layers ...int) twins {
	return twins{widths: [4]int{64, 128, 320, 512}, layers: [4]int(layers), heads: [4]int{1, 2, 5, 8}, ratios: [4]int{8, 8, 4, 4}, eps: 1e-6}
}

func svt(width int, layers ...int) twins {
	n := twins{layers: [4]int(layers), ratios: [4]int{4, 4, 4, 4}, side: 7, eps: 1e-5}
	for i := range n.widths {
		n.widths[i], n.heads[i] = width<<i, width<<i/32
	}
	return n
}

func (n twins) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x, side := b.Input(), 4 // of a patch
	for i, width := range n.widths {
		x = patchesOf(side, bb.At("patch_embeds", i), x, width) // (N,H/4*W/4,C), then H/8 and so on
		for j := range n.layers[i] {
			at := bb.At("stages", i, j).WithEps(n.eps)
			x = at.Output(n.layer(at, x, i, n.side > 0 && j%2 == 0))
			if j == 0 {
				x = conditionalPosition(bb.At("position_encodings", i, "proj"), x)
			}
		}
		if side = 2; i < 3 {
			x = b.Image(x)
		}
	}
	x = b.Image(bb.At("norm_after_stage3").WithEps(n.eps).LayerNorm(x))
	return poolAndClassify(b, x, classes)
}

// conditionalPosition adds to tokens (N,H*W,C) what a depthwise convolution makes of their image.
func conditionalPosition(b *nn.Builder, x nn.Value) nn.Value {
	y := b.Image(x)
	return b.Tokens(b.Add(b.Conv(y, x.C, nn.K(3), nn.Groups(x.C), nn.Bias()), y))
}

// layer adds attention and a feed-forward network, (N,H*W,C) to the same.
func (n twins) layer(b *nn.Builder, x nn.Value, stage int, local bool) nn.Value {
	y := b.At("norm1").LayerNorm(x)
	if local {
		y = n.locallyGrouped(b.At("attn"), y, n.heads[stage])
	} else {
		y = subsampled(b.At("attn"), y, n.heads[stage], 8>>stage)
	}
	x = b.Add(x, y)
	return b.Add(x, feedForward(b.At("ffn"), b.At("norm2").LayerNorm(x), n.ratios[stage]*x.C))
}

// locallyGrouped adds attention within windows.
func (n twins) locallyGrouped(b *nn.Builder, x nn.Value, heads int) nn.Value {
	qkv := b.Split(b.At("qkv").Linear(b.PadTo(x, n.side, 0), 3*x.C), 3)
	a := nn.Attention{Heads: heads, Window: nn.Window{Side: n.side, Hide: -1000}}
	y := b.CropLike(b.PaddedAttention(qkv[0], qkv[1], qkv[2], x, a), x)
	return b.At("proj").Linear(y, x.C)
}

// subsampled adds attention to the keys of tokens that a convolution makes of squares of side x side.
func subsampled(b *nn.Builder, x nn.Value, heads, side int) nn.Value {
	y := x
	if side > 1 {
		y = b.At("sr").Conv(b.Image(x), x.C, nn.K(side), nn.Stride(side), nn.Pad(0), nn.Bias())
		y = b.At("norm").LayerNorm(b.Tokens(y))
	}
	q := b.At("q").Linear(x, x.C)
	kv := b.Split(b.At("kv").Linear(y, 2*x.C), 2)
	return b.At("proj").Linear(b.Attention(q, kv[0], kv[1], heads), x.C)
}
