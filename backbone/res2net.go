package backbone

import "github.com/gozoo/zoo/nn"

// Res2Net: arXiv:1904.01169, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/res2net.py): ResNet's bottlenecks, whose 3x3
// convolution is a chain of narrow ones, each fed by the one before it. In
// "w26-s4", a bottleneck of the first stage has 4 runs of 26 channels.
//
// The "v1d" ones and Res2NeXt, whose narrow convolutions have groups, are timm's.
var res2Net = res2NetFamily()

var res2Nets = map[string]res2{
	"res2net50-w14-s8":     {residual{blocks: depth50}, 14, 8, "res2net50_14w_8s"},
	"res2net50-w26-s4":     {residual{blocks: depth50}, 26, 4, "res2net50_26w_4s"},
	"res2net50-w26-s6":     {residual{blocks: depth50}, 26, 6, "res2net50_26w_6s"},
	"res2net50-w26-s8":     {residual{blocks: depth50}, 26, 8, "res2net50_26w_8s"},
	"res2net50-w48-s2":     {residual{blocks: depth50}, 48, 2, "res2net50_48w_2s"},
	"res2net101-w26-s4":    {residual{blocks: depth101}, 26, 4, "res2net101_26w_4s"},
	"res2netv1d50-w26-s4":  {residual{blocks: depth50, deepStem: true, avgDown: true}, 26, 4, "res2net50d"},
	"res2netv1d101-w26-s4": {residual{blocks: depth101, deepStem: true, avgDown: true}, 26, 4, "res2net101d"},
	"res2next50-w4-c8-s4":  {residual{blocks: depth50, groups: 8}, 32, 4, "res2next50"},
}

func res2NetFamily() Family {
	f := Family{Name: "res2net", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, r := range res2Nets {
		names := plainResNetNames
		if r.deepStem {
			names = deepAvgTimm
		}
		f.Archs[arch] = r.graph
		f.Sources[arch] = projects{timm: named(always(names), r.timm)}
	}
	return f
}

// res2 is a ResNet of such bottlenecks.
type res2 struct {
	residual
	width  int // channels of a run in the first stage
	scales int // runs
	timm   string
}

func (r res2) graph(classes int) (*nn.Graph, error) {
	return r.network(classes, func(b *nn.Builder, x nn.Value, stage, j, stride int) nn.Value {
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
		run = b.At("convs", i).Conv(run, width, nn.K(3), nn.Stride(stride), nn.Groups(max(r.groups, 1)))
		runs[i] = relu.Act(b.At("bns", i).BatchNorm(run))
	}
	if first {
		runs[last] = b.At("pool").AvgPool(runs[last], nn.AvgPool{K: 3, Stride: stride, Pad: 1, CountPad: true})
	}
	y = b.At("bn3").BatchNorm(b.At("conv3").Conv(b.Concat(runs...), out))
	if stride != 1 || x.C != out {
		x = r.shortcut(b.At("downsample"), x, out, stride)
	}
	return b.Output(relu.Act(b.Add(y, x)))
}
