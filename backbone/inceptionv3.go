package backbone

import (
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// Inception-V3: arXiv:1512.00567, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/inception_v3.py), which keeps torchvision's names.
//
// Half of the reducing convolutions and poolings have no border, so the input has to
// be 75 x 75 at least. The classifier is part of the backbone there and the counters
// see it, but the features are what enters it. An auxiliary classifier helps in
// training only: networks have it or not, and inference never runs it.
var inceptionV3 = Family{
	Name:  "inception_v3",
	Archs: map[string]func(classes int) (*nn.Graph, error){"inception-v3": inceptionV3Graph},
	Sources: map[string]projects{"inception-v3": {
		"mmpretrain": named(always(recipe.Recipe{recipe.Drop("backbone.AuxLogits.**")})),
		timm:         named(always(recipe.Recipe{recipe.Rename("**", "backbone.**")}), "inception_v3"),
		torchvision:  named(always(recipe.Recipe{recipe.Drop("AuxLogits.**"), recipe.Rename("**", "backbone.**")}), "inception_v3"),
	}},
}

func inceptionV3Graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-3, nn.ReLU())
	b.ClassifierInBackbone()
	bb := b.At("backbone")
	x := bb.At("Conv2d_1a_3x3").ConvNormAct(b.Input(), 32, nn.K(3), nn.Stride(2), nn.Pad(0)) // (N,32,149,149) of 299 x 299
	x = bb.At("Conv2d_2a_3x3").ConvNormAct(x, 32, nn.K(3), nn.Pad(0))                        // (N,32,147,147)
	x = bb.At("Conv2d_2b_3x3").ConvNormAct(x, 64, nn.K(3))
	x = bb.At("maxpool1").MaxPool(x, 3, 2, 0) // (N,64,73,73)
	x = bb.At("Conv2d_3b_1x1").ConvNormAct(x, 80)
	x = bb.At("Conv2d_4a_3x3").ConvNormAct(x, 192, nn.K(3), nn.Pad(0)) // (N,192,71,71)
	x = bb.At("maxpool2").MaxPool(x, 3, 2, 0)                          // (N,192,35,35)
	x = inceptionA(bb.At("Mixed_5b"), x, 32)
	x = inceptionA(bb.At("Mixed_5c"), x, 64)
	x = inceptionA(bb.At("Mixed_5d"), x, 64) // (N,288,35,35)
	x = inceptionB(bb.At("Mixed_6a"), x)     // (N,768,17,17)
	x = inceptionC(bb.At("Mixed_6b"), x, 128)
	x = inceptionC(bb.At("Mixed_6c"), x, 160)
	x = inceptionC(bb.At("Mixed_6d"), x, 160)
	x = inceptionC(bb.At("Mixed_6e"), x, 192)
	x = inceptionD(bb.At("Mixed_7a"), x) // (N,1280,8,8)
	x = inceptionE(bb.At("Mixed_7b"), x)
	x = inceptionE(bb.At("Mixed_7c"), x) // (N,2048,8,8)
	pool := bb.At("avgpool")
	x = pool.Features(b.Flatten(pool.GlobalAvgPool(x))) // (N,2048)
	return b.Graph(bb.At("fc").Linear(x, classes))
}

// inceptionA adds the first kind of block: (N,C,H,W) to (N,224+pooled,H,W).
func inceptionA(b *nn.Builder, x nn.Value, pooled int) nn.Value {
	one := b.At("branch1x1").ConvNormAct(x, 64)
	five := b.At("branch5x5_1").ConvNormAct(x, 48)
	five = b.At("branch5x5_2").ConvNormAct(five, 64, nn.K(5))
	three := b.At("branch3x3dbl_1").ConvNormAct(x, 64)
	three = b.At("branch3x3dbl_2").ConvNormAct(three, 96, nn.K(3))
	three = b.At("branch3x3dbl_3").ConvNormAct(three, 96, nn.K(3))
	return b.Output(b.Concat(one, five, three, inceptionPool(b, x, pooled)))
}

// inceptionB halves the image behind blocks A: (N,C,H,W) to (N,480+C,(H-1)/2,(W-1)/2).
func inceptionB(b *nn.Builder, x nn.Value) nn.Value {
	once := b.At("branch3x3").ConvNormAct(x, 384, halving...)
	twice := b.At("branch3x3dbl_1").ConvNormAct(x, 64)
	twice = b.At("branch3x3dbl_2").ConvNormAct(twice, 96, nn.K(3))
	twice = b.At("branch3x3dbl_3").ConvNormAct(twice, 96, halving...)
	return b.Output(b.Concat(once, twice, b.At("branch_pool").MaxPool(x, 3, 2, 0)))
}

// inceptionC adds the second kind of block, whose 7x7 convolutions are pairs of 1x7
// and 7x1 of the given width: (N,C,H,W) to (N,768,H,W).
func inceptionC(b *nn.Builder, x nn.Value, width int) nn.Value {
	wide, high := nn.Kernel(1, 7), nn.Kernel(7, 1)
	one := b.At("branch1x1").ConvNormAct(x, 192)
	once := b.At("branch7x7_1").ConvNormAct(x, width)
	once = b.At("branch7x7_2").ConvNormAct(once, width, wide)
	once = b.At("branch7x7_3").ConvNormAct(once, 192, high)
	twice := b.At("branch7x7dbl_1").ConvNormAct(x, width)
	twice = b.At("branch7x7dbl_2").ConvNormAct(twice, width, high)
	twice = b.At("branch7x7dbl_3").ConvNormAct(twice, width, wide)
	twice = b.At("branch7x7dbl_4").ConvNormAct(twice, width, high)
	twice = b.At("branch7x7dbl_5").ConvNormAct(twice, 192, wide)
	return b.Output(b.Concat(one, once, twice, inceptionPool(b, x, 192)))
}

// inceptionD halves the image behind blocks C: (N,C,H,W) to (N,512+C,(H-1)/2,(W-1)/2).
func inceptionD(b *nn.Builder, x nn.Value) nn.Value {
	three := b.At("branch3x3_1").ConvNormAct(x, 192)
	three = b.At("branch3x3_2").ConvNormAct(three, 320, halving...)
	seven := b.At("branch7x7x3_1").ConvNormAct(x, 192)
	seven = b.At("branch7x7x3_2").ConvNormAct(seven, 192, nn.Kernel(1, 7))
	seven = b.At("branch7x7x3_3").ConvNormAct(seven, 192, nn.Kernel(7, 1))
	seven = b.At("branch7x7x3_4").ConvNormAct(seven, 192, halving...)
	return b.Output(b.Concat(three, seven, b.At("branch_pool").MaxPool(x, 3, 2, 0)))
}

// inceptionE adds the last kind of block, whose 3x3 convolutions are a 1x3 beside a
// 3x1: (N,C,H,W) to (N,2048,H,W).
func inceptionE(b *nn.Builder, x nn.Value) nn.Value {
	fork := func(name string, x nn.Value) nn.Value {
		return b.Concat(
			b.At(name+"a").ConvNormAct(x, 384, nn.Kernel(1, 3)),
			b.At(name+"b").ConvNormAct(x, 384, nn.Kernel(3, 1)))
	}
	one := b.At("branch1x1").ConvNormAct(x, 320)
	once := fork("branch3x3_2", b.At("branch3x3_1").ConvNormAct(x, 384))
	twice := b.At("branch3x3dbl_1").ConvNormAct(x, 448)
	twice = fork("branch3x3dbl_3", b.At("branch3x3dbl_2").ConvNormAct(twice, 384, nn.K(3)))
	return b.Output(b.Concat(one, once, twice, inceptionPool(b, x, 192)))
}

// halving are the options of the convolutions that reduce the image.
var halving = []nn.Option{nn.K(3), nn.Stride(2), nn.Pad(0)}

// inceptionPool is the branch that averages its input: (N,C,H,W) to (N,out,H,W).
func inceptionPool(b *nn.Builder, x nn.Value, out int) nn.Value {
	x = b.At("branch_pool_downsample").AvgPool(x, nn.AvgPool{K: 3, Stride: 1, Pad: 1, CountPad: true})
	return b.At("branch_pool").ConvNormAct(x, out)
}
