package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MobileOne: arXiv:2206.04040, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mobileone.py). The published checkpoints are in the
// training form, the published figures are those of the deploy form.
var mobileOne = mobileOneFamily()

func mobileOneFamily() Family {
	f := inBothForms("mobileone", mobileOnes)
	f.Sources = make(map[string]projects)
	for arch, o := range mobileOnes {
		f.Sources[arch] = projects{timm: named(o.timm, strings.ReplaceAll(arch, "-", "_"))}
	}
	return f
}

// timm renames timm's network in the form that it is trained in.
func (o one) timm() recipe.Recipe {
	names := func(from, to string) recipe.Recipe {
		return recipe.Recipe{
			recipe.Rename(from+"conv_kxk.*.conv.**", to+"branch_conv_list.*.conv.**"),
			recipe.Rename(from+"conv_kxk.*.bn.**", to+"branch_conv_list.*.norm.**"),
			recipe.Rename(from+"conv_scale.conv.**", to+"branch_scale.conv.**"),
			recipe.Rename(from+"conv_scale.bn.**", to+"branch_scale.norm.**"),
		}
	}
	out := names("stem.", "backbone.stage0.")
	for i := range o.widths {
		from, to := fmt.Sprintf("stages.%d.*.", i), fmt.Sprintf("backbone.stage%d.*.", i+1)
		out = append(out, names(from, to)...)
		if onePairs[i] > 1 { // the blocks of a first pair change the shape, and have no such branch
			out = append(out, recipe.Rename(from+"identity.**", to+"branch_norm.**"))
		}
		if o.squeezed[i] > 0 {
			out = append(out, recipe.Rename(from+"attn.fc*.**", to+"se.conv*.conv.**"))
		}
	}
	return out
}

var mobileOnes = map[string]one{
	"mobileone-s0": {widths: [4]int{48, 128, 256, 1024}, convs: 4},
	"mobileone-s1": {widths: [4]int{96, 192, 512, 1280}, convs: 1},
	"mobileone-s2": {widths: [4]int{96, 256, 640, 2048}, convs: 1},
	"mobileone-s3": {widths: [4]int{128, 320, 768, 2048}, convs: 1},
	"mobileone-s4": {widths: [4]int{192, 448, 896, 2048}, convs: 1, squeezed: [4]int{0, 0, 5, 1}},
}

// onePairs are the pairs of blocks of each stage.
var onePairs = [4]int{2, 8, 10, 1}

type one struct {
	widths   [4]int // of the stages
	convs    int    // parallel convolutions of the full kernel in a block, the stem excepted
	squeezed [4]int // how many pairs of blocks, the last of each stage, have squeeze-excitation
}

func (o one) graph(classes int, f form) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	stem := oneBlock{k: 3, stride: 2, groups: 1, convs: 1}
	x := stem.add(bb.At("stage0"), b.Input(), min(64, o.widths[0]), f) // (N,C,H/2,W/2)
	for i, pairs := range onePairs {
		for j := range pairs {
			depthwise := oneBlock{k: 3, stride: 1, groups: x.C, convs: o.convs, squeeze: j >= pairs-o.squeezed[i]}
			if j == 0 {
				depthwise.stride = 2
			}
			pointwise := oneBlock{k: 1, stride: 1, groups: 1, convs: o.convs, squeeze: depthwise.squeeze}
			stage := bb.At(fmt.Sprint("stage", i+1))
			x = depthwise.add(stage.At(2*j), x, x.C, f)           // (N,C,H/stride,W/stride)
			x = pointwise.add(stage.At(2*j+1), x, o.widths[i], f) // (N,D,H/stride,W/stride)
		}
	}
	return poolAndClassify(b, x, classes)
}

// oneBlock is a k x k convolution that trains as the sum of one of 1x1, where k is more
// than that, and several of k x k; then squeeze-excitation to a sixteenth, if any.
type oneBlock struct {
	k, stride, groups, convs int
	squeeze                  bool
}

// add adds the block: (N,C,H,W) to (N,out,H/stride,W/stride).
func (o oneBlock) add(b *nn.Builder, x nn.Value, out int, f form) nn.Value {
	sum := branches{k: o.k, out: out, stride: o.stride, groups: o.groups}
	if o.k > 1 {
		sum.convs = append(sum.convs, branch{path: []any{"branch_scale"}, k: 1})
	}
	for i := range o.convs {
		sum.convs = append(sum.convs, branch{path: []any{"branch_conv_list", i}, k: o.k})
	}
	y := sum.add(b, x, f)
	if o.squeeze {
		y = squeezeExcite(b.At("se"), y, makeDivisible(float64(out/16), 8), nn.ReLU(), nn.Sigmoid())
	}
	return b.Output(b.At("act").Act(y))
}
