package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// PoolFormer: arXiv:2111.11418, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/poolformer.py).
//
// A transformer of images that mixes pixels by what an average over 3x3 differs from the pixel. Traps: averages
// leave the border out; norms are of all that an image holds, with eps 1e-5; a factor for each channel is learnt
// of what is added, twice in a block; the last norm precedes the average of all pixels. In timm's networks it is
// another and follows it, which makes networks of their own.
var poolFormer = poolFormerFamily()

func poolFormerFamily() Family {
	f := Family{Name: "poolformer", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for size, m := range metaFormers {
		arch, network := "poolformer-"+size, "poolformer_"+size
		theirs := named(poolFormerOfTimm, network)
		theirs.Settings = timmArgs("avg")
		f.Archs[arch] = func(classes int) (*nn.Graph, error) { return m.graph(classes, pooling) }
		f.Sources[arch] = projects{timm: alike(recipe.Source{Recipe: poolFormerOfTimm}, []string{network}), transformers: poolFormerOfTransformers()}
		arch += "-normed-mean"
		f.Archs[arch] = func(classes int) (*nn.Graph, error) { return m.normedMean(classes, pooling) }
		f.Sources[arch] = projects{timm: theirs}
	}
	return f
}

// poolFormerOfTimm renames timm's networks.
func poolFormerOfTimm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("stem.conv.*", "backbone.patch_embed.proj.*"),
		recipe.Rename("head.norm.*", "backbone.norm6.*"),
		recipe.Rename("head.fc.*", "head.fc.*"),
	}
	for i := range 4 {
		from, to := fmt.Sprintf("stages.%d.", i), fmt.Sprintf("backbone.network.%d.*.", 2*i)
		if i > 0 {
			r = append(r, recipe.Rename(from+"downsample.conv.*", fmt.Sprintf("backbone.network.%d.proj.*", 2*i-1)))
		}
		r = append(r,
			recipe.Rename(from+"blocks.*.norm*.*", to+"norm*.*"),
			recipe.Rename(from+"blocks.*.mlp.fc*.*", to+"mlp.fc*.*"),
			recipe.Rename(from+"blocks.*.layer_scale*.scale", to+"layer_scale_*"))
	}
	return r
}

// poolFormerOfTransformers is the source of transformers' networks, whose class takes windows, borders and
// activations of other kinds, too.
func poolFormerOfTransformers() recipe.Source {
	return recipe.Source{Recipe: poolFormerNamesOfTransformers, Settings: settings(
		is("hidden_act", "gelu", "gelu"), is("pool_size", 3.0, 3.0), is("use_layer_scale", true, true),
		isList("strides", 4, 2, 2, 2), isList("padding", 2, 1, 1, 1))}
}

func poolFormerNamesOfTransformers() recipe.Recipe {
	const encoder = "poolformer.encoder."
	r := recipe.Recipe{
		recipe.Rename(encoder+"patch_embeddings.0.projection.*", "backbone.patch_embed.proj.*"),
		recipe.Rename("norm.*", "backbone.norm6.*"),
		recipe.Rename("classifier.*", "head.fc.*"),
	}
	for i := range 4 {
		from, to := fmt.Sprintf("%sblock.%d.*.", encoder, i), fmt.Sprintf("backbone.network.%d.*.", 2*i)
		if i > 0 {
			r = append(r, recipe.Rename(fmt.Sprintf("%spatch_embeddings.%d.projection.*", encoder, i), fmt.Sprintf("backbone.network.%d.proj.*", 2*i-1)))
		}
		r = append(r,
			recipe.Rename(from+"before_norm.*", to+"norm1.*"),
			recipe.Rename(from+"after_norm.*", to+"norm2.*"),
			recipe.Rename(from+"output.conv*.*", to+"mlp.fc*.*"),
			recipe.Rename(from+"layer_scale_*", to+"layer_scale_*"))
	}
	return r
}

// pooling is how PoolFormer mixes the pixels of x, (N,C,H,W).
func pooling(b *nn.Builder, x nn.Value) nn.Value {
	return poolingMixer(b.At("token_mixer"), b.At("norm1").GroupNorm(x))
}

// A metaFormer is a network of PoolFormer's shape, whatever mixes its pixels: blocks and channels of each stage.
type metaFormer struct{ blocks, widths [4]int }

var metaFormers = map[string]metaFormer{
	"s12": {[4]int{2, 2, 6, 2}, [4]int{64, 128, 320, 512}},
	"s24": {[4]int{4, 4, 12, 4}, [4]int{64, 128, 320, 512}},
	"s36": {[4]int{6, 6, 18, 6}, [4]int{64, 128, 320, 512}},
	"m36": {[4]int{6, 6, 18, 6}, [4]int{96, 192, 384, 768}},
	"m48": {[4]int{8, 8, 24, 8}, [4]int{96, 192, 384, 768}},
}

// graph builds the network; mix norms and mixes pixels in a block.
func (m metaFormer) graph(classes int, mix func(*nn.Builder, nn.Value) nn.Value) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	return poolAndClassify(b, bb.At("norm6").GroupNorm(m.blocksOf(bb, mix)), classes)
}

// normedMean builds a network that norms the channels of the mean of all pixels, with eps 1e-6.
func (m metaFormer) normedMean(classes int, mix func(*nn.Builder, nn.Value) nn.Value) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := b.Flatten(b.At("neck", "gap").GlobalAvgPool(m.blocksOf(bb, mix)))
	x = b.At("neck").Features(bb.At("norm6").WithEps(1e-6).LayerNorm(x))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// blocksOf adds all up to the last block, of the builder's input: (N,3,H,W) to (N,C,H/32,W/32).
func (m metaFormer) blocksOf(bb *nn.Builder, mix func(*nn.Builder, nn.Value) nn.Value) nn.Value {
	x := bb.At("patch_embed", "proj").Conv(bb.Input(), m.widths[0], nn.K(7), nn.Stride(4), nn.Pad(2), nn.Bias()) // (N,W0,H/4,W/4)
	for i, blocks := range m.blocks {
		if i > 0 {
			x = bb.At("network", 2*i-1, "proj").Conv(x, m.widths[i], nn.K(3), nn.Stride(2), nn.Bias())
		}
		for j := range blocks {
			x = metaBlock(bb.At("network", 2*i, j), x, mix)
		}
	}
	return x
}

// metaBlock adds what mix makes of the pixels of x, (N,C,H,W), and then a feed-forward network.
func metaBlock(b *nn.Builder, x nn.Value, mix func(*nn.Builder, nn.Value) nn.Value) nn.Value {
	x = b.Add(x, b.LayerScaleNamed(mix(b, x), "layer_scale_1"))
	mlp := b.At("mlp")
	y := mlp.At("act").Act(mlp.At("fc1").Conv(b.At("norm2").GroupNorm(x), 4*x.C, nn.Bias()))
	return b.Output(b.Add(x, b.LayerScaleNamed(mlp.At("fc2").Conv(y, x.C, nn.Bias()), "layer_scale_2")))
}
