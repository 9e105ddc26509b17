package nn

import (
	"github.com/gozoo/zoo/tensor"
)

// An Op is the kind of a node with its numbers. The concrete types in this
// package are all there are; readers of a graph switch over them.
type Op interface {
	// Kind names the operator in layer tables, in PyTorch's spelling.
	Kind() string
	// Size returns the output size for the given input sizes.
	Size(in ...Size) (Size, error)
	// Params lists the wanted tensors by their names within the module.
	Params() []Param
}

// Conv is a 2-d convolution: (N,In,H,W) to (N,Out,OH,OW) with weights
// (Out/Runs, In/Groups, KH, KW).
type Conv struct {
	In, Out          int
	KH, KW           int
	StrideH, StrideW int
	Pad              Padding
	Groups           int
	Bias             bool
	// Runs is how many equal runs of channels, of which In and Out are all, are convolved by the
	// same weights, those of one: MViT V2's heads. 0 is 1.
	Runs int
	// Dilation leads from one pixel of a window to the next. 0 is 1, pixels that touch.
	Dilation int
}

// Padding is how much zero border an operator adds.
type Padding struct {
	// H rows above and below, W columns left and right.
	H, W int
	// Same asks for TensorFlow's rule instead: the output is ceil(input/stride)
	// and where the border is odd, the extra row and column go to the bottom and
	// to the right.
	Same bool
	// Before tells that the reference adds the border of Same before an ordinary convolution, which
	// every counter sees.
	Before bool
	// Corner asks for as much as Same, all of it at the bottom and to the right: windows that
	// the input does not fill are those of its last rows and columns.
	Corner bool
}

// MaxPool is a 2-d max pooling in floor mode; the border never wins.
type MaxPool struct {
	K, Stride, Pad int
}

// AvgPool is a 2-d average pooling.
type AvgPool struct {
	K, Stride, Pad int
	// Ceil keeps a last window that the input does not fill, as long as it starts
	// inside the input or its leading border.
	Ceil bool
	// CountPad counts the zeros of the border among a window's elements.
	CountPad bool
}

// BatchNorm is an inference-mode batch normalisation over C channels, of pixels or tokens, or features:
// weight * (x - running_mean) / sqrt(running_var + Eps) + bias.
type BatchNorm struct {
	C   int
	Eps float64
	// Plain tells that there is neither weight nor bias: they are 1 and 0.
	Plain bool
	// Runs is how many runs of C channels are normalised by the same numbers: channels of partitions in
	// RepMLP. 0 is 1.
	Runs int
}

// LayerNorm normalises the C channels of each pixel or token, or features of each image, to
// mean 0 and variance 1: weight * (x - mean) / sqrt(variance + Eps) + bias.
type LayerNorm struct {
	C   int
	Eps float64
	// TwoD tells that the reference has a class of its own for it, LayerNorm2d, which counters
	// that go by class do not see.
	TwoD bool
	// Written tells that the reference writes it out as sums and products, which no counter sees.
	Written bool
	// Runs is how many runs of C channels are normalised, each for itself, by the same weight and
	// bias: MViT V2's heads. 0 is 1.
	Runs int
}

// LayerScale multiplies each of C channels by a factor that is learnt, the tensor Name.
type LayerScale struct {
	C    int
	Name string
}

// ResponseNorm is ConvNeXt V2's global response normalisation over C channels: x plus
// gamma * x * n + beta, where n is the 2-norm of the channel over the image, divided
// by the mean of all channels' norms plus Eps.
type ResponseNorm struct {
	C   int
	Eps float64
}

// GlobalAvgPool averages each channel: (N,C,H,W) to (N,C,1,1). Of tokens it takes those of
// pixels, (N,Extra+H*W,C) to (N,C).
type GlobalAvgPool struct {
	// Mean tells that the reference takes a mean in place of PyTorch's pooling, which
	// counters of operators do not count.
	Mean bool
}

// Flatten joins all dimensions but the first: (N,C,H,W) to (N,C*H*W).
type Flatten struct{}

// Linear is a fully connected layer: (N,In) to (N,Out), weights (Out,In) and a bias (Out). Of
// an image (N,In,H,W), or of tokens (N,L,In), it takes every pixel and token for itself.
type Linear struct {
	In, Out int
	// Plain tells that there is no bias.
	Plain bool
	// QVBias tells that queries and values have a bias, the first and the last third of the outputs, and
	// keys none: tensors are qkv.weight, q_bias and v_bias of the module that has the layer, as BEiT's attention
	// names them. It takes tokens only.
	QVBias bool
	// InProj tells that the tensors are in_proj_weight and in_proj_bias, as PyTorch's MultiheadAttention names them.
	InProj bool
	// Function tells that the reference calls the layer as a function: counters that watch modules do not see it.
	Function bool
}

// Add adds two values of the same shape.
type Add struct{}

// Mul multiplies (N,C,H,W) by one factor per image and channel, (N,C,1,1), or two values of the same
// shape with each other.
type Mul struct{}

// Shuffle interleaves Groups equal runs of C channels: channel c of run g becomes
// channel c*Groups+g. It mixes what grouped convolutions keep apart.
type Shuffle struct{ C, Groups int }

// Upsample repeats each pixel Scale times along both axes: (N,C,H,W) to
// (N,C,Scale*H,Scale*W). It is PyTorch's mode "nearest".
type Upsample struct{ Scale int }

// Concat joins values along the channels, in the order of the inputs.
type Concat struct{}

// Slice takes the channels From ≤ c < To.
type Slice struct {
	From, To int
}

func (Conv) Kind() string         { return "conv" }
func (MaxPool) Kind() string      { return "max_pool2d" }
func (AvgPool) Kind() string      { return "avg_pool2d" }
func (BatchNorm) Kind() string    { return "batch_norm" }
func (LayerNorm) Kind() string    { return "layer_norm" }
func (LayerScale) Kind() string   { return "layer_scale" }
func (ResponseNorm) Kind() string { return "response_norm" }
func (p GlobalAvgPool) Kind() string {
	if p.Mean {
		return "mean"
	}
	return "adaptive_avg_pool2d"
}
func (Flatten) Kind() string  { return "flatten" }
func (Linear) Kind() string   { return "linear" }
func (Add) Kind() string      { return "add" }
func (Mul) Kind() string      { return "mul" }
func (Shuffle) Kind() string  { return "channel_shuffle" }
func (Upsample) Kind() string { return "upsample_nearest2d" }
func (Concat) Kind() string   { return "cat" }
func (Slice) Kind() string    { return "slice" }

// Params of a convolution: weight, then bias where it has one.
func (c Conv) Params() []Param {
	out := c.Out / max(c.Runs, 1)
	p := []Param{{Name: "weight", DType: tensor.F32, Shape: tensor.Shape{out, c.In / c.Groups, c.KH, c.KW}}}
	if c.Bias {
		p = append(p, Param{Name: "bias", DType: tensor.F32, Shape: tensor.Shape{out}})
	}
	return p
}

// Params of a batch normalisation, in PyTorch's order.
func (b BatchNorm) Params() []Param {
	c := tensor.Shape{b.C}
	var p []Param
	if !b.Plain {
		p = []Param{{Name: "weight", DType: tensor.F32, Shape: c}, {Name: "bias", DType: tensor.F32, Shape: c}}
	}
	return append(p,
		Param{Name: "running_mean", DType: tensor.F32, Shape: c, Buffer: true},
		Param{Name: "running_var", DType: tensor.F32, Shape: c, Buffer: true},
		Param{Name: "num_batches_tracked", DType: tensor.I64, Shape: tensor.Shape{}, Buffer: true, Optional: true})
}

// Params of a layer normalisation: weight and bias.
func (l LayerNorm) Params() []Param {
	c := tensor.Shape{l.C}
	return []Param{{Name: "weight", DType: tensor.F32, Shape: c}, {Name: "bias", DType: tensor.F32, Shape: c}}
}

// Params of a layer scale: its factors.
func (l LayerScale) Params() []Param {
	return []Param{{Name: l.Name, DType: tensor.F32, Shape: tensor.Shape{l.C}}}
}

// Params of a response normalisation: gamma and beta.
func (r ResponseNorm) Params() []Param {
	c := tensor.Shape{r.C}
	return []Param{{Name: "gamma", DType: tensor.F32, Shape: c}, {Name: "beta", DType: tensor.F32, Shape: c}}
}

// Params of a linear layer: weight, then bias where it has one.
func (l Linear) Params() []Param {
	if l.QVBias {
		third := tensor.Shape{l.Out / 3}
		return []Param{
			{Name: "qkv.weight", DType: tensor.F32, Shape: tensor.Shape{l.Out, l.In}},
			{Name: "q_bias", DType: tensor.F32, Shape: third}, {Name: "v_bias", DType: tensor.F32, Shape: third},
		}
	}
	prefix := ""
	if l.InProj {
		prefix = "in_proj_"
	}
	p := []Param{{Name: prefix + "weight", DType: tensor.F32, Shape: tensor.Shape{l.Out, l.In}}}
	if !l.Plain {
		p = append(p, Param{Name: prefix + "bias", DType: tensor.F32, Shape: tensor.Shape{l.Out}})
	}
	return p
}

// The remaining operators want no tensors.
func (MaxPool) Params() []Param       { return nil }
func (AvgPool) Params() []Param       { return nil }
func (GlobalAvgPool) Params() []Param { return nil }
func (Flatten) Params() []Param       { return nil }
func (Add) Params() []Param           { return nil }
func (Mul) Params() []Param           { return nil }
func (Shuffle) Params() []Param       { return nil }
func (Upsample) Params() []Param      { return nil }
func (Concat) Params() []Param        { return nil }
func (Slice) Params() []Param         { return nil }
