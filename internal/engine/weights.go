package engine

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// weights packs the tensors of a network, each once, whatever plans use them.
type weights struct {
	bound  *nn.Bound
	mu     sync.Mutex
	packed map[packing]any // []float32 or []kernel.Pair
}

// A packing is one way in which some weights are laid out: panels of output channels
// from channel first on, for one variant, of the unit that computes value out. The
// value tells a fused batch norm from one that is kept apart.
type packing struct {
	variant  string
	out      int
	first, n int
}

func newWeights(b *nn.Bound) *weights {
	return &weights{bound: b, packed: make(map[packing]any)}
}

// packOnce returns the packed weights of key, which pack makes at first use.
func packOnce[T float32 | kernel.Pair](w *weights, key packing, pack func() ([]T, error)) ([]T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, ok := w.packed[key]; ok {
		return p.([]T), nil
	}
	p, err := pack()
	if err != nil {
		return nil, err
	}
	w.packed[key] = p
	return p, nil
}

// unitWeights are the weights (Out,fan) and the biases (Out) of a convolution or
// linear layer. The factor of a batch norm that is folded in still has to be applied
// to the weights of each output channel; it is part of the biases already.
type unitWeights struct {
	w     []float32
	scale []float64
	bias  []float32
	fan   int
}

// at returns the weight of output channel o with index i of its fan, rounded once.
func (f *unitWeights) at(o, i int) float32 {
	return float32(float64(f.w[o*f.fan+i]) * f.scale[o])
}

// folded returns the weights of a unit with out output channels.
func folded(b *nn.Bound, u unit, out int) (*unitWeights, error) {
	var tensors [3][]float32
	for i, p := range u.node.Params {
		t, err := float32s(b, p)
		if err != nil {
			return nil, err
		}
		tensors[i] = t
		if op, ok := u.node.Op.(nn.Conv); ok && op.Runs > 1 {
			tensors[i] = slices.Repeat(t, op.Runs)
		}
	}
	if op, ok := u.node.Op.(nn.Linear); ok && op.QVBias {
		tensors[1] = slices.Concat(tensors[1], make([]float32, out/3), tensors[2])
	}
	f := &unitWeights{w: tensors[0], scale: make([]float64, out), bias: make([]float32, out), fan: len(tensors[0]) / out}
	shift := make([]float64, out)
	for o := range f.scale {
		f.scale[o] = 1
	}
	if u.bn != nil {
		var err error
		if f.scale, shift, err = foldedNorm(b, u.bn, out); err != nil {
			return nil, err
		}
	}
	for o := range f.bias {
		bias := 0.0
		if tensors[1] != nil {
			bias = float64(tensors[1][o])
		}
		f.bias[o] = float32(bias*f.scale[o] + shift[o])
	}
	return f, nil
}

// parallel calls f with 0 ≤ i < n on every core, in no order.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

// foldedNorm returns the factor and the term of a batch norm, a layer scale or a scale of channels as an
// affine map per channel, computed in float64.
func foldedNorm(b *nn.Bound, node *nn.Node, channels int) (scale, shift []float64, err error) {
	scale, shift = make([]float64, channels), make([]float64, channels)
	for c := range scale {
		scale[c] = 1
	}
	var op nn.BatchNorm
	switch o := node.Op.(type) {
	case nn.Scale:
		for c := range scale {
			scale[c] = o.Factor
		}
		return scale, shift, nil
	case nn.LayerScale:
		gamma, err := float32s(b, node.Params[0])
		for c, g := range gamma {
			scale[c] = float64(g)
		}
		return scale, shift, err
	case nn.BatchNorm:
		op = o
	}
	params := node.Params
	if !op.Plain {
		for _, to := range [][]float64{scale, shift} { // weight, bias
			x, err := float32s(b, params[0])
			if err != nil {
				return nil, nil, err
			}
			for c := range to { // of runs, too, that share tensors
				to[c] = float64(x[c%op.C])
			}
			params = params[1:]
		}
	}
	mean, err := float32s(b, params[0])
	if err != nil {
		return nil, nil, err
	}
	variance, err := float32s(b, params[1])
	for c := 0; err == nil && c < channels; c++ {
		scale[c] /= math.Sqrt(float64(variance[c%op.C]) + op.Eps)
		shift[c] -= float64(mean[c%op.C]) * scale[c]
	}
	return scale, shift, err
}

// float32s returns the values of param p.
func float32s(b *nn.Bound, p int) ([]float32, error) {
	x, err := b.Tensors[p].Float32s()
	if err != nil {
		return nil, fmt.Errorf("engine: tensor %q: %w", b.Graph.Params[p].Name, err)
	}
	return x, nil
}
