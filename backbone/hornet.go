package backbone

import "github.com/gozoo/zoo/nn"

// HorNet: arXiv:2207.14284, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/hornet.py).
//
// A ConvNeXt whose depthwise convolution is a gated one, over and over: channels are multiplied by gates, projected
// to twice as many and multiplied again, until they are all. One depthwise convolution makes all gates, or in the
// last two stages of networks that end in "-gf" a filter of spectra and a convolution, each of half of the channels.
//
// Traps: the fewest channels come first; gates are a third of what is computed. Channels of the two halves take turns,
// those of the convolution first. Norms have eps 1e-6; the reference writes most of them out.
var horNet = Family{
	Name: "hornet",
	Archs: map[string]func(int) (*nn.Graph, error){
		"hornet-tiny":     horNetwork{width: 64}.graph,
		"hornet-tiny-gf":  horNetwork{width: 64, filtered: true}.graph,
		"hornet-small":    horNetwork{width: 96}.graph,
		"hornet-small-gf": horNetwork{width: 96, filtered: true}.graph,
		"hornet-base":     horNetwork{width: 128}.graph,
		"hornet-base-gf":  horNetwork{width: 128, filtered: true}.graph,
	},
}

// A horNetwork is a network: channels of the first stage, of which each stage has twice as many, and whether
// spectra are filtered in the last two.
type horNetwork struct {
	width    int
	filtered bool
}

// hornetBlocks are the blocks of each stage, hornetSpectra the rows and columns that filters are for.
var (
	hornetBlocks  = [4]int{2, 3, 18, 2}
	hornetSpectra = [4][2]int{2: {14, 8}, 3: {7, 4}}
)

func (h horNetwork) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	x := b.Input()
	for i, blocks := range hornetBlocks {
		x = patchesMerged(bb.At("downsample_layers", i), x, i, h.width<<i, (*nn.Builder).WrittenLayerNorm)
		var spectrum [2]int
		if h.filtered {
			spectrum = hornetSpectra[i]
		}
		for j := range blocks {
			x = horBlock(bb.At("stages", i, j), x, 2+i, spectrum)
		}
	}
	norm := bb.At("norm3")
	x = norm.Features(b.Flatten(norm.WrittenLayerNorm(b.GlobalMean(x))))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// horBlock adds a residual block, (N,C,H,W) to the same.
func horBlock(b *nn.Builder, x nn.Value, order int, spectrum [2]int) nn.Value {
	y := gatedOverAndOver(b.At("gnconv"), b.At("norm1").WrittenLayerNorm(x), order, spectrum)
	x = b.Add(x, b.At("gamma1").LayerScaleModule(y))
	y = b.At("pwconv1").Linear(b.At("norm2").LayerNorm2d(x), 4*x.C)
	y = b.At("pwconv2").Linear(b.At("act").Act(y), x.C)
	return b.Output(b.Add(x, b.At("gamma2").LayerScaleModule(y)))
}

// gatedOverAndOver multiplies channels by gates as often as order says, (N,C,H,W) to the same.
func gatedOverAndOver(b *nn.Builder, x nn.Value, order int, spectrum [2]int) nn.Value {
	widths, all := make([]int, order), 0
	for i := range widths {
		widths[i] = x.C >> (order - 1 - i)
		all += widths[i]
	}
	parts := b.Cut(b.At("proj_in").Conv(x, 2*x.C, nn.Bias()), widths[0], all)
	y, gates := parts[0], parts[1]
	if at := b.At("dwconv"); spectrum[0] == 0 {
		gates = at.Conv(gates, all, nn.K(7), nn.Groups(all), nn.Bias())
	} else {
		gates = filteredGlobally(at, gates, spectrum)
	}
	for i, gate := range b.Cut(b.Scale(gates, 1./3), widths...) {
		if i > 0 {
			y = b.At("projs", i-1).Conv(y, widths[i], nn.Bias())
		}
		y = b.Mul(y, gate)
	}
	return b.At("proj_out").Conv(y, x.C, nn.Bias())
}

// filteredGlobally convolves half of the channels and filters the spectra of the others, (N,C,H,W) to the same.
func filteredGlobally(b *nn.Builder, x nn.Value, spectrum [2]int) nn.Value {
	local, global := b.Halves(b.At("pre_norm").WrittenLayerNorm(x))
	local = b.At("dw").Conv(local, local.C, nn.K(3), nn.Groups(local.C))
	global = b.GlobalFilter(global, "complex_weight", spectrum[0], spectrum[1])
	return b.At("post_norm").WrittenLayerNorm(b.Shuffle(b.Concat(local, global), 2))
}
