package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// VAN, the Visual Attention Network: arXiv:2202.09741, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/van.py).
//
// Attention is a product of pixels and of what convolutions of each channel make of them, which together reach
// over 23 pixels; a feed-forward network with a convolution in it follows. Traps: what the norm before an attention
// makes is added to what the attention makes of it, and the layer scale multiplies both; the activation of the
// feed-forward network follows its convolution. Norms are batch norms, but for the layer norm that ends a stage;
// both kinds have eps 1e-5.
var van = Family{
	Name: "van",
	Archs: map[string]func(int) (*nn.Graph, error){
		"van-tiny":  vanNetwork{[4]int{32, 64, 160, 256}, [4]int{3, 3, 5, 2}}.graph,
		"van-small": vanNetwork{[4]int{64, 128, 320, 512}, [4]int{2, 2, 4, 2}}.graph,
		"van-base":  vanNetwork{[4]int{64, 128, 320, 512}, [4]int{3, 3, 12, 3}}.graph,
		"van-large": vanNetwork{[4]int{64, 128, 320, 512}, [4]int{3, 5, 27, 3}}.graph,
	},
}

// A vanNetwork is a network: widths and blocks are those of each stage.
type vanNetwork struct{ widths, blocks [4]int }

// vanRatios are how many times a feed-forward network widens in each stage.
var vanRatios = [4]int{8, 8, 4, 4}

func (v vanNetwork) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := b.Input()
	for i, blocks := range v.blocks {
		k, stride := 3, 2
		if i == 0 {
			k, stride = 7, 4
		}
		embed := bb.At(fmt.Sprint("patch_embed", i+1))
		x = embed.At("projection").Conv(x, v.widths[i], nn.K(k), nn.Stride(stride), nn.Bias()) // (N,C,H/4,W/4), then H/8 …
		x = embed.At("norm").BatchNorm(x)
		for j := range blocks {
			x = vanBlock(bb.At(fmt.Sprint("blocks", i+1), j), x, vanRatios[i])
		}
		x = bb.At(fmt.Sprint("norm", i+1)).LayerNorm(x)
	}
	return poolAndClassify(b, x, classes)
}

// vanBlock adds a block, (N,C,H,W) to the same.
func vanBlock(b *nn.Builder, x nn.Value, ratio int) nn.Value {
	y := largeKernelAttention(b.At("attn"), b.At("norm1").BatchNorm(x))
	x = b.Add(x, b.LayerScaleNamed(y, "layer_scale_1"))
	mlp := b.At("mlp")
	y = mlp.At("fc1").Conv(b.At("norm2").BatchNorm(x), ratio*x.C, nn.Bias())
	y = mlp.At("act").Act(mlp.At("dwconv").Conv(y, y.C, nn.K(3), nn.Groups(y.C), nn.Bias()))
	y = mlp.At("fc2").Conv(y, x.C, nn.Bias())
	return b.Output(b.Add(x, b.LayerScaleNamed(y, "layer_scale_2")))
}

// largeKernelAttention adds an attention of pixels by convolutions of each channel: of pixels that touch, then of
// some that lie three apart; less the addition of its input it is 1x1 convolutions around that.
func largeKernelAttention(b *nn.Builder, x nn.Value) nn.Value {
	y := b.At("activation").Act(b.At("proj_1").Conv(x, x.C, nn.Bias()))
	unit := b.At("spatial_gating_unit")
	z := unit.At("DW_conv").Conv(y, y.C, nn.K(5), nn.Groups(y.C), nn.Bias())
	z = unit.At("DW_D_conv").Conv(z, y.C, nn.K(7), nn.Dilation(3), nn.Groups(y.C), nn.Bias())
	z = unit.At("conv1").Conv(z, y.C, nn.Bias())
	return b.Add(b.At("proj_2").Conv(unit.Mul(y, z), x.C, nn.Bias()), x)
}
