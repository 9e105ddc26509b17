// Package metrics turns networks and logits into figures that can be held against
// published ones: parameters and FLOPs counted from a graph by a named convention,
// Top-k accuracy with its uncertainty, and rows that hold both beside the published
// ones. Its package table writes them.
//
// It knows no files, no registry and no arithmetic on images; whoever has those
// passes plain values.
//
//	cost, err := metrics.Count(g, tensor.Shape{1, 3, 224, 224}, metrics.MMCVLegacy)
//	fmt.Println(cost.Params, cost.FLOPs) // 21616168 3483493888 for cspresnet50
package metrics

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Cost is what a network costs by one convention.
type Cost struct {
	Convention Convention
	Scope      Scope
	Input      tensor.Shape // (1,C,H,W)
	// Params are the learnable parameters, classifier included whatever the scope.
	Params int64
	// FLOPs are counted within the scope; one is one multiply-accumulate.
	FLOPs int64
	// HeadFLOPs are the classifier's FLOPs, whether the classifier is in scope or not.
	HeadFLOPs int64
	// ByOperator splits FLOPs by Op.Kind, largest first. Kinds that count
	// nothing are left out.
	ByOperator []OperatorCost
	// Layers are all operators in execution order, the classifier included.
	Layers []LayerCost
}

// An OperatorCost is what all operators of one kind cost.
type OperatorCost struct {
	Kind  string // as in nn
	FLOPs int64
}

// A LayerCost is what one operator costs.
type LayerCost struct {
	Path   string // module path; empty for an operator that is no module
	Kind   string
	In     []tensor.Shape
	Out    tensor.Shape
	Params int64 // learnable ones
	MACs   int64 // multiply-accumulates of a convolution, linear layer or attention, or of distances
	FLOPs  int64 // by the convention
	Head   bool  // after Graph.Features: part of the classifier
}

// Count counts a network for an input (1,C,H,W). It is an error when the input
// does not fit the network or the convention has no rule for an operator of it.
func Count(g *nn.Graph, input tensor.Shape, c Convention) (Cost, error) {
	if err := c.check(); err != nil {
		return Cost{}, err
	}
	cost := Cost{Convention: c, Scope: c.Scope(g), Input: input, Params: g.NumParams()}
	layers, err := walk(g, input, c.flops)
	if err != nil {
		return Cost{}, err
	}
	if c == Timm {
		withoutGates(layers)
	}
	cost.Layers = layers
	byKind := make(map[string]int64)
	for _, l := range layers {
		if l.Head {
			cost.HeadFLOPs += l.FLOPs
			if cost.Scope == WithoutClassifier {
				continue
			}
		}
		cost.FLOPs += l.FLOPs
		byKind[l.Kind] += l.FLOPs
	}
	for kind, n := range byKind {
		if n > 0 {
			cost.ByOperator = append(cost.ByOperator, OperatorCost{kind, n})
		}
	}
	slices.SortFunc(cost.ByOperator, func(a, b OperatorCost) int {
		if a.FLOPs != b.FLOPs {
			if a.FLOPs > b.FLOPs {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Kind, b.Kind)
	})
	return cost, nil
}

// withoutGates leaves out the poolings of whole images but the last, which is the classifier's: those of gates.
func withoutGates(layers []LayerCost) {
	last := true
	for i, l := range slices.Backward(layers) {
		if l.Kind == (nn.GlobalAvgPool{}).Kind() {
			if !last {
				layers[i].FLOPs = 0
			}
			last = false
		}
	}
}

// MACs returns the multiply-accumulates of all convolutions, linear layers and attentions for
// MACs returns the multiply-accumulates of all convolutions, linear layers, attentions and distances for
// an input (1,C,H,W): the arithmetic that speed is measured by.
func MACs(g *nn.Graph, input tensor.Shape) (int64, error) {
	none := func(nn.Node, *LayerCost, []nn.Size) (int64, error) { return 0, nil }
	layers, err := walk(g, input, none)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, l := range layers {
		total += l.MACs
	}
	return total, nil
}

// walk lists the layers of g; flops says what each counts. The sums of all MACs
// and FLOPs fit an int64.
func walk(g *nn.Graph, input tensor.Shape, flops func(n nn.Node, l *LayerCost, in []nn.Size) (int64, error)) ([]LayerCost, error) {
	sizes, err := g.Sizes(input)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if input[0] != 1 {
		return nil, fmt.Errorf("metrics: input %v: FLOPs are counted for a batch of 1", input)
	}
	head := g.BehindFeatures()
	layers := make([]LayerCost, 0, len(g.Nodes))
	var macs, total int64
	for _, n := range g.Nodes {
		l := LayerCost{Path: n.Path, Kind: n.Op.Kind(), Out: sizes[n.Out].Shape(), Head: head[n.Out]}
		var in []nn.Size
		for _, v := range n.In {
			in = append(in, sizes[v])
			l.In = append(l.In, sizes[v].Shape())
		}
		for _, i := range n.Params {
			if p := g.Params[i]; !p.Buffer {
				l.Params += numel(p.Shape)
			}
		}
		l.MACs, err = layerMACs(n.Op, &l, in)
		if err == nil {
			l.FLOPs, err = flops(n, &l, in)
		}
		if err == nil {
			macs, err = sum(macs, l.MACs)
		}
		if err == nil {
			total, err = sum(total, l.FLOPs)
		}
		if err != nil {
			return nil, fmt.Errorf("metrics: %s (%s) for input %v: %w", l.Path, l.Kind, input, err)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// layerMACs returns the multiply-accumulates of the operator of a layer, of inputs of the given sizes.
func layerMACs(op nn.Op, l *LayerCost, sizes []nn.Size) (int64, error) {
	in, out := numel(l.In[0]), numel(l.Out)
	switch op := op.(type) {
	case nn.Conv:
		return convMACs(op, out)
	case nn.Linear:
		return product(in, int64(op.Out))
	case nn.ChannelAttention: // a score of each two channels of a head, a share of each token's values
		return product(int64(l.In[0][0]), int64(l.In[0][2]), int64(l.In[1][2]/op.Heads), int64(l.In[1][1]+l.In[2][1]))
	case nn.MaxRelative: // a distance of each node and pixel
		return product(in, int64(sizes[1].Positions()))
	case nn.Attention: // a score of each query and key, a share of each query and value
		keys, channels := int64(op.Keys(l.In[1][1])), int64(l.In[0][2]+l.In[2][2])
		return product(int64(l.In[0][0]), int64(l.In[0][1]), keys, channels)
	case nn.BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.LayerScale, nn.ResponseNorm, nn.Act, nn.MaxPool, nn.AvgPool, nn.GlobalAvgPool,
		nn.Upsample, nn.GlobalFilter:
		return 0, nil
	case nn.DecomposedAttention: // besides that, a score of each query and row and column of keys
		scores, rows, columns, err := decomposed(sizes[0], sizes[1], sizes[2])
		if err == nil {
			rows, err = sum(rows, columns)
		}
		if err != nil {
			return 0, err
		}
		return sum(scores, rows)
	}
	if moves(op) {
		return 0, nil
	}
	return 0, fmt.Errorf("no rule for %s", op.Kind())
}

// decomposed returns the multiply-accumulates of nn.DecomposedAttention: those of every attention, and
// those of queries and the vectors of rows, and of columns.
func decomposed(q, k, v nn.Size) (attention, rows, columns int64, err error) {
	queries, err := product(int64(q.N), int64(q.Positions()))
	if err == nil {
		attention, err = product(queries, int64(k.Positions()), int64(k.C+v.C))
	}
	if err == nil {
		rows, err = product(queries, int64(k.H), int64(k.C))
	}
	if err == nil {
		columns, err = product(queries, int64(k.W), int64(k.C))
	}
	return attention, rows, columns, err
}

// moves reports whether an operator adds or multiplies element by element, or computes nothing: it
// moves elements, cuts them off, or knows them from their places. No convention counts those.
func moves(op nn.Op) bool {
	switch op.(type) {
	case nn.Add,
		nn.Concat,
		nn.CropLike,
		nn.FirstTokens,
		nn.Flatten,
		nn.FourierPosition,
		nn.Image,
		nn.JoinTokens,
		nn.Mul,
		nn.PadTo,
		nn.PatchPosition,
		nn.Position,
		nn.Prefix,
		nn.Rotary,
		nn.Scale,
		nn.Shuffle,
		nn.Slice,
		nn.SliceRuns,
		nn.Token,
		nn.Tokens,
		nn.Transpose,
		nn.Unit,
		nn.Unfold:
		return true
	}
	return false
}

// convMACs returns the products of a convolution with out output elements; those
// with the zero border count.
func convMACs(c nn.Conv, out int64) (int64, error) {
	return product(out, int64(c.In/c.Groups), int64(c.KH), int64(c.KW))
}

// numel returns the elements of a shape that nn has checked.
func numel(s tensor.Shape) int64 {
	n, _ := s.Numel()
	return int64(n)
}

// product multiplies factors that are not negative.
func product(factors ...int64) (int64, error) {
	n := uint64(1)
	for _, f := range factors {
		hi, lo := bits.Mul64(n, uint64(f))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("count does not fit 64 bits")
		}
		n = lo
	}
	return int64(n), nil
}

// sum adds two counts.
func sum(a, b int64) (int64, error) {
	if a > math.MaxInt64-b {
		return 0, fmt.Errorf("count does not fit 64 bits")
	}
	return a + b, nil
}
