package backbone

import (
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// CSPNet: cross stage partial networks, arXiv:1911.11929, as OpenMMLab's
// mmpretrain builds them (mmpretrain/models/backbones/cspnet.py).
//
// State dict names are the published ones; "atfer_blocks_conv" is spelled so.
// Trap: the entry named cspdarknet50 is depth 53.
// Trap: LeakyReLU's slope is 0.01, PyTorch's default, whatever Darknet had.
var cspNet = Family{
	Name: "cspnet",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"cspdarknet53": cspDark{
			stem: 32,
			stages: []cspStage{
				{out: 64, expand: 2, bottle: 2, blocks: 1},
				{out: 128, expand: 1, bottle: 1, blocks: 2},
				{out: 256, expand: 1, bottle: 1, blocks: 8},
				{out: 512, expand: 1, bottle: 1, blocks: 8},
				{out: 1024, expand: 1, bottle: 1, blocks: 4},
			},
		}.graph,
		"cspresnet50": cspRes{
			stem: 64, groups: 1,
			stages: []cspStage{
				{out: 128, expand: 4, bottle: 2, blocks: 3},
				{out: 256, expand: 4, bottle: 2, blocks: 3},
				{out: 512, expand: 4, bottle: 2, blocks: 5},
				{out: 1024, expand: 4, bottle: 2, blocks: 2},
			},
		}.graph,
		"cspresnext50": cspRes{
			stem: 64, groups: 32,
			stages: []cspStage{
				{out: 256, expand: 4, bottle: 1, blocks: 3},
				{out: 512, expand: 2, bottle: 1, blocks: 3},
				{out: 1024, expand: 2, bottle: 1, blocks: 5},
				{out: 2048, expand: 2, bottle: 1, blocks: 2},
			},
		}.graph,
		// The nano networks are this project's own; see golden/gen/networks.py.
		"cspdarknet-nano": cspDark{
			stem: 8,
			stages: []cspStage{
				{out: 16, expand: 2, bottle: 2, blocks: 1},
				{out: 32, expand: 1, bottle: 1, blocks: 2},
				{out: 64, expand: 1, bottle: 1, blocks: 1},
			},
		}.graph,
		"cspresnet-nano": cspRes{
			stem: 16, groups: 1,
			stages: []cspStage{
				{out: 32, expand: 4, bottle: 2, blocks: 2},
				{out: 64, expand: 4, bottle: 2, blocks: 1},
			},
		}.graph,
		"cspresnext-nano": cspRes{
			stem: 32, groups: 32,
			stages: []cspStage{
				{out: 64, expand: 4, bottle: 1, blocks: 1},
				{out: 128, expand: 2, bottle: 1, blocks: 2},
			},
		}.graph,
	},
	Sources: map[string]projects{
		"cspdarknet53": {timm: named(always(append(recipe.Recipe{
			recipe.Rename("stem.conv1.**", "backbone.stem.**"),
			recipe.Rename("stages.*.blocks.**", "backbone.stages.*.blocks.**"),
		}, cspTimmStage...)), "cspdarknet53")},
		"cspresnet50":  {timm: named(always(cspTimmRes), "cspresnet50")},
		"cspresnext50": {timm: named(always(cspTimmRes), "cspresnext50")},
	},
}

// cspTimmStage renames the convolutions of a stage around its blocks.
var cspTimmStage = recipe.Recipe{
	recipe.Rename("stages.*.conv_down.**", "backbone.stages.*.downsample_conv.**"),
	recipe.Rename("stages.*.conv_exp.**", "backbone.stages.*.expand_conv.**"),
	recipe.Rename("stages.*.conv_transition_b.**", "backbone.stages.*.atfer_blocks_conv.**"),
	recipe.Rename("stages.*.conv_transition.**", "backbone.stages.*.final_conv.**"),
}

// cspTimmRes renames a CSPResNet or CSPResNeXt; their bottlenecks drop a level.
var cspTimmRes = append(recipe.Recipe{
	recipe.Rename("stem.conv1.**", "backbone.stem.0.**"),
	recipe.Rename("stages.*.blocks.*.conv*.conv.weight", "backbone.stages.*.blocks.*.conv*.weight"),
	recipe.Rename("stages.*.blocks.*.conv*.bn.**", "backbone.stages.*.blocks.*.bn*.**"),
}, cspTimmStage...)

// cspStage holds the numbers of one stage.
type cspStage struct {
	out    int // channels it ends with
	expand int // channels before the split, as a multiple of those after downsampling
	bottle int // channels of a block divided by those inside it
	blocks int
}

const cspEps = 1e-5

var cspAct = nn.LeakyReLU(0.01)

// cspDark is a CSPDarkNet: every stage halves the resolution.
type cspDark struct {
	stem   int
	stages []cspStage
}

func (c cspDark) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, cspEps, cspAct)
	bb := b.At("backbone")
	x := bb.At("stem").ConvNormAct(b.Input(), c.stem, nn.K(3)) // (N,S,H,W)
	for i, s := range c.stages {
		sb := bb.At("stages", i)
		x = sb.At("downsample_conv").ConvNormAct(x, s.out, nn.K(3), nn.Stride(2))
		block := func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.At("conv1").ConvNormAct(x, x.C/s.bottle)
			y = b.At("conv2").ConvNormAct(y, x.C, nn.K(3))
			return b.Output(b.Add(y, x)) // no activation after the addition
		}
		x = s.partial(sb, x, block)
	}
	return poolAndClassify(b, x, classes)
}

// cspRes is a CSPResNet, or with groups a CSPResNeXt: stage 0 keeps the
// resolution of the pooled stem.
type cspRes struct {
	stem   int
	groups int // of the 3x3 convolutions
	stages []cspStage
}

func (c cspRes) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, cspEps, cspAct)
	bb := b.At("backbone")
	x := bb.At("stem", 0).ConvNormAct(b.Input(), c.stem, nn.K(7), nn.Stride(2)) // (N,S,H/2,W/2)
	x = bb.At("stem", 1).MaxPool(x, 3, 2, 1)                                    // (N,S,H/4,W/4)
	bb.At("stem").Output(x)
	for i, s := range c.stages {
		sb := bb.At("stages", i)
		if i > 0 {
			x = sb.At("downsample_conv").ConvNormAct(x, x.C, nn.K(3), nn.Stride(2), nn.Groups(c.groups))
		}
		block := func(b *nn.Builder, x nn.Value) nn.Value {
			mid := x.C / s.bottle
			relu := b.At("relu")
			y := b.At("conv1").Conv(x, mid)
			y = relu.Act(b.At("bn1").BatchNorm(y))
			y = b.At("conv2").Conv(y, mid, nn.K(3), nn.Groups(c.groups))
			y = relu.Act(b.At("bn2").BatchNorm(y))
			y = b.At("conv3").Conv(y, x.C)
			y = b.At("bn3").BatchNorm(y)
			return b.Output(relu.Act(b.Add(y, x)))
		}
		x = s.partial(sb, x, block, nn.NoAct())
	}
	return poolAndClassify(b, x, classes)
}

// partial adds what follows the downsampling of a stage, x (N,D,H,W): half of
// the expanded channels bypass the blocks and are put back in front.
func (s cspStage) partial(b *nn.Builder, x nn.Value, block func(*nn.Builder, nn.Value) nn.Value, expand ...nn.Option) nn.Value {
	x = b.At("expand_conv").ConvNormAct(x, x.C*s.expand, expand...) // (N,E,H,W)
	keep, work := b.Halves(x)                                       // (N,E/2,H,W) each
	for j := range s.blocks {
		work = block(b.At("blocks", j), work)
	}
	work = b.At("atfer_blocks_conv").ConvNormAct(work, work.C)
	x = b.At("final_conv").ConvNormAct(b.Concat(keep, work), s.out) // (N,out,H,W)
	return b.Output(x)
}
