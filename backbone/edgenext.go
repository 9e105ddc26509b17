package backbone

import (
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EdgeNeXt: arXiv:2206.10589, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/edgenext.py).
//
// A ConvNeXt whose windows grow from stage to stage, and whose last block of a stage, from the second on, is an
// attention of channels to each other, behind depthwise convolutions of runs of channels in Res2Net's manner.
//
// Traps: the last run is shorter where the channels cannot be divided, and is not convolved; only the second
// stage's attention knows where pixels are. Norms have eps 1e-6 in ConvNeXt's parts, else 1e-5, and those of timm
// 1e-6: these are networks of their own.
var edgeNeXt = edgeNeXtFamily()

// An edgeNetwork is a network: widths and blocks are those of each stage.
type edgeNetwork struct {
	widths, blocks [4]int
	heads          int
	eps            float64 // of norms outside of ConvNeXt's parts
}

func edgeNeXtFamily() Family {
	f := Family{Name: "edgenext", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for size, e := range map[string]edgeNetwork{
		"xx_small": {[4]int{24, 48, 88, 168}, [4]int{2, 2, 6, 2}, 4, 1e-5},
		"x_small":  {[4]int{32, 64, 100, 192}, [4]int{3, 3, 9, 3}, 4, 1e-5},
		"small":    {[4]int{48, 96, 160, 304}, [4]int{3, 3, 9, 3}, 8, 1e-5},
		"base":     {[4]int{80, 160, 288, 584}, [4]int{3, 3, 9, 3}, 8, 1e-5},
	} {
		arch, network := "edgenext-"+strings.ReplaceAll(size, "_", ""), "edgenext_"+size
		ours, theirs := alike(recipe.Source{Recipe: edgeNeXtOfTimm}, []string{network}), named(edgeNeXtOfTimm, network)
		ours.Settings, theirs.Settings = timmArgs("avg"), timmArgs("avg")
		f.Archs[arch], f.Sources[arch] = e.graph, projects{timm: ours}
		e.eps = 1e-6
		arch += "-eps1e-6"
		f.Archs[arch], f.Sources[arch] = e.graph, projects{timm: theirs}
	}
	return f
}

// edgeNeXtOfTimm renames timm's networks.
func edgeNeXtOfTimm() recipe.Recipe {
	const block, to = "stages.*.blocks.*.", "backbone.stages.*.*."
	return recipe.Recipe{
		recipe.Rename("stem.*.*", "backbone.downsample_layers.0.*.*"),
		recipe.Rename("stages.*.downsample.*.*", "backbone.downsample_layers.*.*.*"),
		recipe.Rename(block+"conv_dw.*", to+"depthwise_conv.*"),
		recipe.Rename(block+"norm.*", to+"norm.*"),
		recipe.Rename(block+"mlp.fc*.*", to+"pointwise_conv*.*"),
		recipe.Rename(block+"gamma", to+"gamma"),
		recipe.Rename(block+"convs.*.*", to+"conv_modules.*.*"),
		recipe.Rename(block+"pos_embd.token_projection.*", to+"pos_embed.proj.*"),
		recipe.Rename(block+"norm_xca.*", to+"norm_csa.*"),
		recipe.Rename(block+"xca.temperature", to+"csa.scale"),
		recipe.Rename(block+"xca.*.*", to+"csa.*.*"),
		recipe.Rename(block+"gamma_xca", to+"gamma_csa"),
		recipe.Rename("head.norm.*", "backbone.norm3.*"),
		recipe.Rename("head.fc.*", "head.fc.*"),
	}
}

func (e edgeNetwork) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, e.eps, nn.GELU())
	bb := b.At("backbone")
	x := b.Input()
	for i, blocks := range e.blocks {
		x = patchesMerged(bb.At("downsample_layers", i).WithEps(1e-6), x, i, e.widths[i], (*nn.Builder).LayerNorm2d)
		for j := range blocks {
			at := bb.At("stages", i, j)
			if i == 0 || j < blocks-1 {
				x = convNextBlock(at.WithEps(1e-6), x, 3+2*i, false)
			} else {
				x = e.encoder(at, x, [4]int{1, 2, 3, 4}[i], i == 1)
			}
		}
	}
	norm := bb.At("norm3")
	x = norm.Features(norm.LayerNorm(b.Flatten(b.GlobalMean(x))))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// encoder adds a block of attention, (N,C,H,W) to the same: a number of runs of channels, each but the last
// convolved once the one before it is added, then attention of all channels, then two linear layers.
func (e edgeNetwork) encoder(b *nn.Builder, x nn.Value, runs int, position bool) nn.Value {
	sizes, each := make([]int, runs), (x.C+runs-1)/runs
	for i := range sizes {
		sizes[i] = min(each, x.C-i*each)
	}
	ys := b.Cut(x, sizes...)
	for i := range runs - 1 {
		if i > 0 {
			ys[i] = b.Add(ys[i-1], ys[i])
		}
		ys[i] = b.At("conv_modules", i).Conv(ys[i], each, nn.K(3), nn.Groups(each), nn.Bias())
	}
	y := b.Concat(ys...)
	if position {
		y = b.Add(y, b.At("pos_embed", "proj").Conv(b.FourierPosition(y, 32), y.C, nn.Bias()))
	}
	z := crossCovariance(b.At("csa"), b.At("norm_csa").LayerNorm(y), e.heads, "scale")
	y = b.Add(y, b.LayerScaleNamed(z, "gamma_csa"))
	z = b.At("act").Act(b.At("pointwise_conv1").Linear(b.At("norm").LayerNorm(y), 4*y.C))
	z = b.LayerScale(b.At("pointwise_conv2").Linear(z, y.C))
	return b.Output(b.Add(x, z))
}
