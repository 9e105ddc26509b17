// Package nn describes networks. A Graph is made from numbers alone: it lists
// the operators in the order they run and the tensors they want. Parameters,
// FLOPs, the strict key check, synthetic weights, execution plans and exports
// are all read from that one description.
//
// nn does no arithmetic and never touches weights; Bind only checks that a state
// dict fits.
//
//	b := nn.NewBuilder(3, 1e-5, nn.LeakyReLU(0.01))
//	x := b.At("backbone", "stem").ConvNormAct(b.Input(), 32, nn.K(3))
//	…
//	g, err := b.Graph(logits)
package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// A Graph is the description of a network, in the order its operators run.
// It is immutable once built and may be shared.
type Graph struct {
	// Channels is C of the (N,C,H,W) input.
	Channels int
	// Nodes are the operators in execution order. A node's inputs are outputs
	// of earlier nodes, or value 0, the network input.
	Nodes []Node
	// Params are the wanted tensors in state dict order.
	Params []Param
	// Probes are the outputs of modules, in execution order: units whose output
	// exists in every execution plan, so that it can be compared with the
	// reference framework's.
	Probes []Probe
	// Features are the values that enter the classifier, (N,F): one as a rule, several where
	// a network has classifiers of several, in the order in which upstream's extract_feat
	// returns them. Counting conventions without the classifier stop here, unless the
	// classifier is in the backbone.
	Features []int
	// ClassifierInBackbone tells that the reference has the classifier in its
	// backbone, so that every counting convention executes it.
	ClassifierInBackbone bool
	// Logits is the output value, (N,K); where there is no classifier that which would enter
	// it, (N,F), all of Features side by side.
	Logits int
	// NoClassifier tells that the graph ends where its classifier would begin.
	NoClassifier bool
	// Values is the number of values; they are numbered 0 to Values-1.
	Values int
}

// A Node is one operator in a graph.
type Node struct {
	Path   string // module path, such as backbone.stem.conv; empty for an operator that is no module
	Op     Op
	In     []int // values read
	Out    int   // value written
	Params []int // indices into Graph.Params, in the order of Op.Params
}

// A Param is a tensor that a graph wants.
type Param struct {
	Name  string // full state dict name
	DType tensor.DType
	Shape tensor.Shape
	// Buffer marks what training does not learn: running statistics, counters and what is fixed.
	// Buffers do not count as parameters.
	Buffer bool
	// Optional marks what inference never reads: a counter, or what is fixed. A checkpoint may
	// lack it; a counter then counts as zero.
	Optional bool
	// Fixed is what the tensor must hold, where that follows from the network's numbers; nil
	// anywhere else.
	Fixed Fixed
	// Same names the tensor, wanted before, that this one repeats, where the reference lists a module at
	// several places. A checkpoint may lack it, and must not say otherwise.
	Same string
	// Initial is what a buffer holds until a checkpoint, which may say otherwise, is loaded; nil
	// where that is nothing to compute with.
	Initial Fixed
}

// A Probe names the output value of a module.
type Probe struct {
	Path  string
	Value int
}

// NumParams returns the learnable parameters, as published figures count them:
// biases and affine batch-norm terms included, running statistics not.
func (g *Graph) NumParams() int64 {
	var n int64
	for _, p := range g.Params {
		if !p.Buffer {
			numel, _ := p.Shape.Numel() // shapes come from the builder, which checks them
			n += int64(numel)
		}
	}
	return n
}

// An InputError says that a network cannot take inputs of a shape.
type InputError struct {
	Input tensor.Shape // (N,C,H,W)
	Err   error
}

// Error returns the cause's message, which names the shape.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// Sizes returns the size of every value, indexed by value number, for an input
// (N,C,H,W). It is an *InputError when the input does not have the graph's channels or
// is too small for an operator; the error names the module.
func (g *Graph) Sizes(input tensor.Shape) ([]Size, error) {
	if len(input) != 4 || input[0] < 1 || input[1] != g.Channels || input[2] < 1 || input[3] < 1 {
		return nil, &InputError{input, fmt.Errorf("nn: input shape %v: expected (N,%d,H,W)", input, g.Channels)}
	}
	sizes := make([]Size, g.Values)
	sizes[0] = sizeOf(input)
	for _, n := range g.Nodes {
		in := make([]Size, len(n.In))
		for i, v := range n.In {
			in[i] = sizes[v]
		}
		out, err := n.Op.Size(in...)
		if err == nil {
			_, err = out.Shape().Bytes(tensor.F32)
		}
		if err != nil {
			return nil, &InputError{input, fmt.Errorf("nn: %s (%s) for network input %v: %w", n.Path, n.Op.Kind(), input, err)}
		}
		sizes[n.Out] = out
	}
	return sizes, nil
}

// Shapes returns the shape that the reference has of every value: that of Sizes.
func (g *Graph) Shapes(input tensor.Shape) ([]tensor.Shape, error) {
	sizes, err := g.Sizes(input)
	if err != nil {
		return nil, err
	}
	shapes := make([]tensor.Shape, len(sizes))
	for i, s := range sizes {
		shapes[i] = s.Shape()
	}
	return shapes, nil
}
