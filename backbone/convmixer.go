package backbone

import (
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// ConvMixer: arXiv:2201.09792, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/convmixer.py).
//
// Traps: each norm follows an activation, which follows a convolution with a bias. What is added to the
// input is what the depthwise convolution's norm made. The network of 768 channels has ReLU, where the others have
// GELU.
//
// Figures were published with a PyTorch that knew no padding by name: the depthwise convolutions were of a class of
// OpenMMLab's, which mmcv's counter does not count. Today's counts them, and mmengine's no longer does.
var convMixer = convMixerFamily()

// A convmixer is a network; kernel is the side of the depthwise filters, patch that of the first one.
type convmixer struct {
	width, layers, kernel, patch int
	act                          nn.Act
}

func convMixerFamily() Family {
	f := Family{Name: "convmixer", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, m := range map[string]convmixer{
		"convmixer-768-32":  {width: 768, layers: 32, kernel: 7, patch: 7, act: nn.ReLU()},
		"convmixer-1024-20": {width: 1024, layers: 20, kernel: 9, patch: 14, act: nn.GELU()},
		"convmixer-1536-20": {width: 1536, layers: 20, kernel: 9, patch: 7, act: nn.GELU()},
	} {
		network := strings.ReplaceAll(arch, "-", "_")
		if m.patch == 14 {
			network += "_ks9_p14"
		}
		f.Archs[arch], f.Sources[arch] = m.graph, projects{timm: named(convMixerOfTimm, network)}
	}
	return f
}

// convMixerOfTimm renames timm's networks.
func convMixerOfTimm() recipe.Recipe {
	return recipe.Recipe{
		recipe.Rename("stem.**", "backbone.stem.**"),
		recipe.Rename("blocks.**", "backbone.stages.**"),
		recipe.Rename("head.*", "head.fc.*"),
	}
}

func (m convmixer) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, m.act)
	// unit adds the three modules from number at on of a sequence.
	unit := func(b *nn.Builder, at int, x nn.Value, opts ...nn.Option) nn.Value {
		x = b.At(at).Conv(x, m.width, append(opts, nn.Bias())...)
		return b.At(at + 2).BatchNorm(b.At(at + 1).Act(x))
	}
	stem := b.At("backbone", "stem")
	x := stem.Output(unit(stem, 0, b.Input(), nn.K(m.patch), nn.Stride(m.patch), nn.Pad(0))) // (N,C,H/patch,W/patch)
	for i := range m.layers {
		at := b.At("backbone", "stages", i)
		y := unit(at.At(0, "fn"), 0, x, nn.K(m.kernel), nn.Groups(m.width), nn.Same())
		x = at.Output(unit(at, 1, b.Add(y, x)))
	}
	return poolAndClassify(b, x, classes)
}
