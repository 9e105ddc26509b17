package kernel

import "math"

// An Act is a piecewise linear activation: x for x > 0 and Slope*x otherwise, but
// at most Max.
type Act struct {
	Slope, Max float32
}

// The activations; a LeakyReLU is an Act of its own slope without a Max.
var (
	Identity = Act{Slope: 1, Max: float32(math.Inf(1))}
	ReLU     = Act{Slope: 0, Max: float32(math.Inf(1))}
	ReLU6    = Act{Slope: 0, Max: 6}
)

// LeakyReLU returns the activation x for x > 0 and slope*x otherwise.
func LeakyReLU(slope float32) Act { return Act{Slope: slope, Max: float32(math.Inf(1))} }

// Apply returns the activation of x.
func (a Act) Apply(x float32) float32 {
	if x < 0 {
		x *= a.Slope
	}
	if x > a.Max {
		x = a.Max
	}
	return x
}

// An Epilogue is what happens to a sum before it is stored.
type Epilogue struct {
	Act Act
	// ActLast applies the activation after the residual instead of before it.
	ActLast bool
}

// Apply returns the finished value of sum; residual is what is added.
func (e Epilogue) Apply(sum, residual float32) float32 {
	if e.ActLast {
		return e.Act.Apply(sum + residual)
	}
	return e.Act.Apply(sum) + residual
}
