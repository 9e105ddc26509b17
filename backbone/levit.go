package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// LeViT: arXiv:2104.01136, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/levit.py,
// models/heads/levit_head.py). The published checkpoints are in the training form, with a batch norm after
// each convolution and linear layer, which have taken it in in the deploy form, and one before each of two
// classifiers, which stays there: the framework's own conversion fuses the backbone alone.
//
// Traps: queries, keys and values lie head by head, and values are two to four times as wide as keys. The
// activation of an attention follows it, before its last linear layer. Between stages every other pixel of
// every other row asks, of all; these attentions are added to nothing, and have as many heads as the stage
// before them has channels for. Biases are learnt for each distance of the 14 x 14 pixels that a network is
// for, so that it takes images of 224 x 224 alone. The logits are the mean of both classifiers.
var leViT = leViTFamily()

var leViTs = map[string]levit{
	"levit-128s": {widths: [3]int{128, 256, 384}, heads: [3]int{4, 6, 8}, layers: [3]int{2, 3, 4}, key: 16},
	"levit-128":  {widths: [3]int{128, 256, 384}, heads: [3]int{4, 8, 12}, layers: [3]int{4, 4, 4}, key: 16},
	"levit-192":  {widths: [3]int{192, 288, 384}, heads: [3]int{3, 5, 6}, layers: [3]int{4, 4, 4}, key: 32},
	"levit-256":  {widths: [3]int{256, 384, 512}, heads: [3]int{4, 6, 8}, layers: [3]int{4, 4, 4}, key: 32},
	"levit-384":  {widths: [3]int{384, 512, 768}, heads: [3]int{6, 9, 12}, layers: [3]int{4, 4, 4}, key: 32},
}

// A levit is a network of three stages.
type levit struct {
	widths, heads, layers [3]int
	key                   int // channels of a head's keys
}

func leViTFamily() Family {
	f := inBothForms("levit", leViTs)
	f.Sources = make(map[string]projects)
	for arch, l := range leViTs {
		size := strings.TrimPrefix(arch, "levit-")
		ofTimm := named(l.timm, "levit_"+size, "levit_conv_"+size)
		ofTimm.Settings = timmArgs("avg")
		f.Sources[arch] = projects{timm: ofTimm}
	}
	return f
}

// timm renames timm's networks in the training form, whose linear layers may be convolutions of one pixel.
func (l levit) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("head.*.*", "head.head.*.*"),
		recipe.Rename("head_dist.*.*", "head.head_dist.*.*"),
	}
	for i := range 4 {
		from, to := fmt.Sprintf("stem.conv%d.", i+1), fmt.Sprintf("backbone.patch_embed.patch_embed.%d.", 2*i)
		r = append(r, recipe.Rename(from+"linear.*", to+"conv.*"), recipe.Rename(from+"bn.*", to+"bn.*"))
	}
	linear := func(from, to string, layers ...string) {
		for _, layer := range layers { // behind an activation or a choice of pixels they are the second of a list
			theirs, ours := from+layer, to+strings.Replace(layer, ".ln", ".1", 1)
			r = append(r, recipe.Flatten(theirs+".linear.*", ours+".linear.*"), recipe.Rename(theirs+".bn.*", ours+".bn.*"))
		}
	}
	attention := func(from, to string, layers ...string) {
		r = append(r, recipe.Rename(from+"attention_bias*", to+"attention_bias*"))
		linear(from, to, append(layers, "proj.ln")...)
	}
	attention("stages.*.downsample.attn_downsample.", "backbone.stages.*.0.", "kv", "q.ln")
	linear("stages.*.downsample.mlp.ln", "backbone.stages.*.1.block.linear", "1", "2")
	for i, layers := range l.layers {
		for j := range layers {
			from, block := fmt.Sprintf("stages.%d.blocks.%d.", i, j), 2*j+2*min(i, 1)
			attention(from+"attn.", fmt.Sprintf("backbone.stages.%d.%d.block.", i, block), "qkv")
			linear(from+"mlp.ln", fmt.Sprintf("backbone.stages.%d.%d.block.linear", i, block+1), "1", "2")
		}
	}
	return r
}

// leviTSide is the side of the image of the first stage.
const leviTSide = 14

func (l levit) graph(classes int, f form) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.HardSwish())
	bb := b.At("backbone")
	stem := bb.At("patch_embed", "patch_embed")
	x := b.Input()
	for i := range 4 {
		if i > 0 {
			x = stem.At(2*i - 1).Act(x)
		}
		x = f.conv(stem.At(2*i), x, l.widths[0]>>(3-i), nn.K(3), nn.Stride(2))
	}
	x = b.Tokens(x) // (N,H/16*W/16,C)
	side := leviTSide
	for i, width := range l.widths {
		blocks := 0
		next := func() *nn.Builder {
			blocks++
			return bb.At("stages", i, blocks-1)
		}
		if i > 0 {
			x = l.shrink(next(), x, width, side, f)
			x = l.feedForward(next(), x, f)
			side = (side + 1) / 2
		}
		for range l.layers[i] {
			x = l.attend(next(), x, l.heads[i], side, f)
			x = l.feedForward(next(), x, f)
		}
	}
	x = pooled(b, b.Image(x))
	head := b.At("head")
	return b.Graph(b.Scale(b.Add(normAndClassify(head.At("head"), x, classes), normAndClassify(head.At("head_dist"), x, classes)), 0.5))
}

// attend adds an attention, (N,H*W,C) to the same.
func (l levit) attend(b *nn.Builder, x nn.Value, heads, side int, f form) nn.Value {
	at := b.At("block")
	qkv := b.CutRuns(f.linear(at.At("qkv"), x, heads*4*l.key), heads, l.key, l.key, 2*l.key)
	return b.Output(b.Add(x, l.attention(at, qkv, x.C, heads, nn.Apart{H: side, W: side}, f)))
}

// shrink is an attention whose queries are a quarter of the pixels: (N,H*W,C) to (N,H/2*W/2,width).
func (l levit) shrink(b *nn.Builder, x nn.Value, width, side int, f form) nn.Value {
	heads := x.C / l.key
	kv := b.CutRuns(f.linear(b.At("kv"), x, heads*5*l.key), heads, l.key, 4*l.key)
	few := b.Tokens(b.Unfold(b.Image(x), nn.Unfold{K: 1, Stride: 2}))
	q := f.linear(b.At("q", 1), few, heads*l.key)
	return b.Output(l.attention(b, []nn.Value{q, kv[0], kv[1]}, width, heads, nn.Apart{H: side, W: side, Stride: 2}, f))
}

// attention makes width channels of what queries find.
func (l levit) attention(b *nn.Builder, qkv []nn.Value, width, heads int, by nn.Apart, f form) nn.Value {
	y := b.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Bias: nn.ScoreBias{
		Table: "attention_biases", HeadsFirst: true, Index: "attention_bias_idxs", By: by,
	}})
	return f.linear(b.At("proj", 1), b.At("proj", 0).Act(y), width)
}

// feedForward adds two linear layers, (N,L,C) to the same.
func (l levit) feedForward(b *nn.Builder, x nn.Value, f form) nn.Value {
	at := b.At("block")
	y := at.At("activation").Act(f.linear(at.At("linear1"), x, 2*x.C))
	return b.Output(b.Add(x, f.linear(at.At("linear2"), y, x.C)))
}

// conv adds a convolution and its norm, or the convolution that has taken it in.
func (f form) conv(b *nn.Builder, x nn.Value, out int, opts ...nn.Option) nn.Value {
	if f == deployed {
		return b.Conv(x, out, append(opts, nn.Bias())...)
	}
	return b.At("bn").BatchNorm(b.At("conv").Conv(x, out, opts...))
}

// linear adds a linear layer and its norm, or the layer that has taken it in.
func (f form) linear(b *nn.Builder, x nn.Value, out int) nn.Value {
	if f == deployed {
		return b.Linear(x, out)
	}
	return b.At("bn").BatchNorm(b.At("linear").PlainLinear(x, out))
}

// normAndClassify adds a norm of the features x and a linear layer, which keep apart in either form.
func normAndClassify(b *nn.Builder, x nn.Value, classes int) nn.Value {
	return b.At("linear").Linear(b.At("bn").BatchNorm(x), classes)
}
