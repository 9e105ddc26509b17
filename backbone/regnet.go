package backbone

import (
	"fmt"
	"math"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// RegNet: arXiv:2003.13678, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/regnet.py): ResNeXt's bottlenecks, not narrowed, in
// widths that follow a quantised line. The published weights want blue first.
//
// RegNetY has squeeze-excitation behind each 3x3 convolution, for which mmpretrain has no
// names: they are those of its SE-ResNet. timm and torchvision publish it, and more of RegNetX.
//
// Trap: of RegNetY's squeeze-excitation, the inner layer has a quarter of the channels that
// enter the block, not of those that it scales.
// Trap: torchvision rounds some widths otherwise, and timm has its networks as "tv": X-400MF
// is 400 channels wide at its end, not 384.
var regNet = regNetFamily()

var regNetXs = map[string]reg{
	"regnetx-200mf":    {first: 24, slope: 36.44, factor: 2.49, group: 8, depth: 13, names: "regnetx_002"},
	"regnetx-400mf":    {first: 24, slope: 24.48, factor: 2.54, group: 16, depth: 22, names: "regnetx_004"},
	"regnetx-400mf-tv": {first: 24, slope: 24.48, factor: 2.54, group: 16, depth: 22, keep: true, names: "regnetx_004_tv regnet_x_400mf"},
	"regnetx-600mf":    {first: 48, slope: 36.97, factor: 2.24, group: 24, depth: 16, names: "regnetx_006"},
	"regnetx-800mf":    {first: 56, slope: 35.73, factor: 2.28, group: 16, depth: 16, names: "regnetx_008 regnet_x_800mf"},
	"regnetx-1.6gf":    {first: 80, slope: 34.01, factor: 2.25, group: 24, depth: 18, names: "regnetx_016 regnet_x_1_6gf"},
	"regnetx-3.2gf":    {first: 88, slope: 26.31, factor: 2.25, group: 48, depth: 25, names: "regnetx_032 regnet_x_3_2gf"},
	"regnetx-4.0gf":    {first: 96, slope: 38.65, factor: 2.43, group: 40, depth: 23, names: "regnetx_040"},
	"regnetx-6.4gf":    {first: 184, slope: 60.83, factor: 2.07, group: 56, depth: 17, names: "regnetx_064"},
	"regnetx-8.0gf":    {first: 80, slope: 49.56, factor: 2.88, group: 120, depth: 23, names: "regnetx_080 regnet_x_8gf"},
	"regnetx-12gf":     {first: 168, slope: 73.36, factor: 2.37, group: 112, depth: 19, names: "regnetx_120"},
	"regnetx-16gf":     {first: 216, slope: 55.59, factor: 2.10, group: 128, depth: 22, names: "regnetx_160 regnet_x_16gf"},
	"regnetx-32gf":     {first: 320, slope: 69.86, factor: 2.00, group: 168, depth: 23, names: "regnetx_320 regnet_x_32gf"},
}

var regNetYs = map[string]reg{
	"regnety-200mf":    {first: 24, slope: 36.44, factor: 2.49, group: 8, depth: 13, names: "regnety_002"},
	"regnety-400mf":    {first: 48, slope: 27.89, factor: 2.09, group: 8, depth: 16, names: "regnety_004 regnet_y_400mf"},
	"regnety-600mf":    {first: 48, slope: 32.54, factor: 2.32, group: 16, depth: 15, names: "regnety_006"},
	"regnety-800mf":    {first: 56, slope: 38.84, factor: 2.40, group: 16, depth: 14, names: "regnety_008"},
	"regnety-800mf-tv": {first: 56, slope: 38.84, factor: 2.40, group: 16, depth: 14, keep: true, names: "regnety_008_tv regnet_y_800mf"},
	"regnety-1.6gf":    {first: 48, slope: 20.71, factor: 2.65, group: 24, depth: 27, names: "regnety_016 regnet_y_1_6gf"},
	"regnety-3.2gf":    {first: 80, slope: 42.63, factor: 2.66, group: 24, depth: 21, names: "regnety_032 regnet_y_3_2gf"},
	"regnety-4.0gf":    {first: 96, slope: 31.41, factor: 2.24, group: 64, depth: 22, names: "regnety_040"},
	"regnety-6.4gf":    {first: 112, slope: 33.22, factor: 2.27, group: 72, depth: 25, names: "regnety_064"},
	"regnety-8.0gf":    {first: 192, slope: 76.82, factor: 2.19, group: 56, depth: 17, names: "regnety_080"},
	"regnety-8.0gf-tv": {first: 192, slope: 76.82, factor: 2.19, group: 56, depth: 17, keep: true, names: "regnety_080_tv regnet_y_8gf"},
	"regnety-12gf":     {first: 168, slope: 73.36, factor: 2.37, group: 112, depth: 19, names: "regnety_120"},
	"regnety-16gf":     {first: 200, slope: 106.23, factor: 2.48, group: 112, depth: 18, names: "regnety_160 regnet_y_16gf"},
	"regnety-32gf":     {first: 232, slope: 115.89, factor: 2.53, group: 232, depth: 20, names: "regnety_320 regnet_y_32gf"},
	"regnety-64gf":     {first: 352, slope: 147.48, factor: 2.40, group: 328, depth: 20, names: "regnety_640"},
	"regnety-128gf":    {first: 456, slope: 160.83, factor: 2.52, group: 264, depth: 27, names: "regnety_1280 regnet_y_128gf"},
	"regnety-256gf":    {first: 640, slope: 230.83, factor: 2.53, group: 373, depth: 27, names: "regnety_2560"},
}

func regNetFamily() Family {
	f := Family{Name: "regnet", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	add := func(arch string, r reg) {
		names := strings.Fields(r.names)
		f.Archs[arch] = r.graph
		f.Sources[arch] = projects{
			timm: named(r.timm, names[0]), torchvision: named(r.torchvision, names[1:]...), transformers: r.transformers(),
		}
	}
	for arch, r := range regNetXs {
		add(arch, r)
	}
	for arch, r := range regNetYs {
		r.squeeze = regSqueeze
		add(arch, r)
	}
	return f
}

// regSqueeze is the ratio of RegNetY's squeeze-excitation.
const regSqueeze = 4

// reg holds the numbers that a network is generated from.
type reg struct {
	first  int     // width of the first block
	slope  float64 // by which blocks widen
	factor float64 // between the widths of neighbouring stages
	group  int     // channels of a group in 3x3 convolutions
	depth  int     // blocks
	keep   bool    // more than 9 tenths of a width when it is rounded to whole groups, as torchvision does
	names  string  // timm's, and torchvision's where it publishes the network

	squeeze int // ratio of squeeze-excitation inside a block; none if 0
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
		if r.keep {
			width = makeDivisible(float64(width), group)
		} else {
			width = group * int(math.RoundToEven(float64(width)/float64(group)))
		}
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
		grouped := residual{groups: s.width / s.group, squeezeInside: r.squeeze}
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
		out = append(out, r.squeezeNames(from+"f.se.fc1.**", from+"f.se.fc2.**", to)...)
		for j, part := range []string{"a", "b", "c"} {
			out = append(out,
				recipe.Rename(from+"f."+part+".0.**", fmt.Sprintf("%sconv%d.**", to, j+1)),
				recipe.Rename(from+"f."+part+".1.**", fmt.Sprintf("%sbn%d.**", to, j+1)))
		}
	}
	return out
}

// squeezeNames renames the layers of squeeze-excitation of the block under a path, with its dot.
func (r reg) squeezeNames(first, second, to string) recipe.Recipe {
	if r.squeeze == 0 {
		return nil
	}
	return recipe.Recipe{recipe.Rename(first, to+"se_layer.conv1.conv.**"), recipe.Rename(second, to+"se_layer.conv2.conv.**")}
}

// transformers renames the network of that library, which builds RegNetX with layer_type "x".
func (r reg) transformers() recipe.Source {
	return recipe.Source{
		Recipe:   r.transformersNames,
		Settings: settings(is("hidden_act", "relu", "relu"), is("downsample_in_first_stage", true, true)),
	}
}

func (r reg) transformersNames() recipe.Recipe {
	const model = "regnet"
	stages := len(r.stages())
	if r.squeeze == 0 {
		return residualTransformers(model, stages, []int{0, 1, 2})
	}
	out := residualTransformers(model, stages, []int{0, 1, 3})
	for i := range stages {
		from, to := fmt.Sprintf("%s.encoder.stages.%d.layers.*.layer.2.attention.", model, i), fmt.Sprintf("backbone.layer%d.*.", i+1)
		out = append(out, r.squeezeNames(from+"0.**", from+"2.**", to)...)
	}
	return out
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
			out = append(out, r.squeezeNames(from+"se.fc1.**", from+"se.fc2.**", to)...)
		}
		from, to := fmt.Sprintf("s%d.b1.downsample.", i+1), fmt.Sprintf("backbone.layer%d.0.downsample.", i+1)
		out = append(out, recipe.Rename(from+"conv.**", to+"0.**"), recipe.Rename(from+"bn.**", to+"1.**"))
	}
	return out
}
