package backbone

import (
	"fmt"
	"math"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// ResNet: arXiv:1512.03385, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/resnet.py), and its variants: V1C, whose stem is
// three 3x3 convolutions; V1D, which also averages before it downsamples
// (arXiv:1812.01187); Wide ResNet (arXiv:1605.07146).
//
// Trap: a bottleneck's stride is in its 3x3 convolution ("pytorch" style).
var resNet = Family{
	Name: "resnet",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"resnet18":       residual{blocks: depth18, basic: true}.graph,
		"resnet34":       residual{blocks: depth50, basic: true}.graph,
		"resnet50":       residual{blocks: depth50}.graph,
		"resnet101":      residual{blocks: depth101}.graph,
		"resnet152":      residual{blocks: depth152}.graph,
		"resnetv1c50":    residual{blocks: depth50, deepStem: true}.graph,
		"resnetv1c101":   residual{blocks: depth101, deepStem: true}.graph,
		"resnetv1c152":   residual{blocks: depth152, deepStem: true}.graph,
		"resnetv1d50":    residual{blocks: depth50, deepStem: true, avgDown: true}.graph,
		"resnetv1d101":   residual{blocks: depth101, deepStem: true, avgDown: true}.graph,
		"resnetv1d152":   residual{blocks: depth152, deepStem: true, avgDown: true}.graph,
		"wide-resnet50":  residual{blocks: depth50, inner: 128}.graph,
		"wide-resnet101": residual{blocks: depth101, inner: 128}.graph,
	},
	Sources: map[string]projects{
		"resnet18":       resNetSources("resnet18", 2, nil, "resnetblur18"),
		"resnet34":       resNetSources("resnet34", 2, nil),
		"resnet50":       resNetSources("resnet50", 3, []string{"resnetaa50", "resnetblur50"}),
		"resnet101":      resNetSources("resnet101", 3, nil),
		"resnet152":      resNetSources("resnet152", 3, nil),
		"resnetv1c50":    {timm: named(always(deepTimm), "resnet50c")},
		"resnetv1c101":   {timm: named(always(deepTimm), "resnet101c")},
		"resnetv1c152":   {timm: named(always(deepTimm), "resnet152c")},
		"resnetv1d50":    {timm: plain(named(always(deepAvgTimm), "resnet50d"), []string{"resnetaa50d"}, "resnetblur50d")},
		"resnetv1d101":   {timm: plain(named(always(deepAvgTimm), "resnet101d"), []string{"resnetaa101d"}, "resnetblur101d")},
		"resnetv1d152":   {timm: named(always(deepAvgTimm), "resnet152d")},
		"wide-resnet50":  plainResNet("wide_resnet50_2"),
		"wide-resnet101": plainResNet("wide_resnet101_2"),
	},
}

// plainResNet returns the sources of a network that timm and torchvision name alike.
func plainResNet(name string) projects {
	return projects{timm: named(always(plainResNetNames), name), torchvision: named(always(plainResNetNames), name)}
}

// resNetSources is plainResNet for a network that transformers builds too, with blocks of so
// many convolutions, and that timm has variants of, published and not.
func resNetSources(name string, convs int, variants []string, unpublished ...string) projects {
	s := plainResNet(name)
	s[timm] = plain(s[timm], variants, unpublished...)
	s[transformers] = recipe.Source{
		Recipe: func() recipe.Recipe { return residualTransformers("resnet", len(depth50), []int{0, 1, 2}[:convs]) },
		Settings: settings(
			is("hidden_act", "relu", "relu"), is("downsample_in_first_stage", false, false), is("downsample_in_bottleneck", false, false)),
	}
	return s
}

// residualTransformers renames a network of transformers whose stages are residual blocks, with the
// places of the convolutions among a block's layers.
func residualTransformers(model string, stages int, convs []int) recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename(model+".embedder.embedder.convolution.**", "backbone.conv1.**"),
		recipe.Rename(model+".embedder.embedder.normalization.**", "backbone.bn1.**"),
		recipe.Rename("classifier.1.**", "head.fc.**"),
	}
	for i := range stages {
		from, to := fmt.Sprintf("%s.encoder.stages.%d.layers.*.", model, i), fmt.Sprintf("backbone.layer%d.*.", i+1)
		if i > 0 || len(convs) == 3 { // two convolutions leave as many channels as the stem
			r = append(r,
				recipe.Rename(from+"shortcut.convolution.**", to+"downsample.0.**"),
				recipe.Rename(from+"shortcut.normalization.**", to+"downsample.1.**"))
		}
		for j, at := range convs {
			r = append(r,
				recipe.Rename(fmt.Sprintf("%slayer.%d.convolution.**", from, at), fmt.Sprintf("%sconv%d.**", to, j+1)),
				recipe.Rename(fmt.Sprintf("%slayer.%d.normalization.**", from, at), fmt.Sprintf("%sbn%d.**", to, j+1)))
		}
	}
	return r
}

var plainResNetNames = recipe.Recipe{
	recipe.Rename("fc.**", "head.fc.**"),
	recipe.Rename("**", "backbone.**"),
}

// deepTimm renames timm's "c" networks, whose stem is one Sequential.
var deepTimm = append(slices.Clone(deepStemTimm), plainResNetNames...)

// deepAvgTimm renames timm's "d" networks, in which an identity stands where layer1 has
// nothing to average.
var deepAvgTimm = append(append(slices.Clone(deepStemTimm),
	recipe.Rename("layer1.0.downsample.1.**", "backbone.layer1.0.downsample.0.**"),
	recipe.Rename("layer1.0.downsample.2.**", "backbone.layer1.0.downsample.1.**"),
), plainResNetNames...)

var deepStemTimm = recipe.Recipe{
	recipe.Rename("conv1.0.**", "backbone.stem.0.conv.**"),
	recipe.Rename("conv1.1.**", "backbone.stem.0.bn.**"),
	recipe.Rename("conv1.3.**", "backbone.stem.1.conv.**"),
	recipe.Rename("conv1.4.**", "backbone.stem.1.bn.**"),
	recipe.Rename("conv1.6.**", "backbone.stem.2.conv.**"),
	recipe.Rename("bn1.**", "backbone.stem.2.bn.**"),
}

// Blocks of each stage.
var (
	depth18  = []int{2, 2, 2, 2}
	depth50  = []int{3, 4, 6, 3}
	depth101 = []int{3, 4, 23, 3}
	depth152 = []int{3, 8, 36, 3}
)

const (
	resStem = 64
	resEps  = 1e-5
)

// residual is a ResNet or one of its kin. The zero value of each field is the plain
// ResNet's.
type residual struct {
	blocks   []int
	basic    bool // blocks of two 3x3 convolutions; otherwise bottlenecks
	deepStem bool
	avgDown  bool
	inner    int // channels inside the first stage's bottlenecks; 64 if 0
	groups   int // of the 3x3 convolutions; 1 if 0
	squeeze  int // ratio of squeeze-excitation at the end of a block; none if 0

	squeezeInside int // ratio of squeeze-excitation behind a bottleneck's 3x3 convolution to the block's input; none if 0
}

func (r residual) graph(classes int) (*nn.Graph, error) {
	inner, out := max(r.inner, 64), 256
	if r.basic {
		out = 64
	}
	return r.network(classes, func(b *nn.Builder, x nn.Value, stage, _, stride int) nn.Value {
		return r.block(b, x, inner<<stage, out<<stage, stride)
	})
}

// network adds what all of the kin share: stem, pooling, the blocks of each stage and
// the classifier. Block j of a stage is added by block; the first of each stage but
// the first one halves the resolution.
func (r residual) network(classes int, block func(b *nn.Builder, x nn.Value, stage, j, stride int) nn.Value) (*nn.Graph, error) {
	b := nn.NewBuilder(3, resEps, nn.ReLU())
	bb := b.At("backbone")
	x := r.stem(bb, b.Input())
	x = bb.At("maxpool").MaxPool(x, 3, 2, 1) // (N,64,H/4,W/4)
	for i, blocks := range r.blocks {
		stage := bb.At("layer" + string('1'+rune(i)))
		for j := range blocks {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			x = block(stage.At(j), x, i, j, stride)
		}
		stage.Output(x) // (N,out,H/4,W/4), then half of each
	}
	return poolAndClassify(b, x, classes)
}

// stem halves the resolution: (N,3,H,W) to (N,64,H/2,W/2).
func (r residual) stem(b *nn.Builder, x nn.Value) nn.Value {
	if !r.deepStem {
		x = b.At("conv1").Conv(x, resStem, nn.K(7), nn.Stride(2))
		return b.At("relu").Act(b.At("bn1").BatchNorm(x))
	}
	x = b.At("stem", 0).ConvNormAct(x, resStem/2, nn.K(3), nn.Stride(2))
	x = b.At("stem", 1).ConvNormAct(x, resStem/2, nn.K(3))
	x = b.At("stem", 2).ConvNormAct(x, resStem, nn.K(3))
	return b.At("stem").Output(x)
}

// block adds a residual block: (N,C,H,W) to (N,out,H/stride,W/stride).
func (r residual) block(b *nn.Builder, x nn.Value, inner, out, stride int) nn.Value {
	relu := b.At("relu")
	var y nn.Value
	if r.basic {
		y = b.At("conv1").Conv(x, out, nn.K(3), nn.Stride(stride))
		y = relu.Act(b.At("bn1").BatchNorm(y))
		y = b.At("bn2").BatchNorm(b.At("conv2").Conv(y, out, nn.K(3)))
	} else {
		y = relu.Act(b.At("bn1").BatchNorm(b.At("conv1").Conv(x, inner)))
		y = b.At("conv2").Conv(y, inner, nn.K(3), nn.Stride(stride), nn.Groups(max(r.groups, 1)))
		y = relu.Act(b.At("bn2").BatchNorm(y))
		if r.squeezeInside > 0 {
			squeezed := int(math.RoundToEven(float64(x.C) / float64(r.squeezeInside)))
			y = squeezeExcite(b.At("se_layer"), y, squeezed, nn.ReLU(), nn.Sigmoid())
		}
		y = b.At("bn3").BatchNorm(b.At("conv3").Conv(y, out))
	}
	if r.squeeze > 0 {
		y = squeezeExcite(b.At("se_layer"), y, out/r.squeeze, nn.ReLU(), nn.Sigmoid())
	}
	if stride != 1 || x.C != out {
		x = r.shortcut(b.At("downsample"), x, out, stride)
	}
	return b.Output(relu.Act(b.Add(y, x)))
}

// shortcut brings a block's input into its output's shape.
func (r residual) shortcut(b *nn.Builder, x nn.Value, out, stride int) nn.Value {
	at := 0
	if r.avgDown && stride > 1 {
		x = b.At(0).AvgPool(x, nn.AvgPool{K: stride, Stride: stride, Ceil: true})
		at, stride = 1, 1
	}
	x = b.At(at).Conv(x, out, nn.Stride(stride))
	return b.At(at + 1).BatchNorm(x)
}
