package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EfficientFormer: arXiv:2206.01191, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/efficientformer.py).
//
// Most blocks mix pixels by what an average over 3x3 differs from the pixel; the last ones, which are
// over tokens, by attention. Traps: averages leave the border out; queries, keys and values lie head by
// head, values of 128 channels and the others of 32; what is added to scores is learnt for 7 x 7
// pixels, so that images have sides of 193 to 224; the step from pixels to tokens takes a number among
// the blocks. Logits are the mean of two classifiers.
var efficientFormer = efficientFormerFamily()

// An efficientFormerNet is a network: blocks and channels of each stage, and how many of the last stage's
// blocks have attention.
type efficientFormerNet struct {
	blocks, widths [4]int
	attention      int
}

var efficientFormers = map[string]efficientFormerNet{
	"efficientformer-l1": {blocks: [4]int{3, 2, 6, 4}, widths: [4]int{48, 96, 224, 448}, attention: 1},
	"efficientformer-l3": {blocks: [4]int{4, 4, 12, 6}, widths: [4]int{64, 128, 320, 512}, attention: 4},
	"efficientformer-l7": {blocks: [4]int{6, 6, 18, 8}, widths: [4]int{96, 192, 384, 768}, attention: 8},
}

func efficientFormerFamily() Family {
	f := Family{Name: "efficientformer", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, e := range efficientFormers {
		ofTimm := named(e.timm, strings.ReplaceAll(arch, "-", "_"))
		ofTimm.Settings = timmArgs("avg")
		f.Archs[arch], f.Sources[arch] = e.graph, projects{timm: ofTimm}
	}
	return f
}

// timm renames timm's networks, which count the step from pixels to tokens among the blocks, and what
// halves an image not.
func (e efficientFormerNet) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("norm.*", "backbone.norm3.*"),
		recipe.Rename("head.*", "head.head.*"),
		recipe.Rename("head_dist.*", "head.dist_head.*"),
		recipe.Rename("stages.*.downsample.conv.*", "backbone.network.*.0.conv.*"),
		recipe.Rename("stages.*.downsample.norm.*", "backbone.network.*.0.bn.*"),
	}
	for i := range 2 {
		to := fmt.Sprintf("backbone.patch_embed.%d.", i)
		r = append(r, recipe.Rename(fmt.Sprintf("stem.conv%d.*", i+1), to+"conv.*"), recipe.Rename(fmt.Sprintf("stem.norm%d.*", i+1), to+"bn.*"))
	}
	for i, blocks := range e.blocks {
		for j := range blocks + 1 {
			if j == blocks-e.attention && i == 3 || j == blocks && i < 3 {
				continue // the step, or no block
			}
			from, to := fmt.Sprintf("stages.%d.blocks.%d.", i, j), fmt.Sprintf("backbone.network.%d.%d.", i, j+min(i, 1))
			r = append(r, recipe.Rename(from+"ls*.gamma", to+"ls*.weight"), recipe.Rename(from+"**", to+"**"))
		}
	}
	return r
}

func (e efficientFormerNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	stem := bb.At("patch_embed").WithAct(nn.ReLU())
	x := stem.At(0).ConvNormAct(b.Input(), e.widths[0]/2, nn.K(3), nn.Stride(2), nn.Bias())
	x = stem.At(1).ConvNormAct(x, e.widths[0], nn.K(3), nn.Stride(2), nn.Bias()) // (N,W0,H/4,W/4)
	for i, blocks := range e.blocks {
		at := 0 // number among the stage's modules
		stage := func() *nn.Builder { at++; return bb.At("network", i, at-1) }
		if i > 0 {
			x = stage().ConvNormAct(x, e.widths[i], nn.K(3), nn.Stride(2), nn.Bias(), nn.NoAct())
		}
		for j := range blocks {
			left := blocks - j
			if i < 3 || left > e.attention {
				x = poolingBlock(stage(), x)
				continue
			}
			if left == e.attention {
				x = stage().Tokens(x)
			}
			x = attentionBlock(stage(), x)
		}
	}
	neck := b.At("neck")
	x = neck.Features(neck.At("gap").GlobalAvgPool(bb.At("norm3").LayerNorm(x)))
	head := b.At("head")
	return b.Graph(b.Scale(b.Add(head.At("head").Linear(x, classes), head.At("dist_head").Linear(x, classes)), 0.5))
}

// poolingBlock adds a block that mixes pixels by averages, (N,C,H,W) to the same.
func poolingBlock(b *nn.Builder, x nn.Value) nn.Value {
	mlp := b.At("mlp")
	x = b.Add(x, b.At("ls1").LayerScaleModule(poolingMixer(b.At("token_mixer"), x)))
	y := mlp.At("norm1").BatchNorm(mlp.At("fc1").Conv(x, 4*x.C, nn.Bias()))
	y = mlp.At("norm2").BatchNorm(mlp.At("fc2").Conv(mlp.At("act").Act(y), x.C, nn.Bias()))
	return b.Output(b.Add(x, b.At("ls2").LayerScaleModule(y)))
}

// attentionBlock adds a block of attention, (N,49,C) to the same.
func attentionBlock(b *nn.Builder, x nn.Value) nn.Value {
	const heads, key, value, side = 8, 32, 128, 7
	mixer, mlp := b.At("token_mixer"), b.At("mlp")
	qkv := mixer.CutRuns(mixer.At("qkv").Linear(b.At("norm1").LayerNorm(x), heads*(2*key+value)), heads, key, key, value)
	bias := nn.ScoreBias{Table: "attention_biases", HeadsFirst: true, Index: "attention_bias_idxs", By: nn.Apart{H: side, W: side}}
	y := mixer.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Bias: bias})
	x = b.Add(x, b.At("ls1").LayerScaleModule(mixer.At("proj").Linear(y, x.C)))
	y = mlp.At("act").Act(mlp.At("fc1").Linear(b.At("norm2").LayerNorm(x), 4*x.C))
	return b.Output(b.Add(x, b.At("ls2").LayerScaleModule(mlp.At("fc2").Linear(y, x.C))))
}
