package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// ResNeXt: a ResNet whose 3x3 convolutions are grouped, arXiv:1611.05431, as
// OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/resnext.py). The
// name counts the groups, and the channels of each in the first stage.
var resNeXt = Family{
	Name: "resnext",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"resnext50-32x4d":  residual{blocks: depth50, inner: 32 * 4, groups: 32}.graph,
		"resnext101-32x4d": residual{blocks: depth101, inner: 32 * 4, groups: 32}.graph,
		"resnext101-32x8d": residual{blocks: depth101, inner: 32 * 8, groups: 32}.graph,
		"resnext152-32x4d": residual{blocks: depth152, inner: 32 * 4, groups: 32}.graph,
	},
	Sources: map[string]projects{
		"resnext50-32x4d":  plainResNet("resnext50_32x4d"),
		"resnext101-32x4d": {timm: named(always(plainResNetNames), "resnext101_32x4d")},
		"resnext101-32x8d": plainResNet("resnext101_32x8d"),
		"resnext152-32x4d": {timm: named(always(plainResNetNames))},
	},
}
