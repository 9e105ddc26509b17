package golden

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Synthetic tensors are made from a name, a shape and a seed alone, bit for bit
// the same here and in gen/synthetic.py: all arithmetic is in float64, with one
// rounding to float32 at the end. They let a network of any size be compared with
// the reference framework without shipping its weights.

// gamma is splitmix64's increment, 2^64 divided by the golden ratio.
const gamma = 0x9E3779B97F4A7C15

// stream is an indexed source of random bits that depends on a name and a seed.
type stream uint64

// newStream returns the stream of a name: FNV-1a of the name, mixed with the seed.
func newStream(name string, seed uint64) stream {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return stream(h ^ seed*gamma)
}

// bits returns the i-th output, from 0.
func (s stream) bits(i int) uint64 {
	z := uint64(s) + (uint64(i)+1)*gamma
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// unit returns the i-th output as a multiple of 2^-24 in [0,1).
func (s stream) unit(i int) float64 { return float64(s.bits(i)>>40) * 0x1p-24 }

// signed returns the i-th output in [-1,1).
func (s stream) signed(i int) float64 { return 2*s.unit(i) - 1 }

// SyntheticTensor returns the synthetic tensor of a state dict name. The values
// depend on what the name ends with and on the rank: running variances lie in
// [0.5,1.5), means and biases in [-0.1,0.1), other vectors in [0.75,1.25); in
// weights the second half of each row is minus the first, which keeps a deep
// random network well conditioned, and those alone are multiplied by the gain of w: networks
// with few norms need one below 1. Counters, of dtype I64, are zero. It is an error where w
// are not synthetic.
func SyntheticTensor(name string, dtype tensor.DType, shape tensor.Shape, w Weights) (tensor.Tensor, error) {
	size, err := shape.Bytes(dtype)
	if err == nil && w.kind != kindSynthetic {
		err = fmt.Errorf("expected synthetic weights, found %v", w)
	}
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("golden: synthetic %q: %w", name, err)
	}
	data := make([]byte, size)
	counter := strings.HasSuffix(name, "num_batches_tracked")
	switch {
	case counter && dtype == tensor.I64:
	case !counter && dtype == tensor.F32:
		fillSynthetic(data, newStream(name, w.seed), name, shape, w.Gain())
	default:
		return tensor.Tensor{}, fmt.Errorf("golden: synthetic %q: no values are defined for %v", name, dtype)
	}
	return tensor.New(dtype, shape, data)
}

// SyntheticState returns synthetic weights for the tensors that a graph wants: see
// SyntheticTensor. What is fixed holds what it is fixed to, a table what it holds before a checkpoint is
// loaded, and what repeats another tensor the same as that.
func SyntheticState(params []nn.Param, w Weights) (*tensor.StateDict, error) {
	sd := new(tensor.StateDict)
	for _, p := range params {
		var t tensor.Tensor
		var err error
		switch {
		case p.Fixed != nil:
			t = p.Fixed.Tensor()
		case p.Initial != nil:
			t = p.Initial.Tensor()
		case p.Same != "":
			t, _ = sd.Lookup(p.Same) // the builder wants it before
		default:
			t, err = SyntheticTensor(p.Name, p.DType, p.Shape, w)
		}
		if err != nil {
			return nil, err
		}
		if err := sd.Add(p.Name, t); err != nil {
			return nil, err
		}
	}
	return sd, nil
}

func fillSynthetic(data []byte, s stream, name string, shape tensor.Shape, gain float64) {
	n := len(data) / 4
	put := func(i int, v float64) {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(float32(v)))
	}
	switch {
	case strings.HasSuffix(name, "running_var"):
		for i := range n {
			put(i, 0.5+s.unit(i))
		}
	case strings.HasSuffix(name, "running_mean"), strings.HasSuffix(name, "bias"):
		for i := range n {
			put(i, 0.1*s.signed(i))
		}
	case len(shape) < 2:
		for i := range n {
			put(i, 1+0.25*s.signed(i))
		}
	case len(shape) > 2 && shape[0] == 1: // tokens, tables of positions
		for i := range n {
			put(i, 0.5*s.signed(i))
		}
	case n > 0:
		fillRows(data, s, n/shape[0], gain)
	}
}

// fillRows fills rows of fan weights, on every core where there are many.
func fillRows(data []byte, s stream, fan int, gain float64) {
	n := len(data) / 4
	scale, half := gain*math.Sqrt(4/float64(fan)), fan/2
	fill := func(from, to int) {
		for row := from * fan; row < to*fan; row += fan {
			for j := range fan {
				at := row + j
				var bits uint32
				if j >= half && j < 2*half { // minus what lies half a row before
					bits = binary.LittleEndian.Uint32(data[4*(at-half):]) ^ 1<<31
				} else {
					bits = math.Float32bits(float32(scale * s.signed(at)))
				}
				binary.LittleEndian.PutUint32(data[4*at:], bits)
			}
		}
	}
	rows := n / fan
	parts := min(runtime.GOMAXPROCS(0), 1+n>>18, rows)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { fill(rows*i/parts, rows*(i+1)/parts) })
	}
	wg.Wait()
}

// SyntheticInput returns the synthetic network input of shape (N,C,H,W): a coarse
// 8x8 grid of levels per channel plus fine noise, in row-major order.
func SyntheticInput(shape tensor.Shape, seed uint64) ([]float32, error) {
	total, err := shape.Numel()
	if err != nil || len(shape) != 4 || total == 0 {
		return nil, fmt.Errorf("golden: synthetic input %v: expected (N,C,H,W) of at least one element", shape)
	}
	grid, noise := newStream("input.grid", seed), newStream("input.noise", seed)
	h, w := shape[2], shape[3]
	out := make([]float32, 0, total)
	for plane := range shape[0] * shape[1] {
		for y := range h {
			row := plane*64 + 8*y/h*8
			for x := range w {
				// The conversions forbid fusing the product into the sum, which
				// would round differently on some machines.
				v := float64(3*grid.unit(row+8*x/w)) - 1.5 + noise.unit(len(out)) - 0.5
				out = append(out, float32(v))
			}
		}
	}
	return out, nil
}

// probeLen is the values a probe holds: max|x|, mean, and probeValues samples.
const (
	probeValues = 64
	probeLen    = 2 + probeValues
)

// Probe summarises a module's output x, flattened in (N,C,H,W) order, as golden
// files store it: max|x|, the mean summed in float64, and 64 values at positions
// that follow from the module path.
func Probe(path string, x []float32) []float32 {
	out := make([]float32, 0, probeLen)
	var peak, sum float64
	for _, v := range x {
		peak = max(peak, math.Abs(float64(v)))
		sum += float64(v)
	}
	out = append(out, float32(peak), float32(sum/float64(len(x))))
	s := newStream("probe:"+path, 0)
	for j := range probeValues {
		out = append(out, x[s.bits(j)%uint64(len(x))])
	}
	return out
}
