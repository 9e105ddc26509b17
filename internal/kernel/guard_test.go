package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guard surrounds the slices of tests: a kernel that uses what lies there gets NaNs,
// one that writes there is found out.
var guard = math.Float32frombits(0x7fc0dead)

const guards = 67 // on either side: more than any register, and odd

// guarded returns n floats with guard values around them, and a function that fails
// the test if one of those has changed. Slices start at different alignments.
func guarded(t testing.TB, what string, n int, r *rand.Rand) (x []float32, check func()) {
	t.Helper()
	front := guards + r.IntN(16)
	all := make([]float32, front+n+guards)
	for i := range all {
		all[i] = guard
	}
	return all[front : front+n : front+n], func() {
		t.Helper()
		for i, v := range all {
			if (i < front || i >= front+n) && math.Float32bits(v) != math.Float32bits(guard) {
				t.Fatalf("%s: wrote %v at %d of %d floats", what, v, i-front, n)
			}
		}
	}
}

// memory is where the slices of a test lie.
type memory int

const (
	amongGuards memory = iota
	beforeEdge         // they end where reading and writing crash
	afterEdge
	memories
)

// slices returns a function that makes slices of random values, and one that fails
// the test if something around them was written.
func (m memory) slices(t testing.TB, r *rand.Rand) (slice func(what string, n int) []float32, check func()) {
	var checks []func()
	slice = func(what string, n int) []float32 {
		var x []float32
		if m == amongGuards {
			var check func()
			x, check = guarded(t, what, n, r)
			checks = append(checks, check)
		} else {
			x = edged(t, n, m == afterEdge)
		}
		fill(x, r)
		return x
	}
	return slice, func() {
		t.Helper()
		for _, f := range checks {
			f()
		}
	}
}

// fill fills x with normally distributed values.
func fill(x []float32, r *rand.Rand) {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
}

// eps is the relative error of one rounding to float32.
const eps = 1.0 / (1 << 24)

// A sum is a value computed in float64 and the sum of the magnitudes it is made of:
// n float32 operations in any order err by at most about n*eps of that.
type sum struct{ value, size float64 }

func (s *sum) add(x float64) { s.value += x; s.size += math.Abs(x) }

// apply finishes s in float64.
func (s sum) apply(e Epilogue, residual float64) sum {
	act := func(x float64) float64 {
		if x < 0 {
			x *= float64(e.Act.Slope)
		}
		return min(x, float64(e.Act.Max))
	}
	size := s.size*max(1, math.Abs(float64(e.Act.Slope))) + math.Abs(residual)
	if e.ActLast {
		return sum{act(s.value + residual), size}
	}
	return sum{act(s.value) + residual, size}
}

// near returns an error unless got is s within ops roundings.
func (s sum) near(got float32, ops int) error {
	if d := math.Abs(float64(got) - s.value); !(d <= float64(ops)*eps*s.size) {
		return fmt.Errorf("got %v, want %v: error %.3g, bound %.3g", got, s.value, d, float64(ops)*eps*s.size)
	}
	return nil
}

// same reports whether a and b are the same float, or NaNs both.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// specials are the values that activations and comparisons may trip over.
var specials = []float32{
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, math.MaxFloat32, -math.MaxFloat32,
	1, -1, 6, math.Nextafter32(6, 7), math.Nextafter32(6, 5), -6, 0.01, -0.01,
}

var acts = []struct {
	name string
	act  Act
}{
	{"identity", Identity}, {"relu", ReLU}, {"relu6", ReLU6}, {"leaky", LeakyReLU(0.01)},
	{"steep", LeakyReLU(1.5)}, {"mirror", LeakyReLU(-1)},
}

// everyVariant runs f once for each variant of this processor.
func everyVariant(t *testing.T, f func(t *testing.T, v *Variant)) {
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) { f(t, v) })
	}
}
