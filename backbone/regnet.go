package backbone

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// RegNet: arXiv:2003.13678, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/regnet.py): ResNeXt's bottlenecks, not narrowed, in
// widths that follow a quantised line. The published weights want blue first.
// Trap: torchvision's 400mf is 400 channels wide at its end, not 384.
var regNet = regNetFamily()

var regNets = map[string]reg{
	"regnetx-400mf": {first: 24, slope: 24.48, factor: 2.54, group: 16, depth: 22, names: []string{"regnetx_004"}},
	"regnetx-800mf": {first: 56, slope: 35.73, factor: 2.28, group: 16, depth: 16, names: []string{"regnetx_008", "regnet_x_800mf"}},
	"regnetx-1.6gf": {first: 80, slope: 34.01, factor: 2.25, group: 24, depth: 18, names: []string{"regnetx_016", "regnet_x_1_6gf"}},
	"regnetx-3.2gf": {first: 88, slope: 26.31, factor: 2.25, group: 48, depth: 25, names: []string{"regnetx_032", "regnet_x_3_2gf"}},
	"regnetx-4.0gf": {first: 96, slope: 38.65, factor: 2.43, group: 40, depth: 23, names: []string{"regnetx_040"}},
	"regnetx-6.4gf": {first: 184, slope: 60.83, factor: 2.07, group: 56, depth: 17, names: []string{"regnetx_064"}},
	"regnetx-8.0gf": {first: 80, slope: 49.56, factor: 2.88, group: 120, depth: 23, names: []string{"regnetx_080", "regnet_x_8gf"}},
	"regnetx-12gf":  {first: 168, slope: 73.36, factor: 2.37, group: 112, depth: 19, names: []string{"regnetx_120"}},
}

func regNetFamily() Family {
	f := Family{Name: "regnet", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, r := range regNets {
		f.Archs[arch] = r.graph
		f.Sources[arch] = projects{
			timm: named(r.timm, r.names[0]), torchvision: named(r.torchvision, r.names[1:]...), transformers: r.transformers(),
		}
	}
	return f
}

// reg holds the numbers that a network is generated from.
type reg struct {
	first  int      // width of the first block
	slope  float64  // by which blocks widen
	factor float64  // between the widths of neighbouring stages
	group  int      // channels of a group in 3x3 convolutions
	depth  int      // blocks
	names  []string // timm's, and torchvision's where it publishes the network
}

// regStage is a run of blocks of one width.
type regStage struct{ width, group, blocks int }

// stages quantises the widths of all blocks to powers of the factor and multiples of
// 8, and those of each stage to whole groups.
func (r reg) stages() []regStage {
	var stages []regStage
	first := float64(r.first)
	for i := range r.depth {
		exponent := math.RoundToEven(math.Log((first+r.slope*float64(i))/first) / math.Log(r.factor))
		width := 8 * int(math.RoundToEven(first*math.Pow(r.factor, exponent)/8))
		group := min(r.group, width)
		width = group * int(math.RoundToEven(float64(width)/float64(group)))
		if len(stages) == 0 || stages[len(stages)-1].width != width {
			stages = append(stages, regStage{width: width, group: group})
		}
		stages[len(stages)-1].blocks++
	}
	return stages
}

func (r reg) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, resEps, nn.ReLU())
	bb := b.At("backbone")
	x := bb.At("conv1").Conv(b.Input(), 32, nn.K(3), nn.Stride(2))
	x = bb.At("relu").Act(bb.At("bn1").BatchNorm(x)) // (N,32,H/2,W/2)
	for i, s := range r.stages() {
		stage := bb.At(fmt.Sprint("layer", i+1))
		grouped := residual{groups: s.width / s.group}
		for j := range s.blocks {
			stride := 1
			if j == 0 {
				stride = 2
			}
			x = grouped.block(stage.At(j), x, s.width, s.width, stride)
		}
		stage.Output(x)
	}
	return poolAndClassify(b, x, classes)
}

// torchvision renames torchvision's network; "block2-3" is stage 2's block 3.
func (r reg) torchvision() recipe.Recipe {
	out := recipe.Recipe{
		recipe.Rename("stem.0.**", "backbone.conv1.**"),
		recipe.Rename("stem.1.**", "backbone.bn1.**"),
		recipe.Rename("fc.**", "head.fc.**"),
	}
	for i := range r.stages() {
		from, to := fmt.Sprintf("trunk_output.block%d.block%d-*.", i+1, i+1), fmt.Sprintf("backbone.layer%d.*.", i+1)
		out = append(out, recipe.Rename(from+"proj.**", to+"downsample.**"))
		for j, part := range []string{"a", "b", "c"} {
			out = append(out,
				recipe.Rename(from+"f."+part+".0.**", fmt.Sprintf("%sconv%d.**", to, j+1)),
				recipe.Rename(from+"f."+part+".1.**", fmt.Sprintf("%sbn%d.**", to, j+1)))
		}
	}
	return out
}

// transformers renames the network of that library, which builds RegNetX with layer_type "x".
func (r reg) transformers() recipe.Source {
	return recipe.Source{
		Recipe:   func() recipe.Recipe { return residualTransformers("regnet", len(r.stages()), 3) },
		Settings: settings(is("hidden_act", "relu", "relu"), is("downsample_in_first_stage", true, true)),
	}
}

// timm renames timm's network, which counts blocks from 1.
func (r reg) timm() recipe.Recipe {
	out := recipe.Recipe{
		recipe.Rename("stem.conv.**", "backbone.conv1.**"),
		recipe.Rename("stem.bn.**", "backbone.bn1.**"),
	}
	for i, s := range r.stages() {
		for j := range s.blocks {
			from, to := fmt.Sprintf("s%d.b%d.", i+1, j+1), fmt.Sprintf("backbone.layer%d.%d.", i+1, j)
			out = append(out,
				recipe.Rename(from+"conv*.conv.**", to+"conv*.**"),
				recipe.Rename(from+"conv*.bn.**", to+"bn*.**"))
		}
		from, to := fmt.Sprintf("s%d.b1.downsample.", i+1), fmt.Sprintf("backbone.layer%d.0.downsample.", i+1)
		out = append(out, recipe.Rename(from+"conv.**", to+"0.**"), recipe.Rename(from+"bn.**", to+"1.**"))
	}
	return out
}
