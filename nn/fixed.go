package nn

import (
	"bytes"
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// A Fixed is what a buffer holds that follows from a network's numbers alone: a table of indices,
// coordinates or angles. Checkpoints carry such tables, and inference does without them: what they
// would say is part of an operator. A checkpoint whose table is another is of another network.
//
// Values of a type that implements it are comparable: equal ones have equal tables.
type Fixed interface {
	// Tensor computes the table, in the dtype and shape of its Param.
	Tensor() tensor.Tensor
}

// fixedTolerance is what a table of floating point numbers may differ by, of its largest, and
// further by what the dtype that it is stored in rounds to. Frameworks compute sines in float32.
const fixedTolerance = 1e-5

// rounding is half the distance between numbers near 1 of a dtype.
var rounding = map[tensor.DType]float64{tensor.F16: 0x1p-11, tensor.BF16: 0x1p-8}

// Misfit compares a tensor with the wanted one: its shape, its kind of number, and its values where
// they are fixed. It returns what differs, and whether anything does.
func (p Param) Misfit(t tensor.Tensor) (Misfit, bool) {
	m := Misfit{p.Name, describe(p.DType, p.Shape), describe(t.DType(), t.Shape())}
	if !t.Shape().Equal(p.Shape) || isFloat(t.DType()) != isFloat(p.DType) {
		return m, true
	}
	if p.Fixed == nil {
		return m, false
	}
	want := p.Fixed.Tensor()
	x, err := t.Float32s()
	if err != nil {
		return m, true
	}
	y, _ := want.Float32s() // as it is computed
	if i, ok := differs(x, y, fixedTolerance+rounding[t.DType()], isFloat(want.DType())); ok {
		m.Want += fmt.Sprintf(" with %v at %d, as follows from the network", y[i], i)
		m.Found += fmt.Sprintf(" with %v there", x[i])
		return m, true
	}
	return m, false
}

// repeats compares a tensor of the wanted shape with the first that it is to repeat, as Misfit does.
func (p Param) repeats(t, first tensor.Tensor) (Misfit, bool) {
	m := Misfit{p.Name, describe(p.DType, p.Shape), describe(t.DType(), t.Shape())}
	if t.DType() == first.DType() && bytes.Equal(t.Bytes(), first.Bytes()) {
		return m, false
	}
	x, err := t.Float32s()
	y, wrong := first.Float32s()
	if err != nil || wrong != nil || len(x) != len(y) {
		return m, true
	}
	i, differs := differs(x, y, 0, false)
	if differs {
		m.Want += fmt.Sprintf(" with %v at %d, as %s has it", y[i], i, shortName(p.Same))
		m.Found += fmt.Sprintf(" with %v there", x[i])
	}
	return m, differs
}

// differs returns the first element in which a table is not what it must be: within a tolerance,
// relative to the largest, where there is one.
func differs(x, want []float32, tolerance float64, tolerant bool) (at int, ok bool) {
	most := 0.0
	for _, v := range want {
		if tolerant {
			most = max(most, tolerance*math.Abs(float64(v)))
		}
	}
	for i, v := range want {
		if !(math.Abs(float64(x[i])-float64(v)) <= most) {
			return i, true
		}
	}
	return 0, false
}
