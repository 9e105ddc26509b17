package backbone

import (
	"math"
	"strings"

	"github.com/gozoo/zoo/nn"
)

// EfficientNet: arXiv:1905.11946, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/efficientnet.py), with EfficientNet-EdgeTPU: es, em and el. Borders
// follow TensorFlow's SAME rule and batch norm has eps 1e-3.
//
// Trap: of timm's networks the tf_ ones are these. Its others, and all of torchvision's, have borders
// that are the same on both sides: -symmetric. Eps is 1e-5 in those of timm, and in torchvision's up to b4.
var efficientNet = efficientNetFamily()

// effScales are the factors of channels and of blocks.
var effScales = map[string]effNet{
	"b0": {width: 1.0, depth: 1.0},
	"b1": {width: 1.0, depth: 1.1},
	"b2": {width: 1.1, depth: 1.2},
	"b3": {width: 1.2, depth: 1.4},
	"b4": {width: 1.4, depth: 1.8},
	"b5": {width: 1.6, depth: 2.2},
	"b6": {width: 1.8, depth: 2.6},
	"b7": {width: 2.0, depth: 3.1},
	"b8": {width: 2.2, depth: 3.6},
	"l2": {width: 4.3, depth: 5.3},
	"es": {width: 1.0, depth: 1.0, edge: true},
	"em": {width: 1.0, depth: 1.1, edge: true},
	"el": {width: 1.2, depth: 1.4, edge: true},
}

func efficientNetFamily() Family {
	f := Family{
		Name:    "efficientnet",
		Archs:   make(map[string]func(classes int) (*nn.Graph, error)),
		Sources: make(map[string]projects),
	}
	for size, e := range effScales {
		e.addTo(&f, "efficientnet-"+size)
	}
	addEffLites(&f)
	addEffPruneds(&f)
	return f
}

// addTo adds the networks of one scale, which have the same tensors.
func (e effNet) addTo(f *Family, arch string) {
	network := strings.ReplaceAll(arch, "-", "_")
	tf, theirs, all := []string{"tf_" + network}, []string{network}, []string{"tf_" + network, network}
	var unpublished []string
	switch {
	case arch == "efficientnet-es" || arch == "efficientnet-el": // of which timm publishes sparse weights under a name of their own
		theirs = append(theirs, network+"_pruned")
		all = append(all, network+"_pruned")
	case arch == "efficientnet-b0":
		unpublished = []string{"efficientnet_blur_b0"}
	case e.width > 1.6:
		theirs, all, unpublished = nil, tf, theirs
	}
	e.eps = effEps
	f.Archs[arch] = e.graph
	f.Sources[arch] = projects{timm: oneOf(e.timm, tf, all, unpublished...)}
	if !e.edge {
		f.Sources[arch][transformers] = e.transformers()
	}
	e.symmetric = true
	switch arch {
	case "efficientnet-b5", "efficientnet-b6", "efficientnet-b7":
		f.Archs[arch+"-symmetric"] = e.graph
		f.Sources[arch+"-symmetric"] = projects{torchvision: named(e.torchvision, network)}
	}
	if theirs == nil {
		return
	}
	e.eps = 1e-5
	arch += "-symmetric-eps1e-5"
	f.Archs[arch] = e.graph
	f.Sources[arch] = projects{timm: oneOf(e.timm, theirs, all, unpublished...)}
	if !e.edge && e.width <= 1.4 {
		f.Sources[arch][torchvision] = named(e.torchvision, network)
	}
}

// effStage is a run of blocks before scaling; the first has the stride. Channels inside are those
// that enter times expand.
type effStage struct {
	expand, k, stride, out, repeats int
	fused                           bool // one convolution expands and filters
}

// effStages are the stages of EfficientNet-B0.
var effStages = []effStage{
	{1, 3, 1, 16, 1, false},
	{6, 3, 2, 24, 2, false},
	{6, 5, 2, 40, 2, false},
	{6, 3, 2, 80, 3, false},
	{6, 5, 1, 112, 3, false},
	{6, 5, 2, 192, 4, false},
	{6, 3, 1, 320, 1, false},
}

// effEdgeStages are those of EfficientNet-EdgeTPU-S. The first's blocks have four times the channels
// that leave them inside, and no residual.
var effEdgeStages = []effStage{
	{4, 3, 1, 24, 1, true},
	{8, 3, 2, 32, 2, true},
	{8, 3, 2, 48, 4, true},
	{8, 5, 2, 96, 5, false},
	{8, 5, 1, 144, 4, false},
	{8, 5, 2, 192, 2, false},
}

const (
	effStem = 32
	effHead = 1280
	effEps  = 1e-3
)

// effNet holds what tells the networks apart.
type effNet struct {
	width, depth float64
	edge         bool // EdgeTPU: its stages, ReLU, and no squeeze-excitation
	symmetric    bool // borders the same on both sides
	eps          float64
	pruned       *effPruned // what is left of it; all if nil
}

// effPlace is a block and its place: in the list that state dict names count, where
// a stage that keeps the resolution goes on from the one before.
type effPlace struct {
	inverted
	isFused, expands bool
	layer, index     int
	stage, j         int // as timm counts
}

// border returns what a convolution needs beside its kernel.
func (e effNet) border() []nn.Option {
	if e.symmetric {
		return nil
	}
	return []nn.Option{nn.Same()}
}

// act returns the activation.
func (e effNet) act() nn.Act {
	if e.edge {
		return nn.ReLU()
	}
	return nn.SiLU()
}

// blocks returns all blocks.
func (e effNet) blocks() []effPlace {
	var all []effPlace
	layer, index, c := 0, 0, e.scaled(effStem)
	stages := effStages
	if e.edge {
		stages = effEdgeStages
	}
	for i, s := range stages {
		if i == 0 || s.stride == 2 {
			layer, index = layer+1, 0
		}
		out := e.scaled(s.out)
		for j := range int(math.Ceil(e.depth * float64(s.repeats))) {
			r := inverted{k: s.k, stride: 1, mid: c * s.expand, out: out, squeezed: c / 4, act: e.act(), gate: nn.Sigmoid(), border: e.border()}
			if j == 0 {
				r.stride = s.stride
			}
			if e.edge {
				r.squeezed = 0
				if i == 0 {
					r.mid, r.alone = out*s.expand, true
				}
			}
			if e.pruned != nil {
				e.pruned.prune(&r, i, j, len(all))
			}
			all = append(all, effPlace{r, s.fused, s.expand > 1, layer, index, i, j})
			index++
			c = out
		}
	}
	return all
}

// scaled returns a scaled number of channels.
func (e effNet) scaled(c int) int { return makeDivisible(float64(c)*e.width, 8) }

func (e effNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, e.eps, e.act())
	layers := b.At("backbone", "layers")
	x := layers.At(0).ConvNormAct(b.Input(), e.scaled(effStem), append(e.border(), nn.K(3), nn.Stride(2))...)
	last := 0
	for _, p := range e.blocks() {
		add := p.block
		if p.isFused {
			add = p.fused
		}
		x = add(layers.At(p.layer, p.index), x)
		last = p.layer
	}
	x = layers.At(last+1).ConvNormAct(x, e.scaled(effHead), e.border()...)
	return poolAndClassify(b, x, classes)
}
