package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// RepVGG: arXiv:2101.03697, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/repvgg.py). The published checkpoints are in the
// training form, the published figures are those of the deploy form.
//
// Trap: mmpretrain 1.2.0 forgets squeeze-excitation in the deploy form of D2se,
// though its state dict has it; here both forms compute the same.
var repVGG = repVGGFamily()

func repVGGFamily() Family {
	f := inBothForms("repvgg", repVGGs)
	f.Sources = make(map[string]projects)
	for arch, r := range repVGGs {
		f.Sources[arch] = projects{timm: named(r.timm, strings.ToLower(strings.ReplaceAll(arch, "-", "_")))}
	}
	f.Sources["repvgg-B1g2"] = projects{timm: named(repVGGs["repvgg-B1g2"].timm)} // it publishes no weights of this one
	return f
}

// timm renames timm's network in the form that it is trained in.
func (r rep) timm() recipe.Recipe {
	names := func(from, to string) recipe.Recipe {
		names := recipe.Recipe{
			recipe.Rename(from+"conv_kxk.conv.**", to+"branch_3x3.conv.**"),
			recipe.Rename(from+"conv_kxk.bn.**", to+"branch_3x3.norm.**"),
			recipe.Rename(from+"conv_1x1.conv.**", to+"branch_1x1.conv.**"),
			recipe.Rename(from+"conv_1x1.bn.**", to+"branch_1x1.norm.**"),
		}
		if r.squeeze > 0 {
			names = append(names, recipe.Rename(from+"attn.fc*.**", to+"se_layer.conv*.conv.**"))
		}
		return names
	}
	out := names("stem.", "backbone.stem.")
	for i, n := range r.blocks {
		from, to := fmt.Sprintf("stages.%d.*.", i), fmt.Sprintf("backbone.stage_%d.*.", i+1)
		out = append(out, names(from, to)...)
		if n > 1 { // the first block of a stage changes the shape, and has no such branch
			out = append(out, recipe.Rename(from+"identity.**", to+"branch_norm.**"))
		}
	}
	return out
}

var repVGGs = map[string]rep{
	"repvgg-A0":   {blocks: [4]int{2, 4, 14, 1}, widths: [4]int{48, 96, 192, 1280}},
	"repvgg-A1":   {blocks: [4]int{2, 4, 14, 1}, widths: [4]int{64, 128, 256, 1280}},
	"repvgg-A2":   {blocks: [4]int{2, 4, 14, 1}, widths: [4]int{96, 192, 384, 1408}},
	"repvgg-B0":   {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{64, 128, 256, 1280}},
	"repvgg-B1":   {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{128, 256, 512, 2048}},
	"repvgg-B1g2": {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{128, 256, 512, 2048}, groups: 2},
	"repvgg-B1g4": {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{128, 256, 512, 2048}, groups: 4},
	"repvgg-B2":   {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{160, 320, 640, 2560}},
	"repvgg-B2g4": {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{160, 320, 640, 2560}, groups: 4},
	"repvgg-B3":   {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{192, 384, 768, 2560}},
	"repvgg-B3g4": {blocks: [4]int{4, 6, 16, 1}, widths: [4]int{192, 384, 768, 2560}, groups: 4},
	"repvgg-D2se": {blocks: [4]int{8, 14, 24, 1}, widths: [4]int{160, 320, 640, 2560}, squeeze: 16},
}

type rep struct {
	blocks, widths [4]int // of the stages
	groups         int    // of every second block's convolutions; 1 if 0
	squeeze        int    // ratio of squeeze-excitation; none if 0
}

func (r rep) graph(classes int, f form) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	x := r.block(bb.At("stem"), b.Input(), min(64, r.widths[0]), 2, 1, f) // (N,C,H/2,W/2)
	count := 0
	for i, n := range r.blocks {
		for j := range n {
			count++
			stride, groups := 1, 1
			if j == 0 {
				stride = 2
			}
			if count%2 == 0 {
				groups = max(r.groups, 1)
			}
			x = r.block(bb.At(fmt.Sprint("stage_", i+1), j), x, r.widths[i], stride, groups, f)
		}
	}
	return poolAndClassify(b, x, classes)
}

// block adds a block: (N,C,H,W) to (N,out,H/stride,W/stride).
func (r rep) block(b *nn.Builder, x nn.Value, out, stride, groups int, f form) nn.Value {
	sum := branches{k: 3, out: out, stride: stride, groups: groups, convs: []branch{
		{path: []any{"branch_3x3"}, k: 3},
		{path: []any{"branch_1x1"}, k: 1},
	}}
	y := sum.add(b, x, f)
	if r.squeeze > 0 {
		y = squeezeExcite(b.At("se_layer"), y, out/r.squeeze, nn.ReLU(), nn.Sigmoid())
	}
	return b.Output(b.At("act").Act(y))
}
