package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// DenseNet: arXiv:1608.06993, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/densenet.py). Every layer reads what all layers of
// its stage before it made; norm and activation come before each convolution.
var denseNet = denseNetFamily()

var denseNets = map[string]dense{
	"densenet121": {growth: 32, stem: 64, layers: []int{6, 12, 24, 16}},
	"densenet169": {growth: 32, stem: 64, layers: []int{6, 12, 32, 32}},
	"densenet201": {growth: 32, stem: 64, layers: []int{6, 12, 48, 32}},
	"densenet161": {growth: 48, stem: 96, layers: []int{6, 12, 36, 24}},
}

func denseNetFamily() Family {
	f := Family{Name: "densenet", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, d := range denseNets {
		f.Archs[arch] = d.graph
		f.Sources[arch] = projects{timm: named(d.names, arch), torchvision: named(d.names, arch)}
	}
	return f
}

type dense struct {
	growth int // channels that a layer adds
	stem   int
	layers []int // of each stage
}

func (d dense) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	stem := bb.At("stem")
	x := stem.At(0).Conv(b.Input(), d.stem, nn.K(7), nn.Stride(2))
	x = stem.At(2).Act(stem.At(1).BatchNorm(x))
	x = stem.Output(stem.At(3).MaxPool(x, 3, 2, 1)) // (N,S,H/4,W/4)
	for i, layers := range d.layers {
		stage := bb.At("stages", i)
		for j := range layers {
			x = b.Concat(x, d.layer(stage.At("block", j), x)) // (N,C+growth,H,W)
		}
		stage.Output(x)
		t := bb.At("transitions", i)
		if i == len(d.layers)-1 {
			x = t.Output(t.At(1).Act(t.At(0).BatchNorm(x)))
			break
		}
		x = t.At("act").Act(t.At("norm").BatchNorm(x))
		x = t.At("conv").Conv(x, x.C/2)
		x = t.Output(t.At("pool").AvgPool(x, nn.AvgPool{K: 2, Stride: 2})) // (N,C/2,H/2,W/2)
	}
	return poolAndClassify(b, x, classes)
}

// layer returns what a layer adds to its input: (N,growth,H,W).
func (d dense) layer(b *nn.Builder, x nn.Value) nn.Value {
	act := b.At("act")
	x = act.Act(b.At("norm1").BatchNorm(x))
	x = b.At("conv1").Conv(x, 4*d.growth)
	x = act.Act(b.At("norm2").BatchNorm(x))
	return b.Output(b.At("conv2").Conv(x, d.growth, nn.K(3)))
}

// names renames timm's and torchvision's networks, which count from 1.
func (d dense) names() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("features.conv0.**", "backbone.stem.0.**"),
		recipe.Rename("features.norm0.**", "backbone.stem.1.**"),
		recipe.Rename(fmt.Sprintf("features.norm%d.**", len(d.layers)+1), fmt.Sprintf("backbone.transitions.%d.0.**", len(d.layers)-1)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
	for i, layers := range d.layers {
		for j := range layers {
			r = append(r, recipe.Rename(
				fmt.Sprintf("features.denseblock%d.denselayer%d.**", i+1, j+1),
				fmt.Sprintf("backbone.stages.%d.block.%d.**", i, j)))
		}
		if i < len(d.layers)-1 {
			r = append(r, recipe.Rename(fmt.Sprintf("features.transition%d.**", i+1), fmt.Sprintf("backbone.transitions.%d.**", i)))
		}
	}
	return r
}
