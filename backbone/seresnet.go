package backbone

import (
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// SE-ResNet: a ResNet whose blocks end in squeeze-excitation, arXiv:1709.01507, as
// OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/seresnet.py).
var seResNet = Family{
	Name: "seresnet",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"seresnet50":  residual{blocks: depth50, squeeze: 16}.graph,
		"seresnet101": residual{blocks: depth101, squeeze: 16}.graph,
	},
	Sources: map[string]projects{
		"seresnet50":  {timm: named(always(seResNetTimm), "seresnet50")},
		"seresnet101": {timm: named(always(seResNetTimm))},
	},
}

var seResNetTimm = recipe.Recipe{
	recipe.Rename("fc.**", "head.fc.**"),
	recipe.Rename("*.*.se.fc*.**", "backbone.*.*.se_layer.conv*.conv.**"),
	recipe.Rename("**", "backbone.**"),
}
