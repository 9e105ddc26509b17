package backbone

import (
	"fmt"
	"strconv"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// HRNet: arXiv:1908.07919, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/hrnet.py, necks/hr_fuse.py). Branches of several
// resolutions run side by side and are added into each other after every few blocks.
//
// In its authors' networks, which timm publishes, the neck's convolutions have biases, although
// batch norms follow; two of them are small, the first of which has branches of 16 channels, not 18.
//
// Trap: what a coarse branch gives is repeated pixel by pixel up to the size of a finer
// one, so both sides of the input must be multiples of 32.
var hrNet = hrNetFamily()

func hrNetFamily() Family {
	f := Family{Name: "hrnet", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	add := func(arch string, h highResolution, network string) {
		f.Archs[arch] = h.graph
		if network != "" {
			f.Sources[arch] = projects{timm: named(always(hrTimm), network)}
		}
	}
	without := map[int]string{18: "hrnet_w18_ssld", 48: "hrnet_w48_ssld"} // biases
	for _, width := range []int{18, 30, 32, 40, 44, 48, 64} {
		h := highResolution{width: width, inner: 64, first: 4, blocks: 4, modules: []int{1, 4, 3}}
		add(fmt.Sprintf("hrnet-w%d", width), h, without[width])
		h.bias = true
		add(fmt.Sprintf("hrnet-w%d-bias", width), h, fmt.Sprintf("hrnet_w%d", width))
	}
	small := highResolution{width: 16, inner: 32, first: 1, blocks: 2, modules: []int{1, 1, 1}, bias: true}
	add("hrnet-w18-small", small, "hrnet_w18_small")
	small = highResolution{width: 18, inner: 64, first: 2, blocks: 2, modules: []int{1, 3, 2}, bias: true}
	add("hrnet-w18-small-v2", small, "hrnet_w18_small_v2")
	return f
}

// hrTimm renames timm's networks.
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
	hrFeatures   = []int{128, 256, 512, 1024} // that the neck makes of the last stage's branches
	hrBasic      = residual{basic: true}      // blocks of the branches
	hrBottleneck = residual{}                 // blocks of the first stage and of the neck
)

const hrOut = 2048 // features

// highResolution is an HRNet. Branch i has width<<i channels at 1/(4<<i) of the input's size.
type highResolution struct {
	width   int
	inner   int   // channels inside the first stage's bottlenecks, which give four times as many
	first   int   // blocks of the first stage
	blocks  int   // of each branch of a module
	modules []int // of stages 2, 3 and 4, which have as many branches
	bias    bool  // of the neck's convolutions outside its blocks
}

func (h highResolution) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, resEps, nn.ReLU())
	bb := b.At("backbone")
	x := b.Input()
	for i := 1; i <= 2; i++ { // (N,64,H/2,W/2), then (N,64,H/4,W/4)
		x = bb.At("conv"+strconv.Itoa(i)).Conv(x, resStem, nn.K(3), nn.Stride(2))
		x = bb.At("relu").Act(bb.At("bn" + strconv.Itoa(i)).BatchNorm(x))
	}
	layer := bb.At("layer1")
	for j := range h.first {
		x = hrBottleneck.block(layer.At(j), x, h.inner, 4*h.inner, 1)
	}
	branches := []nn.Value{layer.Output(x)} // (N,4*inner,H/4,W/4)
	for i, modules := range h.modules {
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
		for j := range h.blocks {
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
	var bias []nn.Option
	if h.bias {
		bias = append(bias, nn.Bias())
	}
	var x nn.Value
	for i, y := range branches {
		out := hrFeatures[i]
		wide := func() nn.Value { return hrBottleneck.block(b.At("increase_layers", i, 0), y, out/4, out, 1) }
		if i == 0 {
			x = wide()
			continue
		}
		x = b.At("downsample_layers", i-1).ConvNormAct(x, out, append(bias, nn.K(3), nn.Stride(2))...)
		x = b.Add(x, wide())
	}
	return b.At("final_layer").ConvNormAct(x, hrOut, bias...)
}

// hrUnit adds a 3x3 convolution, norm and activation as a Sequential numbers them.
func hrUnit(b *nn.Builder, x nn.Value, out, stride int) nn.Value {
	x = b.At(0).Conv(x, out, nn.K(3), nn.Stride(stride))
	return b.At(2).Act(b.At(1).BatchNorm(x))
}
