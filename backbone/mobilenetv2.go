package backbone

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MobileNetV2: arXiv:1801.04381, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mobilenet_v2.py), and timm's of other widths and depths.
var mobileNetV2 = Family{
	Name: "mobilenet_v2",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"mobilenet-v2":      mobileV2{width: 1, depth: 1}.graph,
		"mobilenet-v2-050":  mobileV2{width: 0.5, depth: 1}.graph,
		"mobilenet-v2-140":  mobileV2{width: 1.4, depth: 1}.graph,
		"mobilenet-v2-110d": mobileV2{width: 1.1, depth: 1.2, deep: true}.graph,
		"mobilenet-v2-120d": mobileV2{width: 1.2, depth: 1.4, deep: true}.graph,
	},
	Sources: map[string]projects{
		"mobilenet-v2": {
			timm:         named(mobileV2Timm, "mobilenetv2_100"),
			torchvision:  named(mobileV2Torchvision, "mobilenet_v2"),
			transformers: mobileV2Transformers(),
		},
		"mobilenet-v2-050":  {timm: named(mobileV2Timm, "mobilenetv2_050")},
		"mobilenet-v2-140":  {timm: named(mobileV2Timm, "mobilenetv2_140")},
		"mobilenet-v2-110d": {timm: named(mobileV2Timm, "mobilenetv2_110d")},
		"mobilenet-v2-120d": {timm: named(mobileV2Timm, "mobilenetv2_120d")},
	},
}

// mobileV2Stages are the stages: channels inside the blocks as a multiple of those
// that enter, channels that leave, blocks, and the stride of the first one.
var mobileV2Stages = []struct{ expand, out, blocks, stride int }{
	{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
}

// mobileV2 holds the factors of channels and of blocks.
type mobileV2 struct {
	width, depth float64
	deep         bool // stem, head, and the repeats of the first and of the last stage are not scaled
}

// scaled returns a scaled number of channels.
func (m mobileV2) scaled(c int) int { return makeDivisible(float64(c)*m.width, 8) }

func (m mobileV2) graph(classes int) (*nn.Graph, error) {
	stem, head := m.scaled(32), max(1280, m.scaled(1280))
	if m.deep {
		stem, head = 32, 1280
	}
	b := nn.NewBuilder(3, 1e-5, nn.ReLU6())
	bb := b.At("backbone")
	x := bb.At("conv1").ConvNormAct(b.Input(), stem, nn.K(3), nn.Stride(2)) // (N,stem,H/2,W/2)
	for i, s := range mobileV2Stages {
		stage := bb.At("layer" + string('1'+rune(i)))
		if !m.deep || i > 0 && i < len(mobileV2Stages)-1 {
			s.blocks = int(math.Ceil(m.depth * float64(s.blocks)))
		}
		for j := range s.blocks {
			stride := 1
			if j == 0 {
				stride = s.stride
			}
			x = mobileV2Block(stage.At(j), x, s.expand, m.scaled(s.out), stride)
		}
	}
	x = bb.At("conv2").ConvNormAct(x, head)
	return poolAndClassify(b, x, classes)
}

// mobileV2Block adds an inverted residual: expand, filter each channel, project.
func mobileV2Block(b *nn.Builder, x nn.Value, expand, out, stride int) nn.Value {
	conv, i := b.At("conv"), 0
	y := x
	if expand > 1 {
		y = conv.At(i).ConvNormAct(y, x.C*expand)
		i++
	}
	y = conv.At(i).ConvNormAct(y, y.C, nn.K(3), nn.Stride(stride), nn.Groups(y.C))
	y = conv.At(i+1).ConvNormAct(y, out, nn.NoAct())
	if stride == 1 && x.C == out {
		y = b.Add(x, y)
	}
	return b.Output(y)
}

// mobileV2Timm renames timm's network, which numbers blocks within stages too.
func mobileV2Timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("conv_stem.**", "backbone.conv1.conv.**"),
		recipe.Rename("bn1.**", "backbone.conv1.bn.**"),
		recipe.Rename("conv_head.**", "backbone.conv2.conv.**"),
		recipe.Rename("bn2.**", "backbone.conv2.bn.**"),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
	for i, s := range mobileV2Stages {
		convs := []string{"conv_dw", "conv_pw"}
		if s.expand > 1 {
			convs = []string{"conv_pw", "conv_dw", "conv_pwl"}
		}
		for k, conv := range convs {
			r = append(r,
				recipe.Rename(fmt.Sprintf("blocks.%d.*.%s.**", i, conv), fmt.Sprintf("backbone.layer%d.*.conv.%d.conv.**", i+1, k)),
				recipe.Rename(fmt.Sprintf("blocks.%d.*.bn%d.**", i, k+1), fmt.Sprintf("backbone.layer%d.*.conv.%d.bn.**", i+1, k)))
		}
	}
	return r
}

// mobileV2Transformers renames the network of that library, whose first block is part of the
// stem and which numbers the others in one row. Unless told otherwise it has TensorFlow's borders
// and an eps of 1e-3.
func mobileV2Transformers() recipe.Source {
	return recipe.Source{Recipe: mobileV2TransformersNames, NeedsSettings: true, Settings: settings(
		is("hidden_act", "relu6", "relu6"), is("tf_padding", true, false), is("layer_norm_eps", 1e-3, 1e-5), is("output_stride", 32.0, 32.0),
	)}
}

func mobileV2TransformersNames() recipe.Recipe {
	const model = "mobilenet_v2."
	unit := func(from, to string) recipe.Recipe {
		return recipe.Recipe{
			recipe.Rename(model+from+".convolution.**", to+".conv.**"),
			recipe.Rename(model+from+".normalization.**", to+".bn.**"),
		}
	}
	r := append(unit("conv_stem.first_conv", "backbone.conv1"), recipe.Rename("classifier.**", "head.fc.**"))
	block := -1
	for i, s := range mobileV2Stages {
		for j := range s.blocks {
			from, to := fmt.Sprintf("layer.%d.", block), fmt.Sprintf("backbone.layer%d.%d.conv.", i+1, j)
			parts := []string{"expand_1x1", "conv_3x3", "reduce_1x1"}
			if s.expand == 1 {
				from, parts = "conv_stem.", parts[1:]
			}
			for k, part := range parts {
				r = append(r, unit(from+part, fmt.Sprint(to, k))...)
			}
			block++
		}
	}
	return append(r, unit("conv_1x1", "backbone.conv2")...)
}

// mobileV2Torchvision renames torchvision's network, which numbers all blocks in one
// row and does not make a module of the last convolution of each.
func mobileV2Torchvision() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("features.0.0.**", "backbone.conv1.conv.**"),
		recipe.Rename("features.0.1.**", "backbone.conv1.bn.**"),
		recipe.Rename("classifier.1.**", "head.fc.**"),
	}
	block := 1
	for i, s := range mobileV2Stages {
		for j := range s.blocks {
			from, to := fmt.Sprintf("features.%d.conv.", block), fmt.Sprintf("backbone.layer%d.%d.conv.", i+1, j)
			last := 1
			if s.expand > 1 {
				last = 2
			}
			r = append(r,
				recipe.Rename(from+"*.0.**", to+"*.conv.**"),
				recipe.Rename(from+"*.1.**", to+"*.bn.**"),
				recipe.Rename(fmt.Sprintf("%s%d.**", from, last), fmt.Sprintf("%s%d.conv.**", to, last)),
				recipe.Rename(fmt.Sprintf("%s%d.**", from, last+1), fmt.Sprintf("%s%d.bn.**", to, last)))
			block++
		}
	}
	return append(r,
		recipe.Rename(fmt.Sprintf("features.%d.0.**", block), "backbone.conv2.conv.**"),
		recipe.Rename(fmt.Sprintf("features.%d.1.**", block), "backbone.conv2.bn.**"))
}
