package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

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

// squeezeExcite scales each channel of x, (N,C,H,W), by its factor.
func squeezeExcite(b *nn.Builder, x nn.Value, squeezed int, act, gate nn.Act) nn.Value {
	return b.Mul(x, channelFactors(b, x, squeezed, act, gate))
}

// channelFactors makes a factor of each channel of x, (N,C,H,W) to (N,C,1,1), by two 1x1
// convolutions of the channels' averages: arXiv:1709.01507, as OpenMMLab's
// SELayer. The act follows the first convolution, the gate the second.
func channelFactors(b *nn.Builder, x nn.Value, squeezed int, act, gate nn.Act) nn.Value {
	y := b.At("global_avgpool").GlobalAvgPool(x) // (N,C,1,1)
	y = b.At("conv1", "conv").Conv(y, squeezed, nn.Bias())
	y = b.At("conv1", "activate").WithAct(act).Act(y) // (N,squeezed,1,1)
	y = b.At("conv2", "conv").Conv(y, x.C, nn.Bias())
	return b.At("conv2", "activate").WithAct(gate).Act(y)
}

// selfAttention adds OpenMMLab's MultiheadAttention: a linear layer makes queries, keys and values of
// the tokens of x, (N,L,C), another follows the attention of heads.
func selfAttention(b *nn.Builder, x nn.Value, heads int) nn.Value {
	qkv := b.Split(b.At("qkv").Linear(x, 3*x.C), 3)
	return b.At("proj").Linear(b.Attention(qkv[0], qkv[1], qkv[2], heads), x.C)
}

// crossCovariance adds an attention of channels of length 1, arXiv:2106.09681, between two linear layers, of the
// pixels of x, (N,C,H,W); temper is what the factors of its heads are called.
func crossCovariance(b *nn.Builder, x nn.Value, heads int, temper string) nn.Value {
	qkv := b.Split(b.At("qkv").Linear(b.Tokens(x), 3*x.C), 3)
	y := b.ChannelAttention(qkv[0], qkv[1], qkv[2], nn.ChannelAttention{Heads: heads, Unit: true, Temper: temper})
	return b.At("proj").Linear(b.Image(y), x.C)
}

// feedForward adds OpenMMLab's FFN, less the addition of its input: two linear layers with the
// builder's activation between them, of pixels or tokens of x.
func feedForward(b *nn.Builder, x nn.Value, hidden int) nn.Value {
	y := b.Act(b.At("layers", 0, 0).Linear(x, hidden))
	return b.At("layers", 1).Linear(y, x.C)
}

// poolingMixer adds what an average over 3x3 pixels, which leaves the border out, differs from the pixel:
// (N,C,H,W) to the same.
func poolingMixer(b *nn.Builder, x nn.Value) nn.Value {
	y := b.At("pool").AvgPool(x, nn.AvgPool{K: 3, Stride: 1, Pad: 1})
	return b.Add(y, b.Scale(x, -1))
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

// inverted is an inverted residual block, OpenMMLab's InvertedResidual: expand, filter
// each channel, scale channels by squeeze-excitation, project.
type inverted struct {
	k, stride int
	mid, out  int
	squeezed  int // channels between the convolutions of squeeze-excitation; none if 0
	act, gate nn.Act
	border    []nn.Option // of the convolutions, if not half the kernel
	alone     bool        // without the residual
}

// block adds the block, whose convolutions have the builder's activation: (N,C,H,W)
// to (N,out,H/stride,W/stride). Input and output are added where they are alike, unless it is alone.
func (r inverted) block(b *nn.Builder, x nn.Value) nn.Value {
	y := x
	if r.mid != x.C {
		y = b.At("expand_conv").ConvNormAct(y, r.mid, r.border...)
	}
	options := append([]nn.Option{nn.K(r.k), nn.Stride(r.stride), nn.Groups(r.mid)}, r.border...)
	y = b.At("depthwise_conv").ConvNormAct(y, r.mid, options...)
	if r.squeezed > 0 {
		y = squeezeExcite(b.At("se"), y, r.squeezed, r.act, r.gate)
	}
	y = b.At("linear_conv").ConvNormAct(y, r.out, append([]nn.Option{nn.NoAct()}, r.border...)...)
	if r.stride == 1 && x.C == r.out && !r.alone {
		y = b.Add(x, y)
	}
	return b.Output(y)
}

// fused adds the block with one k x k convolution in the place of the first two: OpenMMLab's
// EdgeResidual, without squeeze-excitation.
func (r inverted) fused(b *nn.Builder, x nn.Value) nn.Value {
	y := b.At("conv1").ConvNormAct(x, r.mid, append([]nn.Option{nn.K(r.k), nn.Stride(r.stride)}, r.border...)...)
	y = b.At("conv2").ConvNormAct(y, r.out, nn.NoAct())
	if r.stride == 1 && x.C == r.out && !r.alone {
		y = b.Add(x, y)
	}
	return b.Output(y)
}

// fusedTimm renames timm's fused blocks from one path, with its dot, to another.
func fusedTimm(from, to string) recipe.Recipe {
	return recipe.Recipe{
		recipe.Rename(from+"conv_exp.**", to+"conv1.conv.**"),
		recipe.Rename(from+"bn1.**", to+"conv1.bn.**"),
		recipe.Rename(from+"conv_pwl.**", to+"conv2.conv.**"),
		recipe.Rename(from+"bn2.**", to+"conv2.bn.**"),
	}
}

// invertedTimm renames timm's inverted residuals from one path, with its dot, to
// another; they number norms in the order they run.
func invertedTimm(from, to string, expands, squeezes bool) recipe.Recipe {
	units := [][2]string{{"conv_dw", "depthwise_conv"}, {"conv_pw", "linear_conv"}}
	if expands {
		units = [][2]string{{"conv_pw", "expand_conv"}, {"conv_dw", "depthwise_conv"}, {"conv_pwl", "linear_conv"}}
	}
	var r recipe.Recipe
	for i, u := range units {
		r = append(r,
			recipe.Rename(from+u[0]+".**", to+u[1]+".conv.**"),
			recipe.Rename(fmt.Sprintf("%sbn%d.**", from, i+1), to+u[1]+".bn.**"))
	}
	if squeezes {
		r = append(r,
			recipe.Rename(from+"se.conv_reduce.**", to+"se.conv1.conv.**"),
			recipe.Rename(from+"se.conv_expand.**", to+"se.conv2.conv.**"))
	}
	return r
}

// invertedTorchvision renames torchvision's inverted residuals from one path, with its dot, to
// another; they number what they are made of in one row.
func invertedTorchvision(from, to string, expands, squeezes bool) recipe.Recipe {
	var r recipe.Recipe
	part := 0
	unit := func(ours string) {
		r = append(r,
			recipe.Rename(fmt.Sprintf("%s%d.0.**", from, part), to+ours+".conv.**"),
			recipe.Rename(fmt.Sprintf("%s%d.1.**", from, part), to+ours+".bn.**"))
		part++
	}
	if expands {
		unit("expand_conv")
	}
	unit("depthwise_conv")
	if squeezes {
		r = append(r, recipe.Rename(fmt.Sprintf("%s%d.fc*.**", from, part), to+"se.conv*.conv.**"))
		part++
	}
	unit("linear_conv")
	return r
}
