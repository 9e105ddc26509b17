package backbone

import "github.com/gozoo/zoo/nn"

// Res2Net: arXiv:1904.01169, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/res2net.py): ResNet's bottlenecks, whose 3x3
// convolution is a chain of narrow ones, each fed by the one before it. In
// "w26-s4", a bottleneck of the first stage has 4 runs of 26 channels.
var res2Net = Family{
	Name: "res2net",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"res2net50-w14-s8":  res2{blocks: depth50, width: 14, scales: 8}.graph,
		"res2net50-w26-s8":  res2{blocks: depth50, width: 26, scales: 8}.graph,
		"res2net101-w26-s4": res2{blocks: depth101, width: 26, scales: 4}.graph,
	},
	Sources: map[string]projects{
		"res2net50-w14-s8":  {timm: named(always(plainResNetNames), "res2net50_14w_8s")},
		"res2net50-w26-s8":  {timm: named(always(plainResNetNames), "res2net50_26w_8s")},
		"res2net101-w26-s4": {timm: named(always(plainResNetNames), "res2net101_26w_4s")},
	},
}

type res2 struct {
	blocks []int
	width  int // channels of a run in the first stage
	scales int // runs
}

func (r res2) graph(classes int) (*nn.Graph, error) {
	return residual{blocks: r.blocks}.network(classes, func(b *nn.Builder, x nn.Value, stage, j, stride int) nn.Value {
		return r.block(b, x, r.width<<stage, 256<<stage, stride, j == 0)
	})
}

// block adds a bottleneck: (N,C,H,W) to (N,out,H/stride,W/stride). In the first of a
// stage no run is fed by another, and the last one is averaged instead of passing by.
func (r res2) block(b *nn.Builder, x nn.Value, width, out, stride int, first bool) nn.Value {
	relu := b.At("relu")
	y := relu.Act(b.At("bn1").BatchNorm(b.At("conv1").Conv(x, width*r.scales)))
	runs := b.Split(y, r.scales)
	last := r.scales - 1
	for i, run := range runs[:last] {
		if i > 0 && !first {
			run = b.Add(runs[i-1], run)
		}
		run = b.At("convs", i).Conv(run, width, nn.K(3), nn.Stride(stride))
		runs[i] = relu.Act(b.At("bns", i).BatchNorm(run))
	}
	if first {
		runs[last] = b.At("pool").AvgPool(runs[last], nn.AvgPool{K: 3, Stride: stride, Pad: 1, CountPad: true})
	}
	y = b.At("bn3").BatchNorm(b.At("conv3").Conv(b.Concat(runs...), out))
	if stride != 1 || x.C != out {
		x = residual{}.shortcut(b.At("downsample"), x, out, stride)
	}
	return b.Output(relu.Act(b.Add(y, x)))
}
