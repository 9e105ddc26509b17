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
)

// actKinds names the functions.
var actKinds = map[ActFunc]string{
	FuncLeakyReLU: "leaky_relu", FuncReLU: "relu", FuncReLU6: "relu6",
	FuncSigmoid: "sigmoid", FuncHardSigmoid: "hardsigmoid", FuncSiLU: "silu", FuncHardSwish: "hardswish", FuncGELU: "gelu",
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
