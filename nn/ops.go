package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// An Op is the kind of a node with its numbers. The concrete types in this file
// are all there are; readers of a graph switch over them.
type Op interface {
	// Kind names the operator in layer tables, in PyTorch's spelling.
	Kind() string
	// Shape returns the output shape for the given input shapes.
	Shape(in ...tensor.Shape) (tensor.Shape, error)
	// Params lists the wanted tensors by their names within the module.
	Params() []Param
}

// Conv is a 2-d convolution: (N,In,H,W) to (N,Out,OH,OW) with weights
// (Out, In/Groups, KH, KW).
type Conv struct {
	In, Out          int
	KH, KW           int
	StrideH, StrideW int
	Pad              Padding
	Groups           int
	Bias             bool
}

// Padding is how much zero border an operator adds.
type Padding struct {
	// H rows above and below, W columns left and right.
	H, W int
	// Same asks for TensorFlow's rule instead: the output is ceil(input/stride)
	// and where the border is odd, the extra row and column go to the bottom and
	// to the right.
	Same bool
}

// MaxPool is a 2-d max pooling in floor mode; the border never wins.
type MaxPool struct {
	K, Stride, Pad int
}

// BatchNorm is an inference-mode batch normalisation over C channels:
// weight * (x - running_mean) / sqrt(running_var + Eps) + bias.
type BatchNorm struct {
	C   int
	Eps float64
}

// Act is an elementwise activation function.
type Act struct {
	Func  ActFunc
	Slope float32 // of the negative side, LeakyReLU only
}

// ActFunc enumerates the activation functions.
type ActFunc uint8

// The activation functions: max(x,0) + Slope*min(x,0), max(x,0), min(max(x,0),6).
const (
	FuncLeakyReLU ActFunc = iota + 1
	FuncReLU
	FuncReLU6
)

// LeakyReLU returns the activation x for x > 0 and slope*x otherwise.
func LeakyReLU(slope float32) Act { return Act{Func: FuncLeakyReLU, Slope: slope} }

// ReLU returns the activation max(x,0).
func ReLU() Act { return Act{Func: FuncReLU} }

// ReLU6 returns the activation min(max(x,0),6).
func ReLU6() Act { return Act{Func: FuncReLU6} }

// GlobalAvgPool averages each channel: (N,C,H,W) to (N,C,1,1).
type GlobalAvgPool struct{}

// Flatten joins all dimensions but the first: (N,C,H,W) to (N,C*H*W).
type Flatten struct{}

// Linear is a fully connected layer with bias: (N,In) to (N,Out), weights (Out,In).
type Linear struct {
	In, Out int
}

// Add adds two values of the same shape.
type Add struct{}

// Concat joins values along the channels, in the order of the inputs.
type Concat struct{}

// Slice takes the channels From ≤ c < To.
type Slice struct {
	From, To int
}

func (Conv) Kind() string      { return "conv" }
func (MaxPool) Kind() string   { return "max_pool2d" }
func (BatchNorm) Kind() string { return "batch_norm" }
func (a Act) Kind() string {
	switch a.Func {
	case FuncLeakyReLU:
		return "leaky_relu"
	case FuncReLU:
		return "relu"
	case FuncReLU6:
		return "relu6"
	}
	return fmt.Sprintf("activation(%d)", a.Func)
}
func (GlobalAvgPool) Kind() string { return "adaptive_avg_pool2d" }
func (Flatten) Kind() string       { return "flatten" }
func (Linear) Kind() string        { return "linear" }
func (Add) Kind() string           { return "add" }
func (Concat) Kind() string        { return "cat" }
func (Slice) Kind() string         { return "slice" }

// Params of a convolution: weight, then bias where it has one.
func (c Conv) Params() []Param {
	p := []Param{{Name: "weight", DType: tensor.F32, Shape: tensor.Shape{c.Out, c.In / c.Groups, c.KH, c.KW}}}
	if c.Bias {
		p = append(p, Param{Name: "bias", DType: tensor.F32, Shape: tensor.Shape{c.Out}})
	}
	return p
}

// Params of a batch normalisation, in PyTorch's order.
func (b BatchNorm) Params() []Param {
	c := tensor.Shape{b.C}
	return []Param{
		{Name: "weight", DType: tensor.F32, Shape: c},
		{Name: "bias", DType: tensor.F32, Shape: c},
		{Name: "running_mean", DType: tensor.F32, Shape: c, Buffer: true},
		{Name: "running_var", DType: tensor.F32, Shape: c, Buffer: true},
		{Name: "num_batches_tracked", DType: tensor.I64, Shape: tensor.Shape{}, Buffer: true, Optional: true},
	}
}

// Params of a linear layer: weight and bias.
func (l Linear) Params() []Param {
	return []Param{
		{Name: "weight", DType: tensor.F32, Shape: tensor.Shape{l.Out, l.In}},
		{Name: "bias", DType: tensor.F32, Shape: tensor.Shape{l.Out}},
	}
}

// The remaining operators want no tensors.
func (MaxPool) Params() []Param       { return nil }
func (Act) Params() []Param           { return nil }
func (GlobalAvgPool) Params() []Param { return nil }
func (Flatten) Params() []Param       { return nil }
func (Add) Params() []Param           { return nil }
func (Concat) Params() []Param        { return nil }
func (Slice) Params() []Param         { return nil }
