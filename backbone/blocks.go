package backbone

import "github.com/gozoo/zoo/nn"

// Parts that several families share.

// poolAndClassify adds OpenMMLab's global average pooling neck and linear head:
// (N,F,H,W) to (N,classes).
func poolAndClassify(b *nn.Builder, x nn.Value, classes int) (*nn.Graph, error) {
	x = pooled(b, x)
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// pooled adds the neck alone: (N,F,H,W) to the features (N,F).
func pooled(b *nn.Builder, x nn.Value) nn.Value {
	neck := b.At("neck")
	x = neck.At("gap").GlobalAvgPool(x)
	return neck.Features(neck.Flatten(x))
}

// squeezeExcite scales each channel of x, (N,C,H,W), by a factor that two 1x1
// convolutions make of the channels' averages: arXiv:1709.01507, as OpenMMLab's
// SELayer. The act follows the first convolution, the gate the second.
func squeezeExcite(b *nn.Builder, x nn.Value, squeezed int, act, gate nn.Act) nn.Value {
	y := b.At("global_avgpool").GlobalAvgPool(x) // (N,C,1,1)
	y = b.At("conv1", "conv").Conv(y, squeezed, nn.Bias())
	y = b.At("conv1", "activate").WithAct(act).Act(y) // (N,squeezed,1,1)
	y = b.At("conv2", "conv").Conv(y, x.C, nn.Bias())
	y = b.At("conv2", "activate").WithAct(gate).Act(y) // (N,C,1,1)
	return b.Mul(x, y)
}

// makeDivisible rounds a scaled channel count to a multiple of divisor, never losing
// more than a tenth: OpenMMLab's make_divisible, TensorFlow's round_filters.
func makeDivisible(c float64, divisor int) int {
	n := max(divisor, int(c+float64(divisor)/2)/divisor*divisor)
	if float64(n) < 0.9*c {
		n += divisor
	}
	return n
}
