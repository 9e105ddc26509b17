package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// RepMLP: arXiv:2105.01883, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/repmlp.py). The
// published checkpoints and figures are those of the training form.
//
// A layer makes every pixel of a channel of all pixels of that channel, which is what a partition of the
// image is: the published networks have one partition, the image, and so take images of one size alone.
// Channels share weights in sets: channel c has those of set c modulo the number of sets. What convolutions
// of each channel see beside that is taken in by the layer in the deploy form, so that its weights know
// borders of zeros too. Factors for each channel are made of what the layer reads, not of what it makes.
var repMLP = inBothForms("repmlp", map[string]repmlp{
	"repmlp-base":       {side: 224},
	"repmlp-base-256px": {side: 256},
})

// A repmlp is a network for images of side x side pixels.
type repmlp struct{ side int }

// The stages of RepMLP-B.
var (
	repMLPWidths = [4]int{96, 192, 384, 768}
	repMLPDepths = [4]int{2, 2, 12, 2}
	repMLPSets   = [4]int{1, 4, 32, 128}
)

func (r repmlp) graph(classes int, f form) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	bb := b.At("backbone")
	stem := bb.At("patch_embed")
	x := stem.At("projection").Conv(b.Input(), repMLPWidths[0], nn.K(4), nn.Stride(4), nn.Corner())
	x = stem.At("relu").Act(stem.At("norm").BatchNorm(x)) // (N,C,H/4,W/4)
	for i, depth := range repMLPDepths {
		if i > 0 {
			x = bb.At("downsample_layers", i-1).ConvNormAct(x, repMLPWidths[i], nn.K(2), nn.Stride(2), nn.Pad(0))
		}
		for j := range depth {
			x = repMLPUnit(bb.At("stages", i, j).WithAct(nn.GELU()), x, r.side>>(2+i), repMLPSets[i], f)
		}
	}
	return poolAndClassify(b, bb.At("final_norm").BatchNorm(x), classes)
}

// repMLPUnit adds a layer over pixels and two over channels, (N,C,side,side) to the same.
func repMLPUnit(b *nn.Builder, x nn.Value, side, sets int, f form) nn.Value {
	x = b.Add(x, repMLPBlock(b.At("repmlp_block"), b.At("norm1").BatchNorm(x), side, sets, f))
	ffn := b.At("ffn_block")
	y := ffn.At("ffn_fc1").ConvNormAct(b.At("norm2").BatchNorm(x), 4*x.C, nn.NoAct())
	y = ffn.At("ffn_fc2").ConvNormAct(ffn.At("act").Act(y), x.C, nn.NoAct())
	return b.Output(b.Add(x, y))
}

// repMLPBlock mixes the pixels of each channel, (N,C,side,side) to the same.
func repMLPBlock(b *nn.Builder, x nn.Value, side, sets int, f form) nn.Value {
	factors := channelFactors(b.At("gp"), x, x.C/4, nn.ReLU(), nn.Sigmoid())
	runs := x.C / sets // of channels, one of each set
	var bias []nn.Option
	if f == deployed {
		bias = append(bias, nn.Bias())
	}
	y := b.TransposeOf(b.Tokens(x), side*side, nn.Transpose{H: 1, W: runs, Join: sets}) // (N,runs,sets*side*side)
	y = b.Tokens(b.At("fc3").Conv(b.Image(y), y.C, append(bias, nn.Groups(sets))...))
	y = b.Image(b.TransposeOf(y, runs, nn.Transpose{H: side, W: side, Split: sets})) // (N,C,side,side)
	if f == trained {
		y = b.At("fc3_bn").BatchNormRuns(y, runs)
		for _, k := range []int{1, 3} {
			at := b.At(fmt.Sprint("repconv", k))
			z := at.At("conv").Conv(x, x.C, nn.K(k), nn.Groups(x.C), nn.Runs(runs))
			y = b.Add(y, at.At("bn").BatchNormRuns(z, runs))
		}
	}
	return b.Mul(y, factors)
}
