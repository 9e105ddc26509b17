package backbone

import "github.com/gozoo/zoo/nn"

// MixMIM's network: arXiv:2205.13137, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mixmim.py). It is a Swin Transformer whose windows are larger and not
// shifted: of 14 x 14 tokens, and of all that there are in the last two stages. Positions are added to
// patches before the first layer.
//
// Trap: maps are neither padded nor are positions resized: images are of 224 x 224 pixels.
var mixMIM = Family{
	Name:  "mixmim",
	Archs: map[string]func(classes int) (*nn.Graph, error){"mixmim-base": mixMIMBase},
}

func mixMIMBase(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := patches(bb.At("patch_embed"), b.Input(), 128) // (N,56*56,128)
	x = bb.ExactPosition(x, "absolute_pos_embed", 0, 56, 56)
	for i, layers := range []int{2, 2, 18, 2} {
		at := bb.At("layers", i)
		side := min(14, 56>>i)
		for j := range layers {
			block := at.At("blocks", j)
			attn := block.At("attn")
			qkv := b.Split(attn.At("qkv").Linear(block.At("ln1").LayerNorm(x), 3*x.C), 3)
			y := attn.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: x.C / 32, Window: nn.Window{Side: side}, Bias: nn.ScoreBias{
				Table: "relative_position_bias_table", Index: "relative_position_index", By: nn.Offsets{H: side, W: side},
			}})
			x = b.Add(x, attn.At("proj").Linear(y, x.C))
			x = block.Output(b.Add(x, feedForward(block.At("ffn"), block.At("ln2").LayerNorm(x), 4*x.C)))
		}
		if i < 3 {
			x = mergePatches(at.At("downsample"), x)
		}
	}
	pool := bb.At("avgpool")
	x = pool.Features(pool.Flatten(pool.GlobalAvgPool(bb.At("norm").LayerNorm(x))))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}
