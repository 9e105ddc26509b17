package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MobileViT: arXiv:2110.02178, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mobilevit.py).
//
// Inverted residuals, of which the last three stages have one each; then a block in which pixels attend to
// those that lie a multiple of two rows and columns from them. Traps: tokens are normed with eps 1e-5 here, and the
// feed-forward network's activation is SiLU; a block's last convolution is of what enters the block and of
// what attention made, in this order. Maps of odd sides are resized for the attention, and back.
var mobileViT = mobileViTFamily()

func mobileViTFamily() Family {
	f := Family{Name: "mobilevit", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for size, m := range map[string]mobileViTNet{
		"small":   {expand: 4, widths: [5]int{32, 64, 96, 128, 160}, inner: [3]int{144, 192, 240}},
		"xsmall":  {expand: 4, widths: [5]int{32, 48, 64, 80, 96}, inner: [3]int{96, 120, 144}},
		"xxsmall": {expand: 2, widths: [5]int{16, 24, 48, 64, 80}, inner: [3]int{64, 80, 96}},
	} {
		ofTimm := named(mobileViTOfTimm, "mobilevit_"+strings.TrimSuffix(size, "mall"))
		ofTimm.Settings = timmArgs("avg")
		f.Archs["mobilevit-"+size], f.Sources["mobilevit-"+size] = m.graph, projects{timm: ofTimm}
	}
	return f
}

// mobileViTLayers are the layers of attention of each of the last three stages.
var mobileViTLayers = [3]int{2, 4, 3}

// mobileViTOfTimm renames timm's networks.
func mobileViTOfTimm() recipe.Recipe {
	const block, to = "stages.*.1.", "backbone.layers.*.1."
	r := recipe.Recipe{
		recipe.Rename("stem.**", "backbone.stem.**"),
		recipe.Rename("stages.*.*.conv1_1x1.**", "backbone.layers.*.*.conv.0.**"),
		recipe.Rename("stages.*.*.conv2_kxk.**", "backbone.layers.*.*.conv.1.**"),
		recipe.Rename("stages.*.*.conv3_1x1.**", "backbone.layers.*.*.conv.2.**"),
		recipe.Rename(block+"conv_kxk.**", to+"local_rep.0.**"),
		recipe.Rename(block+"conv_1x1.*", to+"local_rep.1.conv.*"),
		recipe.Rename(block+"transformer.*.norm*.*", to+"global_rep.*.ln*.*"),
		recipe.Rename(block+"transformer.*.attn.**", to+"global_rep.*.attn.**"),
		recipe.Rename(block+"transformer.*.mlp.fc1.*", to+"global_rep.*.ffn.layers.0.0.*"),
		recipe.Rename(block+"transformer.*.mlp.fc2.*", to+"global_rep.*.ffn.layers.1.*"),
		recipe.Rename(block+"conv_proj.**", to+"conv_proj.**"),
		recipe.Rename(block+"conv_fusion.**", to+"conv_fusion.**"),
		recipe.Rename("final_conv.**", "backbone.conv_1x1_exp.**"),
		recipe.Rename("head.fc.*", "head.fc.*"),
	}
	for i, layers := range mobileViTLayers {
		r = append(r, recipe.Rename(fmt.Sprintf("stages.%d.1.norm.*", i+2), fmt.Sprintf("backbone.layers.%d.1.global_rep.%d.*", i+2, layers)))
	}
	return r
}

// A mobileViTNet is a network: by how much inverted residuals widen, the channels of each stage, and those
// that attend in each of the last three.
type mobileViTNet struct {
	expand int
	widths [5]int
	inner  [3]int
}

func (m mobileViTNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.SiLU())
	bb := b.At("backbone")
	x := bb.At("stem").ConvNormAct(b.Input(), 16, nn.K(3), nn.Stride(2)) // (N,16,H/2,W/2)
	for i, out := range m.widths {
		at := bb.At("layers", i)
		residual := func(j, stride int) { x = mobileV2Block(at.At(j), x, m.expand, out, stride) }
		residual(0, min(i, 1)+1)
		switch {
		case i == 1:
			residual(1, 1)
			residual(2, 1)
		case i > 1:
			x = attendingBlock(at.At(1), x, m.inner[i-2], mobileViTLayers[i-2])
		}
	}
	x = bb.At("conv_1x1_exp").ConvNormAct(x, 4*x.C)
	return poolAndClassify(b, x, classes)
}

// attendingBlock adds a block of layers of attention over inner channels, (N,C,H,W) to the same.
func attendingBlock(b *nn.Builder, x nn.Value, inner, layers int) nn.Value {
	local, global := b.At("local_rep"), b.At("global_rep")
	y := local.At(0).ConvNormAct(x, x.C, nn.K(3))
	y = b.Tokens(b.ResizeTo(local.At(1, "conv").Conv(y, inner), 2)) // (N,H*W,inner)
	for i := range layers {
		at := global.At(i)
		attn := at.At("attn")
		qkv := b.Split(attn.At("qkv").Linear(at.At("ln1").LayerNorm(y), 3*inner), 3)
		sum := attn.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: 4, Window: nn.Window{Side: 2, Grid: true}})
		y = b.Add(y, attn.At("proj").Linear(sum, inner))
		y = b.Add(y, feedForward(at.At("ffn"), at.At("ln2").LayerNorm(y), 2*inner))
	}
	y = b.ResizeLike(b.Image(global.At(layers).LayerNorm(y)), x)
	y = b.At("conv_proj").ConvNormAct(y, x.C)
	return b.Output(b.At("conv_fusion").ConvNormAct(b.Concat(x, y), x.C, nn.K(3)))
}
