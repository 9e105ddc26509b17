package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// ShuffleNetV2: arXiv:1807.11164, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/shufflenet_v2.py).
var shuffleNetV2 = Family{
	Name: "shufflenet_v2",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"shufflenet-v2-0.5x": shuffleV2{width: []int{48, 96, 192}, last: 1024}.graph,
		"shufflenet-v2-1x":   shuffleV2{width: []int{116, 232, 464}, last: 1024}.graph,
		"shufflenet-v2-1.5x": shuffleV2{width: []int{176, 352, 704}, last: 1024}.graph,
		"shufflenet-v2-2x":   shuffleV2{width: []int{244, 488, 976}, last: 2048}.graph,
	},
	Sources: map[string]projects{
		"shufflenet-v2-0.5x": {torchvision: named(shuffleV2Torchvision, "shufflenet_v2_x0_5")},
		"shufflenet-v2-1x":   {torchvision: named(shuffleV2Torchvision, "shufflenet_v2_x1_0")},
		"shufflenet-v2-1.5x": {torchvision: named(shuffleV2Torchvision, "shufflenet_v2_x1_5")},
		"shufflenet-v2-2x":   {torchvision: named(shuffleV2Torchvision, "shufflenet_v2_x2_0")},
	},
}

// shuffleV2Torchvision renames torchvision's network, which numbers what a branch is made of.
func shuffleV2Torchvision() recipe.Recipe {
	unit := func(from string, conv int, to string) recipe.Recipe {
		return recipe.Recipe{
			recipe.Rename(fmt.Sprintf("%s%d.**", from, conv), to+"conv.**"),
			recipe.Rename(fmt.Sprintf("%s%d.**", from, conv+1), to+"bn.**"),
		}
	}
	r := append(unit("conv1.", 0, "backbone.conv1."), recipe.Rename("fc.**", "head.fc.**"))
	for i := range shuffleBlocks {
		from, to := fmt.Sprintf("stage%d.*.", i+2), fmt.Sprintf("backbone.layers.%d.*.", i)
		for j, conv := range []int{0, 2} { // no activation between
			r = append(r, unit(from+"branch1.", conv, fmt.Sprintf("%sbranch1.%d.", to, j))...)
		}
		for j, conv := range []int{0, 3, 5} {
			r = append(r, unit(from+"branch2.", conv, fmt.Sprintf("%sbranch2.%d.", to, j))...)
		}
	}
	return append(r, unit("conv5.", 0, fmt.Sprintf("backbone.layers.%d.", len(shuffleBlocks)))...)
}

type shuffleV2 struct {
	width []int // channels of each stage
	last  int   // features
}

func (s shuffleV2) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	x := bb.At("conv1").ConvNormAct(b.Input(), 24, nn.K(3), nn.Stride(2))
	x = bb.At("maxpool").MaxPool(x, 3, 2, 1) // (N,24,H/4,W/4)
	for i, blocks := range shuffleBlocks {
		for j := range blocks {
			x = shuffleV2Unit(bb.At("layers", i, j), x, s.width[i], j == 0)
		}
	}
	x = bb.At("layers", len(shuffleBlocks)).ConvNormAct(x, s.last)
	return poolAndClassify(b, x, classes)
}

// shuffleV2Unit adds a block: (N,C,H,W) to (N,out,H,W), where half of the channels
// pass by; or as the first of a stage to (N,out,H/2,W/2) in two branches.
func shuffleV2Unit(b *nn.Builder, x nn.Value, out int, first bool) nn.Value {
	stride, left, right := 1, x, x
	if first {
		stride = 2
		branch := b.At("branch1")
		left = branch.At(0).ConvNormAct(x, x.C, nn.K(3), nn.Stride(2), nn.Groups(x.C), nn.NoAct())
		left = branch.At(1).ConvNormAct(left, out/2)
	} else {
		left, right = b.Halves(x)
	}
	branch := b.At("branch2")
	right = branch.At(0).ConvNormAct(right, out/2)
	right = branch.At(1).ConvNormAct(right, out/2, nn.K(3), nn.Stride(stride), nn.Groups(out/2), nn.NoAct())
	right = branch.At(2).ConvNormAct(right, out/2)
	return b.Output(b.Shuffle(b.Concat(left, right), 2))
}
