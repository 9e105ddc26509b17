package backbone

import "github.com/gozoo/zoo/nn"

// PoolFormer: arXiv:2111.11418, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/poolformer.py).
//
// A transformer of images that mixes pixels by what an average over 3x3 differs from the pixel. Traps: averages
// leave the border out; norms are of all that an image holds, with eps 1e-5; a factor for each channel is learnt
// of what is added, twice in a block; the last norm precedes the average of all pixels.
var poolFormer = poolFormerFamily()

func poolFormerFamily() Family {
	f := Family{Name: "poolformer", Archs: make(map[string]func(int) (*nn.Graph, error))}
	for size, m := range metaFormers {
		f.Archs["poolformer-"+size] = func(classes int) (*nn.Graph, error) { return m.graph(classes, pooling) }
	}
	return f
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
	x := bb.At("patch_embed", "proj").Conv(b.Input(), m.widths[0], nn.K(7), nn.Stride(4), nn.Pad(2), nn.Bias()) // (N,W0,H/4,W/4)
	for i, blocks := range m.blocks {
		if i > 0 {
			x = bb.At("network", 2*i-1, "proj").Conv(x, m.widths[i], nn.K(3), nn.Stride(2), nn.Bias())
		}
		for j := range blocks {
			x = metaBlock(bb.At("network", 2*i, j), x, mix)
		}
	}
	return poolAndClassify(b, bb.At("norm6").GroupNorm(x), classes)
}

// metaBlock adds what mix makes of the pixels of x, (N,C,H,W), and then a feed-forward network.
func metaBlock(b *nn.Builder, x nn.Value, mix func(*nn.Builder, nn.Value) nn.Value) nn.Value {
	x = b.Add(x, b.LayerScaleNamed(mix(b, x), "layer_scale_1"))
	mlp := b.At("mlp")
	y := mlp.At("act").Act(mlp.At("fc1").Conv(b.At("norm2").GroupNorm(x), 4*x.C, nn.Bias()))
	return b.Output(b.Add(x, b.LayerScaleNamed(mlp.At("fc2").Conv(y, x.C, nn.Bias()), "layer_scale_2")))
}
