package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// Conformer: arXiv:2105.03889, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/conformer.py).
//
// A convolutional network and a transformer run side by side. In each block the map between the
// convolutions of the first is averaged to the transformer's grid and added to its tokens, and what
// the transformer makes of them is repeated to the map's size and added within a second bottleneck.
// Each of the two has a classifier, and the logits are the sum of both.
//
// Traps: norms have eps 1e-6, but for the first of all and the last of the transformer, which have
// PyTorch's 1e-5. What is averaged has no class token: the transformer's is added to itself in its
// place. What the stem makes is padded with zeros, at the bottom and to the right, to whole patches.
var conformers = Family{
	Name: "conformer",
	Archs: map[string]func(int) (*nn.Graph, error){
		"conformer-tiny-p16":  conformer{ratio: 1, patch: 16, width: 384, heads: 6}.graph,
		"conformer-small-p16": conformer{ratio: 4, patch: 16, width: 384, heads: 6}.graph,
		"conformer-small-p32": conformer{ratio: 4, patch: 32, width: 384, heads: 6}.graph,
		"conformer-base-p16":  conformer{ratio: 6, patch: 16, width: 576, heads: 9}.graph,
	},
}

// A conformer is a network: its maps have ratio times 64, 128 and 256 channels, its tokens width.
type conformer struct {
	ratio, patch, width, heads int
}

const (
	conformerStem    = 64
	conformerLayers  = 12   // four of each of three sizes of maps
	conformerEndsEps = 1e-5 // of the first norm and the last
)

func (c conformer) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.ReLU())
	bb := b.At("backbone")
	x := bb.At("conv1").Conv(b.Input(), conformerStem, nn.K(7), nn.Stride(2))
	x = bb.At("act1").Act(bb.At("bn1").WithEps(conformerEndsEps).BatchNorm(x))
	per := c.patch / 4                                                        // pixels of this map along a patch
	x = bb.At("auto_pad").PadTo(bb.At("maxpool").MaxPool(x, 3, 2, 1), per, 0) // (N,64,H/4,W/4)
	patches := bb.At("trans_patch_conv").Conv(x, c.width, nn.K(per), nn.Stride(per), nn.Pad(0), nn.Bias())
	tokens := c.layer(bb.At("trans_1"), bb.Prefix(bb.Tokens(patches), "cls_token")) // (N,1+L,width)
	mid := conformerStem * c.ratio / 4
	first := bb.At("conv_1")
	x = first.Output(widen(first, x, narrow(first, x, mid, 1), 1, true))
	for i := 2; i <= conformerLayers; i++ {
		at, stride := bb.At(fmt.Sprint("conv_trans_", i)), 1
		if i%4 == 1 {
			stride, mid, per = 2, 2*mid, per/2
		}
		cnn, fusion := at.At("cnn_block"), at.At("fusion_block")
		inner := cnn.Output(narrow(cnn, x, mid, stride))
		x = widen(cnn, x, inner, stride, stride > 1)
		down := c.down(at.At("squeeze_block"), inner, per)
		tokens = c.layer(at.At("trans_block"), b.Add(b.JoinTokens(b.FirstTokens(tokens, 1), down, 1), tokens))
		if stride = 1; i == conformerLayers {
			stride = 2
		}
		up := b.Upsample(c.up(at.At("expand_block"), tokens, mid), per) // a function, which mmcv does not count
		x = fusion.Output(widen(fusion, x, narrow(fusion, x, mid, stride, up), stride, stride > 1))
	}
	conv := bb.Features(b.Flatten(bb.At("pooling").GlobalAvgPool(x)))
	class := bb.Features(b.Token(bb.At("trans_norm").WithEps(conformerEndsEps).LayerNorm(tokens), 0))
	head := b.At("head")
	return b.Graph(b.Add(head.At("conv_cls_head").Linear(conv, classes), head.At("trans_cls_head").Linear(class, classes)))
}

// layer adds a transformer's layer, Vision Transformer's.
func (c conformer) layer(b *nn.Builder, x nn.Value) nn.Value {
	v := vit{vitWidth: vitWidth{heads: c.heads, hidden: 4 * c.width}}
	return b.Output(v.layer(b.WithAct(nn.GELU()), x))
}

// down makes tokens of a map, (N,C,H,W) to (N,H/per*W/per,width).
func (c conformer) down(b *nn.Builder, x nn.Value, per int) nn.Value {
	x = b.At("conv_project").Conv(x, c.width, nn.Bias())
	x = b.Tokens(b.At("sample_pooling").AvgPool(x, nn.AvgPool{K: per, Stride: per}))
	return b.At("act").WithAct(nn.GELU()).Act(b.At("ln").LayerNorm(x))
}

// up makes a map of the tokens that are pixels, (N,1+L,width) to (N,out,h,w).
func (c conformer) up(b *nn.Builder, x nn.Value, out int) nn.Value {
	x = b.At("conv_project").Conv(b.Image(x), out, nn.Bias())
	return b.At("act").Act(b.At("bn").BatchNorm(x))
}

// narrow adds the first two convolutions of a bottleneck, (N,C,H,W) to (N,mid,H/stride,W/stride). What is
// beside is added between them.
func narrow(b *nn.Builder, x nn.Value, mid, stride int, beside ...nn.Value) nn.Value {
	x = b.At("act1").Act(b.At("bn1").BatchNorm(b.At("conv1").Conv(x, mid)))
	for _, y := range beside {
		x = b.Add(x, y)
	}
	return b.At("act2").Act(b.At("bn2").BatchNorm(b.At("conv2").Conv(x, mid, nn.K(3), nn.Stride(stride))))
}

// widen adds the rest of a bottleneck of x to what narrow made, (N,mid,H,W) to (N,4*mid,H,W).
func widen(b *nn.Builder, x, y nn.Value, stride int, projects bool) nn.Value {
	y = b.At("bn3").BatchNorm(b.At("conv3").Conv(y, 4*y.C))
	if projects {
		x = b.At("residual_bn").BatchNorm(b.At("residual_conv").Conv(x, y.C, nn.Stride(stride)))
	}
	return b.At("act3").Act(b.Add(y, x))
}
