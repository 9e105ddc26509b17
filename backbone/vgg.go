package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// VGG: arXiv:1409.1556, plain or with batch norm, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/vgg.py).
//
// The classifier is part of the backbone there and the counters see it; the features
// are what enters its last layer. Its first one reads a 7x7 image, so the input has to
// be 224 x 224.
var vgg = vggFamily()

// vggNets holds the convolutions of each stage.
var vggNets = map[string]vggNet{
	"vgg11":   {stages: []int{1, 1, 2, 2, 2}},
	"vgg13":   {stages: []int{2, 2, 2, 2, 2}},
	"vgg16":   {stages: []int{2, 2, 3, 3, 3}},
	"vgg19":   {stages: []int{2, 2, 4, 4, 4}},
	"vgg11bn": {stages: []int{1, 1, 2, 2, 2}, norm: true},
	"vgg13bn": {stages: []int{2, 2, 2, 2, 2}, norm: true},
	"vgg16bn": {stages: []int{2, 2, 3, 3, 3}, norm: true},
	"vgg19bn": {stages: []int{2, 2, 4, 4, 4}, norm: true},
}

func vggFamily() Family {
	f := Family{Name: "vgg", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, v := range vggNets {
		f.Archs[arch] = v.graph
		name := strings.Replace(arch, "bn", "_bn", 1)
		f.Sources[arch] = projects{timm: named(v.timm, name), torchvision: named(v.torchvision, name)}
	}
	return f
}

type vggNet struct {
	stages []int
	norm   bool
}

const (
	vggSide   = 7 // of the image that the classifier reads
	vggHidden = 4096
)

func (v vggNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	b.ClassifierInBackbone()
	features := b.At("backbone", "features")
	x, i := b.Input(), 0
	for stage, convs := range v.stages {
		for range convs {
			x = v.unit(features.At(i), x, min(64<<stage, 512))
			i++
		}
		x = features.At(i).MaxPool(x, 2, 2, 0) // (N,C,H/2,W/2)
		i++
	}
	c := b.At("backbone", "classifier")
	x = b.FlattenImage(x, vggSide, vggSide)
	x = c.At(1).Act(c.At(0).Linear(x, vggHidden))
	x = c.Features(c.At(4).Act(c.At(3).Linear(x, vggHidden))) // dropouts stand between
	return b.Graph(c.At(6).Linear(x, classes))
}

// unit adds a 3x3 convolution with bias, its norm and ReLU.
func (v vggNet) unit(b *nn.Builder, x nn.Value, out int) nn.Value {
	x = b.At("conv").Conv(x, out, nn.K(3), nn.Bias())
	if v.norm {
		x = b.At("bn").BatchNorm(x)
	}
	return b.Output(b.At("activate").Act(x))
}

// torchvision numbers norms and activations too.
func (v vggNet) torchvision() recipe.Recipe {
	var r recipe.Recipe
	ours, theirs := 0, 0
	for _, convs := range v.stages {
		for range convs {
			r = append(r, recipe.Rename(fmt.Sprintf("features.%d.**", theirs), fmt.Sprintf("backbone.features.%d.conv.**", ours)))
			if v.norm {
				theirs++
				r = append(r, recipe.Rename(fmt.Sprintf("features.%d.**", theirs), fmt.Sprintf("backbone.features.%d.bn.**", ours)))
			}
			theirs += 2
			ours++
		}
		theirs++
		ours++
	}
	return append(r, recipe.Rename("classifier.**", "backbone.classifier.**"))
}

// timm makes convolutions of the first two linear layers.
func (v vggNet) timm() recipe.Recipe {
	r := v.torchvision()
	return append(r[:len(r)-1],
		recipe.Flatten("pre_logits.fc1.**", "backbone.classifier.0.**"),
		recipe.Flatten("pre_logits.fc2.**", "backbone.classifier.3.**"),
		recipe.Rename("head.fc.**", "backbone.classifier.6.**"),
	)
}
