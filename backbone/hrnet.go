package backbone

import (
	"strconv"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// HRNet: arXiv:1908.07919, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/hrnet.py, necks/hr_fuse.py). Branches of several
// resolutions run side by side and are added into each other after every fourth block.
//
// Trap: what a coarse branch gives is repeated pixel by pixel up to the size of a finer
// one, so both sides of the input must be multiples of 32.
var hrNet = Family{
	Name: "hrnet",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"hrnet-w18": highResolution{width: 18}.graph,
		"hrnet-w30": highResolution{width: 30}.graph,
		"hrnet-w32": highResolution{width: 32}.graph,
		"hrnet-w40": highResolution{width: 40}.graph,
		"hrnet-w44": highResolution{width: 44}.graph,
		"hrnet-w48": highResolution{width: 48}.graph,
		"hrnet-w64": highResolution{width: 64}.graph,
	},
	Sources: map[string]projects{
		"hrnet-w18": {timm: named(always(hrTimm), "hrnet_w18_ssld")},
		"hrnet-w48": {timm: named(always(hrTimm), "hrnet_w48_ssld")},
	},
}

// hrTimm renames timm's networks that have no biases in the neck, as these have none.
var hrTimm = recipe.Recipe{
	recipe.Rename("classifier.**", "head.fc.**"),
	recipe.Rename("incre_modules.**", "neck.0.increase_layers.**"),
	recipe.Rename("downsamp_modules.*.0.**", "neck.0.downsample_layers.*.conv.**"),
	recipe.Rename("downsamp_modules.*.1.**", "neck.0.downsample_layers.*.bn.**"),
	recipe.Rename("final_layer.0.**", "neck.0.final_layer.conv.**"),
	recipe.Rename("final_layer.1.**", "neck.0.final_layer.bn.**"),
	recipe.Rename("**", "backbone.**"),
}

// Alike in all of them.
var (
	hrModules    = []int{1, 4, 3}             // of stages 2, 3 and 4, which have as many branches
	hrFeatures   = []int{128, 256, 512, 1024} // that the neck makes of the last stage's branches
	hrBasic      = residual{basic: true}      // blocks of the branches
	hrBottleneck = residual{}                 // blocks of the first stage and of the neck
)

const (
	hrBlocks = 4 // of the first stage, and of each branch of a module
	hrOut    = 2048
)

// highResolution is an HRNet. Branch i has width<<i channels at 1/(4<<i) of the input's size.
type highResolution struct{ width int }

func (h highResolution) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, resEps, nn.ReLU())
	bb := b.At("backbone")
	x := b.Input()
	for i := 1; i <= 2; i++ { // (N,64,H/2,W/2), then (N,64,H/4,W/4)
		x = bb.At("conv"+strconv.Itoa(i)).Conv(x, resStem, nn.K(3), nn.Stride(2))
		x = bb.At("relu").Act(bb.At("bn" + strconv.Itoa(i)).BatchNorm(x))
	}
	layer := bb.At("layer1")
	for j := range hrBlocks {
		x = hrBottleneck.block(layer.At(j), x, 64, 256, 1)
	}
	branches := []nn.Value{layer.Output(x)} // (N,256,H/4,W/4)
	for i, modules := range hrModules {
		branches = h.transition(bb.At("transition"+strconv.Itoa(i+1)), branches)
		stage := bb.At("stage" + strconv.Itoa(i+2))
		for j := range modules {
			branches = h.module(stage.At(j), branches)
		}
	}
	return poolAndClassify(b, h.gather(b.At("neck", 0), branches), classes)
}

// transition brings branches to their channels where they have others, and adds a
// branch of half the last one's size.
func (h highResolution) transition(b *nn.Builder, in []nn.Value) []nn.Value {
	var out []nn.Value
	for i, x := range in {
		if c := h.width << i; x.C != c {
			x = hrUnit(b.At(i), x, c, 1)
		}
		out = append(out, x)
	}
	last := len(in)
	return append(out, hrUnit(b.At(last, 0), in[last-1], h.width<<last, 2))
}

// module runs the blocks of each branch and then makes each branch the sum of all, in
// its own shape.
func (h highResolution) module(b *nn.Builder, in []nn.Value) []nn.Value {
	var branches, out []nn.Value
	for i, x := range in {
		for j := range hrBlocks {
			x = hrBasic.block(b.At("branches", i, j), x, x.C, x.C, 1)
		}
		branches = append(branches, x)
	}
	for i := range branches {
		var sum nn.Value
		for j, x := range branches { // in this order, as sums round
			x = h.fuse(b.At("fuse_layers", i, j), x, j, i)
			if j == 0 {
				sum = x
			} else {
				sum = b.Add(sum, x)
			}
		}
		out = append(out, b.At("relu").Act(sum))
	}
	return out
}

// fuse brings x from the shape of one branch into that of another.
func (h highResolution) fuse(b *nn.Builder, x nn.Value, from, to int) nn.Value {
	c := h.width << to
	if from > to {
		x = b.At(1).BatchNorm(b.At(0).Conv(x, c))
		return b.At(2).Upsample(x, 1<<(from-to))
	}
	for k := range to - from { // halved again and again; channels change in the last step
		step := b.At(k)
		if k < to-from-1 {
			x = hrUnit(step, x, x.C, 2)
		} else {
			x = step.At(1).BatchNorm(step.At(0).Conv(x, c, nn.K(3), nn.Stride(2)))
		}
	}
	return x
}

// gather is the neck: it widens each branch and, from the finest on, halves what it
// has and adds the next; (N,2048,H/32,W/32) in the end.
func (h highResolution) gather(b *nn.Builder, branches []nn.Value) nn.Value {
	var x nn.Value
	for i, y := range branches {
		out := hrFeatures[i]
		wide := func() nn.Value { return hrBottleneck.block(b.At("increase_layers", i, 0), y, out/4, out, 1) }
		if i == 0 {
			x = wide()
			continue
		}
		x = b.At("downsample_layers", i-1).ConvNormAct(x, out, nn.K(3), nn.Stride(2))
		x = b.Add(x, wide())
	}
	return b.At("final_layer").ConvNormAct(x, hrOut)
}

// hrUnit adds a 3x3 convolution, norm and activation as a Sequential numbers them.
func hrUnit(b *nn.Builder, x nn.Value, out, stride int) nn.Value {
	x = b.At(0).Conv(x, out, nn.K(3), nn.Stride(stride))
	return b.At(2).Act(b.At(1).BatchNorm(x))
}
