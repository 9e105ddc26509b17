// Package engine computes graphs. Compile turns a bound graph into a Plan: operators
// fused into steps, weights packed for one kernel variant, every value placed in one
// arena of memory. A Plan is immutable and shared; each Session that runs it has an
// arena of its own.
//
// Nothing here knows a family, a file or a registry row; the inner loops are in
// internal/kernel, which knows no graphs. This package alone owns goroutines that
// compute.
//
//	plan, err := engine.Compile(bound, tensor.Shape{1, 3, 224, 224}, engine.Options{})
//	session := plan.NewSession()
//	err = session.Run(logits, input)
package engine

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Precision is tensor.Precision: which arithmetic a plan may use. Package golden says what
// each may err by.
type Precision = tensor.Precision

// The precisions.
const (
	Highest = tensor.Highest
	High    = tensor.High
	Medium  = tensor.Medium
)

// Options says how to compile. The zero Options uses every core, the best kernels
// and the highest precision.
type Options struct {
	// Threads is how many goroutines compute one Run, at most MaxThreads; 0 means one
	// per core.
	Threads int
	// Precision is what the plan may trade for speed; empty means Highest.
	Precision Precision
	// Keep lists values to keep until the end of a run, for Session.Value.
	Keep []int
	// Variant is the kernels to use; nil means the best that the processor runs.
	Variant *kernel.Variant

	// early is what tests, whose networks have few layers, take for earlyLayers: 0 means
	// that, and -1 none.
	early int
}

// MaxThreads is more than any machine has cores. Each thread takes memory of its own,
// and those without a core to run on only stand in the way.
const MaxThreads = 1024

// A Network is a bound graph made ready for compiling: plans that come from one
// Network share their packed weights. It may be used from several goroutines.
type Network struct {
	bound   *nn.Bound
	weights *weights
}

// New returns the Network of a bound graph. The tensors must stay valid for as long
// as plans are compiled from it.
func New(b *nn.Bound) *Network { return &Network{bound: b, weights: newWeights(b)} }

// Compile compiles a graph for one input shape; it is New and Network.Compile.
func Compile(b *nn.Bound, input tensor.Shape, o Options) (*Plan, error) {
	return New(b).Compile(input, o)
}

// Compile returns the plan that computes the network for inputs (N,C,H,W) of one
// shape. It is an error when the shape does not fit the graph, when a weight cannot
// be read as float32, or when the graph holds an operator that has no step.
func (net *Network) Compile(input tensor.Shape, o Options) (*Plan, error) {
	if o.Threads < 0 || o.Threads > MaxThreads {
		return nil, fmt.Errorf("engine: %d threads: expected 0 to %d", o.Threads, MaxThreads)
	}
	if o.Threads == 0 {
		o.Threads = min(runtime.GOMAXPROCS(0), MaxThreads)
	}
	if o.Precision == "" {
		o.Precision = Highest
	}
	if o.Variant == nil {
		o.Variant = kernel.Best()
	}
	g := net.bound.Graph
	sizes, err := g.Sizes(input)
	if err != nil {
		return nil, err
	}
	keep := make(map[int]bool)
	for _, v := range o.Keep {
		if v < 0 || v >= g.Values {
			return nil, fmt.Errorf("engine: no value %d to keep: the graph has %d", v, g.Values)
		}
		keep[v] = true
	}
	c := net.compiler(sizes, keep, o)
	images := input[0]
	if part := partOf(images, c.arena); part < images && len(keep) == 0 {
		one := slices.Clone(input)
		one[0] = part
		if sizes, err = g.Sizes(one); err != nil {
			return nil, err
		}
		c = net.compiler(sizes, keep, o)
		c.parts = images / part
	}
	return c.plan()
}

// compiler returns one for which the layout of values is settled.
func (net *Network) compiler(sizes []nn.Size, keep map[int]bool, o Options) *compiler {
	g := net.bound.Graph
	c := &compiler{net: net, options: o, keep: keep, layout: newLayout(g, sizes, fuse(g, keep)), moments: make(map[int]*buffer), parts: 1}
	c.chooseWays()
	c.chooseStorage()
	c.place()
	c.arena = arena(c.layout.buffers)
	return c
}

// partFloats is the memory of values, in floats, up to which more than two images are
// computed together. Together they read the weights once, but what one layer leaves should
// be in the cache still for the next: CSPResNeXt50 takes 15 % longer for each of 8 images
// together than for each of 2, whose values take 20 MB, and 3 % for each of 4. Two are
// never slower than one. It is a variable for the tests, whose networks are small.
var partFloats = 8 << 20

// partOf returns how many of a number of images are computed together, a divisor of it,
// where all of them would take so many floats.
func partOf(images, floats int) int {
	for part := images; part > 2; part-- {
		if images%part == 0 && floats/images*part <= partFloats {
			return part
		}
	}
	return 2 - images%2
}

// Variants returns the names of the kernel variants that this processor can run, best
// last.
func Variants() []string {
	var names []string
	for _, v := range kernel.Variants() {
		names = append(names, v.Name)
	}
	return names
}

// Variant returns the name of the kernel variant that plans use by default.
func Variant() string { return kernel.Best().Name }
