package backbone

import "github.com/gozoo/zoo/nn"

// ShuffleNetV1: arXiv:1707.01083 with three groups, as OpenMMLab's mmpretrain builds
// it (mmpretrain/models/backbones/shufflenet_v1.py).
var shuffleNetV1 = Family{
	Name: "shufflenet_v1",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"shufflenet-v1-1x": shuffleV1{groups: 3, width: []int{240, 480, 960}}.graph,
	},
}

// shuffleBlocks are the blocks of each stage, in both versions.
var shuffleBlocks = []int{4, 8, 4}

type shuffleV1 struct {
	groups int   // of the 1x1 convolutions
	width  []int // channels of each stage
}

func (s shuffleV1) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	x := bb.At("conv1").ConvNormAct(b.Input(), 24, nn.K(3), nn.Stride(2))
	x = bb.At("maxpool").MaxPool(x, 3, 2, 1) // (N,24,H/4,W/4)
	for i, blocks := range shuffleBlocks {
		for j := range blocks {
			compress := s.groups
			if i == 0 && j == 0 {
				compress = 1 // too few channels enter
			}
			x = s.unit(bb.At("layers", i, j), x, s.width[i], compress, j == 0)
		}
	}
	return poolAndClassify(b, x, classes)
}

// unit adds a block: (N,C,H,W) to (N,out,H,W), or where it is the first of a stage to
// (N,out,H/2,W/2), with its averaged input in front.
func (s shuffleV1) unit(b *nn.Builder, x nn.Value, out, compress int, first bool) nn.Value {
	stride, made := 1, out
	if first {
		stride, made = 2, out-x.C
	}
	y := b.At("g_conv_1x1_compress").ConvNormAct(x, out/4, nn.Groups(compress))
	y = b.At("depthwise_conv3x3_bn").ConvNormAct(y, y.C, nn.K(3), nn.Stride(stride), nn.Groups(y.C), nn.NoAct())
	y = b.Shuffle(y, s.groups)
	y = b.At("g_conv_1x1_expand").ConvNormAct(y, made, nn.Groups(s.groups), nn.NoAct())
	if !first {
		return b.Output(b.At("act").Act(b.Add(x, y)))
	}
	x = b.At("avgpool").AvgPool(x, nn.AvgPool{K: 3, Stride: 2, Pad: 1, CountPad: true})
	return b.Output(b.Concat(x, b.At("act").Act(y)))
}
