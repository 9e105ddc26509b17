package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// TinyViT: arXiv:2207.10666, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/tinyvit.py,
// LeAttention of models/utils/attention.py).
//
// Traps: windows are padded before the norm of an attention, so that the tokens of padding are its biases, which
// every query sees. Queries, keys and values lie head by head. Between the attention and the feed-forward
// network of a block there is a depthwise convolution of all pixels. The blocks of the first stage are
// convolutions, and end with an activation after the addition. What is classified is the norm of the mean. The
// framework's network is built for images of one size; only the windows tell here, so that all are taken.
var tinyViT = tinyViTFamily()

func tinyViTFamily() Family {
	f := Family{Name: "tinyvit", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for name, v := range map[string]tinyvit{
		"5m":        {widths: [4]int{64, 128, 160, 320}, side: 7},
		"11m":       {widths: [4]int{64, 128, 256, 448}, side: 7},
		"21m":       {widths: [4]int{96, 192, 384, 576}, side: 7},
		"21m-384px": {widths: [4]int{96, 192, 384, 576}, side: 12},
		"21m-512px": {widths: [4]int{96, 192, 384, 576}, side: 16},
	} {
		size, _, _ := strings.Cut(name, "-")
		ofTimm := named(tinyOfTimm, fmt.Sprintf("tiny_vit_%s_%d", size, 32*v.side)) // in the last stage, a window is the image
		ofTimm.Settings = timmArgs("avg")
		f.Archs["tinyvit-"+name], f.Sources["tinyvit-"+name] = v.graph, projects{timm: ofTimm}
	}
	return f
}

// tinyOfTimm renames timm's networks, in which a stage begins with what halves the image.
func tinyOfTimm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("head.norm.*", "backbone.norm3.*"),
		recipe.Rename("head.fc.*", "head.fc.*"),
		recipe.Rename("stages.*.blocks.*.attn.**", "backbone.stages.*.blocks.*.attn.**"),
		recipe.Rename("stages.*.blocks.*.mlp.**", "backbone.stages.*.blocks.*.mlp.**"),
	}
	convs := [][2]string{
		{"patch_embed.conv1.", "backbone.patch_embed.seq.0."},
		{"patch_embed.conv2.", "backbone.patch_embed.seq.2."},
		{"stages.*.blocks.*.*.", "backbone.stages.*.blocks.*.*."},
	}
	for i := range len(tinyBlocks) - 1 {
		convs = append(convs, [2]string{fmt.Sprintf("stages.%d.downsample.*.", i+1), fmt.Sprintf("backbone.stages.%d.downsample.*.", i)})
	}
	for _, c := range convs {
		r = append(r, recipe.Rename(c[0]+"conv.*", c[1]+"conv2d.*"), recipe.Rename(c[0]+"bn.*", c[1]+"bn2d.*"))
	}
	return r
}

// A tinyvit is a network of four stages: windows are side x side pixels, those of the third stage twice as wide.
type tinyvit struct {
	widths [4]int
	side   int
}

// tinyBlocks are the blocks of each stage, tinyHead the channels of a head.
var tinyBlocks = [4]int{2, 2, 6, 2}

const tinyHead = 32

func (v tinyvit) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	stem := bb.At("patch_embed", "seq")
	x := tinyConv(stem.At(0), b.Input(), v.widths[0]/2, nn.K(3), nn.Stride(2))
	x = tinyConv(stem.At(2), stem.At(1).Act(x), v.widths[0], nn.K(3), nn.Stride(2)) // (N,C,H/4,W/4)
	for i, blocks := range tinyBlocks {
		stage := bb.At("stages", i)
		for j := range blocks {
			at := stage.At("blocks", j)
			switch i {
			case 0:
				x = at.Output(at.At("act").Act(b.Add(x, tinyInverted(at, x, 4*x.C, x.C, 1))))
			case 2:
				x = v.block(at, x, 2*v.side)
			default:
				x = v.block(at, x, v.side)
			}
		}
		if i < len(v.widths)-1 { // (N,D,H/2,W/2)
			x = tinyInverted(stage.At("downsample"), x, v.widths[i+1], v.widths[i+1], 2)
		}
	}
	norm := bb.At("norm3")
	x = norm.Features(norm.LayerNorm(b.GlobalMean(b.Tokens(x))))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// tinyConv adds a convolution and its norm.
func tinyConv(b *nn.Builder, x nn.Value, out int, opts ...nn.Option) nn.Value {
	return b.At("bn2d").BatchNorm(b.At("conv2d").Conv(x, out, opts...))
}

// tinyInverted adds a depthwise convolution of mid channels between two of 1x1: (N,C,H,W) to (N,out,H/stride,W/stride).
func tinyInverted(b *nn.Builder, x nn.Value, mid, out, stride int) nn.Value {
	x = b.At("act").Act(tinyConv(b.At("conv1"), x, mid))
	x = b.At("act").Act(tinyConv(b.At("conv2"), x, mid, nn.K(3), nn.Stride(stride), nn.Groups(mid)))
	return tinyConv(b.At("conv3"), x, out)
}

// block adds attention within windows of side x side, a convolution and a feed-forward network, (N,C,H,W) to the same.
func (v tinyvit) block(b *nn.Builder, x nn.Value, side int) nn.Value {
	attn, heads := b.At("attn"), x.C/tinyHead
	x = b.Tokens(x)
	y := attn.At("norm").LayerNorm(b.PadTo(x, side, 0))
	qkv := b.CutRuns(attn.At("qkv").Linear(y, 3*x.C), heads, tinyHead, tinyHead, tinyHead)
	y = attn.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Window: nn.Window{Side: side}, Bias: nn.ScoreBias{
		Table: "attention_biases", HeadsFirst: true, By: nn.Apart{H: side, W: side},
	}})
	x = b.Add(x, b.CropLike(attn.At("proj").Linear(y, x.C), x))
	x = b.Tokens(tinyConv(b.At("local_conv"), b.Image(x), x.C, nn.K(3), nn.Groups(x.C)))
	mlp := b.At("mlp")
	y = mlp.At("act").Act(mlp.At("fc1").Linear(mlp.At("norm").LayerNorm(x), 4*x.C))
	return b.Image(b.Output(b.Add(x, mlp.At("fc2").Linear(y, x.C))))
}
