// Package kernel holds the inner loops of inference: float32 arithmetic on slices
// in NHWC order, one goroutine, no allocation. It knows no graphs and no threads.
//
// Every loop exists in portable Go, which is its specification. A Variant is a set
// of loops for one kind of processor; Variants lists those that this processor can
// run, and Best chooses among them.
package kernel

import "github.com/gozoo/zoo/internal/cpu"

// A RoundFunc stores m pixels of floats as pairs, as its Rounding says.
type RoundFunc = func(r *Rounding, m int, dst []Pair, src []float32)

// A DirectFunc computes panels from stored channels to stored channels: see DirectGeneric.
type DirectFunc = func(d *Direct, runs []TileRun, pieces []TilePiece, dst, src, res, w, next []Pair, sums []float32)

// A Variant is one implementation of every kernel.
type Variant struct {
	// Name is how the variant is asked for: "generic", "avx2", ….
	Name string
	// Width is the number of output channels of a packed weight panel.
	Width int
	// Pixels is the largest number of pixels that Panel computes at a time. It takes
	// more, and fewer; fewer than about half of it cost more each.
	Pixels int
	// Panel computes a tile of a convolution; see PanelGeneric for what it equals.
	Panel func(p *Panel, m int, dst, src, w, res []float32)
	// RoundBF16 and PanelBF16 compute rows with products of bf16; see RoundBF16Generic and
	// PanelBF16Generic. They are nil where this processor is not faster with them.
	RoundBF16 RoundFunc
	PanelBF16 func(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32)
	// RoundSplit and PanelSplit compute rows with three products of bf16 for one of float32;
	// see RoundSplitGeneric and PanelSplitGeneric. They are nil where this processor is not
	// faster with them than with a Panel, and there than Winograd's way.
	RoundSplit RoundFunc
	PanelSplit func(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32)
	// RoundPlanes, RoundThirds and Direct compute from stored channels to stored channels; see
	// RoundPlanesGeneric, RoundThirdsGeneric and DirectGeneric. They are nil where this
	// processor is not faster with them.
	RoundPlanes func(p *Planes, m int, dst []Pair, src []float32)
	RoundThirds RoundFunc
	Direct      DirectFunc
	// Depthwise computes a row of a depthwise convolution; see DepthwiseGeneric.
	Depthwise func(p *Depthwise, m int, dst, src, w, res []float32)
	// Slide computes a block of a depthwise convolution with a large window; see SlideGeneric. It takes more
	// than Pixels pixels, too.
	Slide func(p *Slide, rows, steps, m int, sliding, bias []float32, first, second SlideRow)
	// Lanes is the number of channels in a block of packed grouped weights, and of a Slide.
	Lanes int
	// GroupSizes are the channels per group for which Grouped is faster than a Panel
	// for each group.
	GroupSizes []int
	// Grouped computes a row of a grouped convolution; see GroupedGeneric.
	Grouped func(p *Grouped, m int, dst, src, w, res []float32)
	// WinogradIn and WinogradOut transform a tile of a 3x3 convolution; see
	// WinogradInGeneric and WinogradOutGeneric.
	WinogradIn  func(p *WinogradIn, dst, src []float32)
	WinogradOut func(p *WinogradOut, rows, cols int, dst, src, bias, res []float32)
	// Activate computes rows of an activation that no epilogue has; see ActivateGeneric.
	Activate func(a *Activation, m int, dst, src []float32)
	// MaxPool, AvgPool and NormPool compute a row of a pooling; see MaxPoolGeneric,
	// AvgPoolGeneric and NormPoolGeneric.
	MaxPool, AvgPool, NormPool func(p *Pool, m int, dst, src []float32)
	// LayerNorm normalises the channels of each pixel; see LayerNormGeneric.
	LayerNorm func(l *LayerNorm, m int, dst, src, weight, bias []float32)
	// Moments finds the mean and the standard deviation of each run; see MomentsGeneric.
	Moments func(r *Runs, m int, dst, src []float32)
	// Softmax makes shares of each row; see SoftmaxGeneric.
	Softmax func(s *Softmax, m int, dst, src []float32)
}

var generic = Variant{
	Name: "generic", Width: 8, Pixels: 16, Lanes: 8,
	Panel:      PanelGeneric,
	Depthwise:  DepthwiseGeneric,
	Slide:      SlideGeneric,
	Grouped:    GroupedGeneric,
	WinogradIn: WinogradInGeneric, WinogradOut: WinogradOutGeneric,
	Activate: ActivateGeneric,
	MaxPool:  MaxPoolGeneric, AvgPool: AvgPoolGeneric, NormPool: NormPoolGeneric,
	LayerNorm: LayerNormGeneric, Moments: MomentsGeneric, Softmax: SoftmaxGeneric,
}

// variants are those that this processor can run, best last.
var variants = append([]*Variant{&generic}, assembly()...)

// Variants returns the variants that this processor can run, best last.
func Variants() []*Variant { return variants }

// Best returns the variant of the level that package cpu chose: the fastest that
// this processor can run, unless another was asked for.
func Best() *Variant {
	level := cpu.Active().Level.String()
	for _, v := range variants {
		if v.Name == level {
			return v
		}
	}
	return variants[len(variants)-1]
}
