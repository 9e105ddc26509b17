package kernel

import (
	"fmt"
	"math"
)

// A Curve is an activation that is not an Act.
type Curve uint8

// The curves. NoCurve is none of them: it is the zero value.
const (
	NoCurve     Curve = iota
	Sigmoid           // 1/(1+exp(-x))
	SiLU              // x/(1+exp(-x))
	HardSigmoid       // min(max(x+3,0),6)/6
	HardSwish         // x*min(max(x+3,0),6)/6
	GELU              // x times the normal distribution's share below x
	QuickGELU         // x/(1+exp(-1.702x))
	GELUTanh          // x/2*(1+tanh(sqrt(2/pi)*(x+0.044715x^3)))
	Tanh              // the hyperbolic tangent
	curves
)

// Apply returns the value at x.
func (c Curve) Apply(x float32) float32 {
	y := float64(x)
	switch c {
	case Sigmoid:
		return float32(1 / (1 + math.Exp(-y)))
	case SiLU:
		return float32(y / (1 + math.Exp(-y)))
	case HardSigmoid:
		return float32(min(max(y+3, 0), 6) / 6)
	case HardSwish:
		return float32(y * min(max(y+3, 0), 6) / 6)
	case GELU:
		return float32(y / 2 * math.Erfc(-y/math.Sqrt2))
	case QuickGELU:
		return float32(y / (1 + math.Exp(-1.702*y)))
	case GELUTanh:
		return float32(y / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*y*(1+0.044715*y*y))))
	case Tanh:
		return float32(math.Tanh(y))
	}
	return x
}

// An Activation describes rows of pixels to which a Curve is applied.
type Activation struct {
	Curve Curve
	// Channels is the number of channels.
	Channels int
	// SrcStride and DstStride lead from one pixel to the next, in floats.
	SrcStride, DstStride int
}

func (a *Activation) check(m int, dst, src []float32) {
	if a.Curve == NoCurve || a.Curve >= curves {
		panic(fmt.Sprintf("kernel: activation: no curve %d", a.Curve))
	}
	checkPixels("activation", m, a.Channels, []int{0}, a.Channels, a.SrcStride, len(src))
	checkRows("activation", m, a.Channels, a.DstStride, 0, dst, nil)
}

// ActivateGeneric computes m ≥ 1 pixels: for every pixel i and channel c,
//
//	dst[i*DstStride+c] = a.Curve.Apply(src[i*SrcStride+c])
//
// src may overlap dst only if it is dst. Variants err by at most 3 units in the last
// place, of GELU and Tanh by 5, of QuickGELU and GELUTanh further by twice the number whose
// exponential function is taken, and where exp(-|x|), of GELU exp(-x*x/2), is subnormal by 2^-119.
func ActivateGeneric(a *Activation, m int, dst, src []float32) {
	a.check(m, dst, src)
	for i := range m {
		a.channels(0, dst[i*a.DstStride:], src[i*a.SrcStride:])
	}
}

// channels computes the channels from first on of one pixel.
func (a *Activation) channels(first int, dst, src []float32) {
	for c := first; c < a.Channels; c++ {
		dst[c] = a.Curve.Apply(src[c])
	}
}
