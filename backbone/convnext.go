package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// ConvNeXt: arXiv:2201.03545, and ConvNeXt V2, arXiv:2301.00808, which has a response
// norm in each block and no layer scale, as OpenMMLab's mmpretrain builds them
// (mmpretrain/models/backbones/convnext.py).
//
// The pointwise convolutions are linear layers, the last average is a mean before the
// last norm. Trap: norms have eps 1e-6.
var convNeXt = convNeXtFamily()

var convNeXts = map[string]convNext{
	"convnext-tiny":     {blocks: []int{3, 3, 9, 3}, width: 96},
	"convnext-small":    {blocks: []int{3, 3, 27, 3}, width: 96},
	"convnext-base":     {blocks: []int{3, 3, 27, 3}, width: 128},
	"convnext-large":    {blocks: []int{3, 3, 27, 3}, width: 192},
	"convnext-xlarge":   {blocks: []int{3, 3, 27, 3}, width: 256},
	"convnext-v2-atto":  {blocks: []int{2, 2, 6, 2}, width: 40, v2: true},
	"convnext-v2-femto": {blocks: []int{2, 2, 6, 2}, width: 48, v2: true},
	"convnext-v2-pico":  {blocks: []int{2, 2, 6, 2}, width: 64, v2: true},
	"convnext-v2-nano":  {blocks: []int{2, 2, 8, 2}, width: 80, v2: true},
	"convnext-v2-tiny":  {blocks: []int{3, 3, 9, 3}, width: 96, v2: true},
	"convnext-v2-base":  {blocks: []int{3, 3, 27, 3}, width: 128, v2: true},
	"convnext-v2-large": {blocks: []int{3, 3, 27, 3}, width: 192, v2: true},
	"convnext-v2-huge":  {blocks: []int{3, 3, 27, 3}, width: 352, v2: true},
}

func convNeXtFamily() Family {
	f := Family{Name: "convnext", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, c := range convNeXts {
		f.Archs[arch] = c.graph
		name := strings.ReplaceAll(strings.Replace(arch, "-v2-", "v2-", 1), "-", "_")
		f.Sources[arch] = projects{timm: named(c.timm, name), transformers: c.transformers()}
		if _, _, size := strings.Cut(arch, "-xl"); !c.v2 && !size {
			f.Sources[arch][torchvision] = named(c.torchvision, name)
		}
	}
	return f
}

type convNext struct {
	blocks []int // of each stage
	width  int   // channels of the first stage; each stage doubles them
	v2     bool
}

func (c convNext) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	x := b.Input()
	for i, blocks := range c.blocks {
		x = patchesMerged(bb.At("downsample_layers", i), x, i, c.width<<i, (*nn.Builder).LayerNorm2d)
		stage := bb.At("stages", i)
		for j := range blocks {
			x = convNextBlock(stage.At(j), x, 7, c.v2)
		}
		stage.Output(x)
	}
	norm := bb.At(fmt.Sprint("norm", len(c.blocks)-1))
	x = norm.Features(b.Flatten(norm.LayerNorm2d(b.GlobalMean(x))))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// patchesMerged adds what goes before stage i: pixels become patches of 4x4, and those are merged by
// two and two, (N,C,H,W) to (N,out,H/4,W/4) or (N,out,H/2,W/2). They are normed after the first, and before the others.
func patchesMerged(b *nn.Builder, x nn.Value, i, out int, norm func(*nn.Builder, nn.Value) nn.Value) nn.Value {
	if i == 0 {
		return b.Output(norm(b.At(1), b.At(0).Conv(x, out, nn.K(4), nn.Stride(4), nn.Pad(0), nn.Bias())))
	}
	return b.Output(b.At(1).Conv(norm(b.At(0), x), out, nn.K(2), nn.Stride(2), nn.Pad(0), nn.Bias()))
}

// convNextBlock adds a residual block, whose depthwise convolution is k x k, (N,C,H,W) to the same.
func convNextBlock(b *nn.Builder, x nn.Value, k int, v2 bool) nn.Value {
	y := b.At("depthwise_conv").Conv(x, x.C, nn.K(k), nn.Groups(x.C), nn.Bias())
	y = b.At("norm").LayerNorm2d(y)
	y = b.At("act").Act(b.At("pointwise_conv1").Linear(y, 4*x.C)) // (N,4C,H,W)
	if v2 {
		y = b.At("grn").ResponseNorm(y)
	}
	y = b.At("pointwise_conv2").Linear(y, x.C)
	if !v2 {
		y = b.LayerScale(y)
	}
	return b.Output(b.Add(x, y))
}

// timm renames timm's networks; some of them have convolutions for linear layers.
func (c convNext) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("stem.**", "backbone.downsample_layers.0.**"),
		recipe.Rename("stages.*.downsample.**", "backbone.downsample_layers.*.**"),
		recipe.Rename("stages.*.blocks.*.conv_dw.**", "backbone.stages.*.*.depthwise_conv.**"),
		recipe.Rename("stages.*.blocks.*.norm.**", "backbone.stages.*.*.norm.**"),
		recipe.Flatten("stages.*.blocks.*.mlp.fc*.**", "backbone.stages.*.*.pointwise_conv*.**"),
		recipe.Rename("head.norm.**", fmt.Sprintf("backbone.norm%d.**", len(c.blocks)-1)),
	}
	if c.v2 {
		return append(r,
			recipe.Rename("stages.*.blocks.*.mlp.grn.weight", "backbone.stages.*.*.grn.gamma"),
			recipe.Rename("stages.*.blocks.*.mlp.grn.bias", "backbone.stages.*.*.grn.beta"))
	}
	return append(r, recipe.Rename("stages.*.blocks.*.gamma", "backbone.stages.*.*.gamma"))
}

// transformers renames the networks of that library. Its last norm has an eps of 1e-12 unless
// told otherwise, and the others have 1e-6: what is normed there is far from either.
func (c convNext) transformers() recipe.Source {
	return recipe.Source{Recipe: c.transformersNames, Settings: settings(is("hidden_act", "gelu", "gelu"), atMost("layer_norm_eps", 1e-12, 1e-6))}
}

func (c convNext) transformersNames() recipe.Recipe {
	model := "convnext"
	if c.v2 {
		model = "convnextv2"
	}
	stage, to := model+".encoder.stages.*.", "backbone.stages.*.*."
	r := recipe.Recipe{
		recipe.Rename(model+".embeddings.patch_embeddings.**", "backbone.downsample_layers.0.0.**"),
		recipe.Rename(model+".embeddings.layernorm.**", "backbone.downsample_layers.0.1.**"),
		recipe.Rename(stage+"downsampling_layer.**", "backbone.downsample_layers.*.**"),
		recipe.Rename(stage+"layers.*.dwconv.**", to+"depthwise_conv.**"),
		recipe.Rename(stage+"layers.*.layernorm.**", to+"norm.**"),
		recipe.Rename(stage+"layers.*.pwconv*.**", to+"pointwise_conv*.**"),
		recipe.Rename(model+".layernorm.**", fmt.Sprintf("backbone.norm%d.**", len(c.blocks)-1)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
	if c.v2 {
		r = append(r,
			recipe.Squeeze(stage+"layers.*.grn.weight", to+"grn.gamma"), // (1,1,1,C)
			recipe.Squeeze(stage+"layers.*.grn.bias", to+"grn.beta"))
	} else {
		r = append(r, recipe.Rename(stage+"layers.*.layer_scale_parameter", to+"gamma"))
	}
	return r
}

// torchvision renames torchvision's networks, in which downsampling layers and stages
// take turns.
func (c convNext) torchvision() recipe.Recipe {
	var r recipe.Recipe
	for i := range c.blocks {
		from, to := fmt.Sprintf("features.%d.*.", 2*i+1), fmt.Sprintf("backbone.stages.%d.*.", i)
		r = append(r,
			recipe.Rename(fmt.Sprintf("features.%d.**", 2*i), fmt.Sprintf("backbone.downsample_layers.%d.**", i)),
			recipe.Flatten(from+"layer_scale", to+"gamma"), // (C,1,1)
			recipe.Rename(from+"block.0.**", to+"depthwise_conv.**"),
			recipe.Rename(from+"block.2.**", to+"norm.**"),
			recipe.Rename(from+"block.3.**", to+"pointwise_conv1.**"),
			recipe.Rename(from+"block.5.**", to+"pointwise_conv2.**"))
	}
	return append(r,
		recipe.Rename("classifier.0.**", fmt.Sprintf("backbone.norm%d.**", len(c.blocks)-1)),
		recipe.Rename("classifier.2.**", "head.fc.**"))
}
