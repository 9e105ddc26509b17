package nn

import "fmt"

// Act is an elementwise activation function.
type Act struct {
	Func  ActFunc
	Slope float32 // of the negative side, LeakyReLU only
}

// ActFunc enumerates the activation functions.
type ActFunc uint8

// The activation functions, as PyTorch defines them.
const (
	FuncLeakyReLU   ActFunc = iota + 1 // max(x,0) + Slope*min(x,0)
	FuncReLU                           // max(x,0)
	FuncReLU6                          // min(max(x,0),6)
	FuncSigmoid                        // 1/(1+exp(-x))
	FuncHardSigmoid                    // min(max(x+3,0),6)/6
	FuncSiLU                           // x/(1+exp(-x)), also called Swish
	FuncHardSwish                      // x*min(max(x+3,0),6)/6
	FuncGELU                           // x/2*(1+erf(x/sqrt(2)))
	FuncQuickGELU                      // x/(1+exp(-1.702x)), CLIP's
	FuncGELUTanh                       // x/2*(1+tanh(sqrt(2/pi)*(x+0.044715x^3))), GELU's approximation
	FuncTanh                           // the hyperbolic tangent
)

// actKinds names the functions.
var actKinds = map[ActFunc]string{
	FuncLeakyReLU: "leaky_relu", FuncReLU: "relu", FuncReLU6: "relu6",
	FuncSigmoid: "sigmoid", FuncHardSigmoid: "hardsigmoid", FuncSiLU: "silu", FuncHardSwish: "hardswish", FuncGELU: "gelu",
	FuncQuickGELU: "quick_gelu", FuncGELUTanh: "gelu_tanh", FuncTanh: "tanh",
}

// LeakyReLU returns the activation x for x > 0 and slope*x otherwise.
func LeakyReLU(slope float32) Act { return Act{Func: FuncLeakyReLU, Slope: slope} }

// ReLU returns the activation max(x,0).
func ReLU() Act { return Act{Func: FuncReLU} }

// ReLU6 returns the activation min(max(x,0),6).
func ReLU6() Act { return Act{Func: FuncReLU6} }

// Sigmoid returns the logistic function.
func Sigmoid() Act { return Act{Func: FuncSigmoid} }

// HardSigmoid returns the piecewise linear sigmoid of MobileNetV3.
func HardSigmoid() Act { return Act{Func: FuncHardSigmoid} }

// SiLU returns x times its sigmoid.
func SiLU() Act { return Act{Func: FuncSiLU} }

// HardSwish returns x times its HardSigmoid.
func HardSwish() Act { return Act{Func: FuncHardSwish} }

// GELU returns x times the normal distribution's share below it.
func GELU() Act { return Act{Func: FuncGELU} }

// QuickGELU returns x times the sigmoid of 1.702x.
func QuickGELU() Act { return Act{Func: FuncQuickGELU} }

// GELUTanh returns GELU's approximation by a hyperbolic tangent.
func GELUTanh() Act { return Act{Func: FuncGELUTanh} }

// Tanh returns the hyperbolic tangent.
func Tanh() Act { return Act{Func: FuncTanh} }

// Kind returns PyTorch's name of the function.
func (a Act) Kind() string {
	if kind, ok := actKinds[a.Func]; ok {
		return kind
	}
	return fmt.Sprintf("activation(%d)", a.Func)
}

// Params returns none: an activation wants no tensors.
func (Act) Params() []Param { return nil }

// Size returns the input's size.
func (Act) Size(in ...Size) (Size, error) { return one(in) }
