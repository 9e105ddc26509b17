package backbone

import "github.com/gozoo/zoo/nn"

// RepLKNet: arXiv:2203.06717, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/replknet.py).
//
// Its depthwise convolutions are of up to 31 x 31 taps, which train beside one of 5 x 5. Published checkpoints
// and figures are of the training form.
//
// Traps: XL has no small convolutions, and has half as many channels again within its blocks; norms come before
// what they are for, and the last stage alone ends with one.
var repLKNet = inBothForms("replknet", map[string]largeKernels{
	"replknet-31B": {kernels: [4]int{31, 29, 27, 13}, width: 128, small: 5},
	"replknet-31L": {kernels: [4]int{31, 29, 27, 13}, width: 192, small: 5},
	"replknet-XL":  {kernels: [4]int{27, 27, 27, 13}, width: 256, half: 1},
})

// largeBlocks are the pairs of blocks of each stage.
var largeBlocks = [4]int{2, 2, 18, 2}

// largeKernels is a network.
type largeKernels struct {
	kernels [4]int // side of the large convolution of each stage
	width   int    // channels of the first stage; each has twice as many as the one before it
	half    int    // halves of a block's channels that are added within it
	small   int    // side of the convolution beside the large one; none if 0
}

func (l largeKernels) graph(classes int, f form) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	stem := bb.At("stem")
	x := normedAct(stem.At(0), b.Input(), l.width, nn.K(3), nn.Stride(2)) // (N,C,H/2,W/2)
	x = normedAct(stem.At(1), x, x.C, nn.K(3), nn.Groups(x.C))
	x = normedAct(stem.At(2), x, x.C)
	x = normedAct(stem.At(3), x, x.C, nn.K(3), nn.Groups(x.C), nn.Stride(2)) // (N,C,H/4,W/4)
	for i, blocks := range largeBlocks {
		if i > 0 {
			at := bb.At("transitions", i-1)
			x = normedAct(at.At(0), x, 2*x.C)
			x = normedAct(at.At(1), x, x.C, nn.K(3), nn.Groups(x.C), nn.Stride(2))
		}
		for j := range blocks {
			at := bb.At("stages", i, "blocks")
			x = l.block(at.At(2*j), x, l.kernels[i], f)
			x = l.feedForward(at.At(2*j+1), x)
		}
	}
	return poolAndClassify(b, bb.At("stages", 3, "norm").BatchNorm(x), classes)
}

// block adds a large convolution between two of 1x1: (N,C,H,W) to the same.
func (l largeKernels) block(b *nn.Builder, x nn.Value, k int, f form) nn.Value {
	y := b.At("prelkb_bn").BatchNorm(x)
	y = normedAct(b.At("pw1"), y, x.C+l.half*x.C/2)
	y = b.At("lk_nonlinear").Act(l.large(b.At("large_kernel"), y, k, f))
	return b.Output(b.Add(x, normed(b.At("pw2"), y, x.C)))
}

// large adds a depthwise convolution of k x k in one of its forms: (N,C,H,W) to the same.
func (l largeKernels) large(b *nn.Builder, x nn.Value, k int, f form) nn.Value {
	if f == deployed {
		return b.At("lkb_reparam").Conv(x, x.C, nn.K(k), nn.Groups(x.C), nn.Bias())
	}
	y := normed(b.At("lkb_origin"), x, x.C, nn.K(k), nn.Groups(x.C))
	if l.small > 0 {
		y = b.Add(y, normed(b.At("small_conv"), x, x.C, nn.K(l.small), nn.Groups(x.C)))
	}
	return y
}

// feedForward adds two convolutions of 1x1: (N,C,H,W) to the same.
func (l largeKernels) feedForward(b *nn.Builder, x nn.Value) nn.Value {
	y := b.At("preffn_bn").BatchNorm(x)
	y = b.At("nonlinear").WithAct(nn.GELU()).Act(normed(b.At("pw1"), y, 4*x.C))
	return b.Output(b.Add(x, normed(b.At("pw2"), y, x.C)))
}

// normed adds a convolution and its batch norm: (N,C,H,W) to (N,out,H/stride,W/stride).
func normed(b *nn.Builder, x nn.Value, out int, opts ...nn.Option) nn.Value {
	return b.At("bn").BatchNorm(b.At("conv").Conv(x, out, opts...))
}

// normedAct is normed and the activation.
func normedAct(b *nn.Builder, x nn.Value, out int, opts ...nn.Option) nn.Value {
	return b.At("nonlinear").Act(normed(b, x, out, opts...))
}
