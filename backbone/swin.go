package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// Swin Transformer: arXiv:2103.14030, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/swin_transformer.py, models/utils/attention.py).
//
// Traps: windows are padded after a block's first norm and before queries, keys and values are made, so
// that the keys of padding are biases, which every query sees. Every other block shifts its windows, but not
// where an image is one window wide; networks that pad small images do both. A merged patch's channels are in
// the order of PyTorch's Unfold: timm and the paper's authors have another. Norms have eps 1e-5.
var swinTransformer = swinFamily()

// A swin is a network. Images are padded to whole windows of side x side; those that are smaller than a
// window are padded, too, where small is set, and refused otherwise.
type swin struct {
	width  int
	layers [4]int // of each stage
	heads  int    // of the first stage; twice as many in each after it
	side   int
	small  bool
}

var (
	swinTiny  = swin{width: 96, layers: [4]int{2, 2, 6, 2}, heads: 3, side: 7}
	swinSmall = swin{width: 96, layers: [4]int{2, 2, 18, 2}, heads: 3, side: 7}
	swinBase  = swin{width: 128, layers: [4]int{2, 2, 18, 2}, heads: 4, side: 7}
	swinLarge = swin{width: 192, layers: [4]int{2, 2, 18, 2}, heads: 6, side: 7}
)

func swinFamily() Family {
	windows := func(s swin, side int) swin { s.side = side; return s }
	large14 := windows(swinLarge, 14)
	large14.small = true
	f := Family{Name: "swin", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, s := range map[string]swin{
		"swin-tiny":        swinTiny,
		"swin-small":       swinSmall,
		"swin-base":        swinBase,
		"swin-base-w6":     windows(swinBase, 6),
		"swin-base-384px":  windows(swinBase, 12),
		"swin-large":       swinLarge,
		"swin-large-w14":   large14,
		"swin-large-384px": windows(swinLarge, 12),
	} {
		f.Archs[arch] = s.graph
		f.Sources[arch] = s.sources(arch)
	}
	return f
}

func (s swin) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := patches(bb.At("patch_embed"), b.Input(), s.width) // (N,H/4*W/4,C)
	heads := s.heads
	for i, layers := range s.layers {
		if i > 0 {
			x = mergePatches(bb.At("stages", i-1, "downsample"), x)
			heads *= 2
		}
		for j := range layers {
			at := bb.At("stages", i, "blocks", j)
			shift := s.side / 2 * (j % 2)
			x = at.Output(s.block(at, x, heads, nn.Window{Side: s.side, Shift: shift, Hide: -100, Single: s.small}))
		}
	}
	x = b.Image(bb.At("norm3").LayerNorm(x))
	return poolAndClassify(b, x, classes)
}

// patches embeds an image as tokens of 4 x 4 pixels: (N,3,H,W) to (N,H/4*W/4,width).
func patches(b *nn.Builder, x nn.Value, width int) nn.Value { return patchesOf(4, b, x, width) }

// patchesOf embeds an image as tokens of side x side pixels: (N,C,H,W) to (N,H/side*W/side,width).
func patchesOf(side int, b *nn.Builder, x nn.Value, width int) nn.Value {
	x = b.At("projection").Conv(x, width, nn.K(side), nn.Stride(side), nn.Corner(), nn.Bias())
	return b.At("norm").LayerNorm(b.Tokens(x))
}

// mergePatches joins each 2 x 2 tokens: (N,H*W,C) to (N,H/2*W/2,2C).
func mergePatches(b *nn.Builder, x nn.Value) nn.Value {
	return b.At("reduction").PlainLinear(b.At("norm").LayerNorm(besides(b, x)), 2*x.C)
}

// besides lays each 2 x 2 tokens side by side: (N,H*W,C) to (N,H/2*W/2,4C).
func besides(b *nn.Builder, x nn.Value) nn.Value {
	return b.Tokens(b.Unfold(b.Image(x), nn.Unfold{K: 2, Stride: 2, Corner: true}))
}

// block adds attention within windows and a feed-forward network, (N,H*W,C) to the same.
func (s swin) block(b *nn.Builder, x nn.Value, heads int, w nn.Window) nn.Value {
	least := w.Side
	if s.small {
		least = 0
	}
	attn := b.At("attn", "w_msa")
	y := b.PadTo(b.At("norm1").LayerNorm(x), w.Side, least)
	qkv := b.Split(attn.At("qkv").Linear(y, 3*x.C), 3)
	y = attn.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Window: w, Bias: nn.ScoreBias{
		Table: "relative_position_bias_table", Index: "relative_position_index", By: nn.Offsets{H: w.Side, W: w.Side},
	}})
	x = b.Add(x, b.CropLike(attn.At("proj").Linear(y, x.C), x))
	return b.Add(x, feedForward(b.At("ffn"), b.At("norm2").LayerNorm(x), 4*x.C))
}
