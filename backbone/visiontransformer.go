package backbone

import (
	"cmp"

	"github.com/gozoo/zoo/nn"
)

// Vision Transformer: arXiv:2010.11929, and networks of that shape under the weights of DeiT,
// arXiv:2012.12877, MAE, arXiv:2111.06377, CLIP, MoCoV3 and others, as OpenMMLab's mmpretrain
// builds them (mmpretrain/models/backbones/vision_transformer.py).
//
// Traps: images are padded to whole patches, at the bottom and to the right; norms have eps 1e-6.
// Networks that classify the mean of all patches leave out the last norm of tokens and have one
// after the mean. CLIP's have a norm before the first layer, and patches without a bias. DeiT III,
// arXiv:2204.07118 (deit3.py there), adds positions before the class token, and scales what a layer
// adds; mmpretrain 1.2.0 itself takes the first norm of a layer twice, which is a slip: the second was
// trained, and is taken here. Those of which only a classifier was trained have a norm of the batch
// before it, without weights. DeiT's distilled networks (deit.py there) have a second token, whose teacher was
// another network, with a classifier of its own: logits are the mean of both.
var visionTransformer = visionTransformerFamily()

// A vit is a network: its patches are of patch x patch pixels, its positions a grid for images of
// size x size.
type vit struct {
	vitWidth
	size, patch int
	preNorm     bool // CLIP's norm before the first layer
	mean        bool // the mean of all patches is classified, not the class token
	third       bool // DeiT III
	distilled   bool // DeiT's second token, and a classifier of it
	probe       bool // a norm of whole batches before the classifier, the only layers that were trained
	eps         float64
}

// A vitWidth is what the sizes of networks differ in.
type vitWidth struct {
	name                         string
	width, layers, heads, hidden int
}

var (
	vitTiny   = vitWidth{"tiny", 192, 12, 3, 768}
	vitSmall  = vitWidth{"small", 384, 12, 6, 1536}
	vitMedium = vitWidth{"medium", 512, 12, 8, 2048}
	vitBase   = vitWidth{"base", 768, 12, 12, 3072}
	vitLarge  = vitWidth{"large", 1024, 24, 16, 4096}
	vitHuge   = vitWidth{"huge", 1280, 32, 16, 5120}
	vitMoCo   = vitWidth{"mocov3-small", 384, 12, 12, 1536} // twice as many heads as others of its width
)

// vitEps is the eps of norms, where a network has no other.
const vitEps = 1e-6

var vits = map[string]vit{
	"vit-base-p16":              {vitWidth: vitBase, size: 224, patch: 16},
	"vit-base-p16-384px":        {vitWidth: vitBase, size: 384, patch: 16},
	"vit-base-p32-384px":        {vitWidth: vitBase, size: 384, patch: 32},
	"vit-large-p16":             {vitWidth: vitLarge, size: 224, patch: 16},
	"vit-large-p16-384px":       {vitWidth: vitLarge, size: 384, patch: 16},
	"deit-tiny":                 {vitWidth: vitTiny, size: 224, patch: 16},
	"deit-small":                {vitWidth: vitSmall, size: 224, patch: 16},
	"deit-base":                 {vitWidth: vitBase, size: 224, patch: 16},
	"deit-base-384px":           {vitWidth: vitBase, size: 384, patch: 16},
	"deit-tiny-distilled":       {vitWidth: vitTiny, size: 224, patch: 16, distilled: true},
	"deit-small-distilled":      {vitWidth: vitSmall, size: 224, patch: 16, distilled: true},
	"deit-base-distilled":       {vitWidth: vitBase, size: 224, patch: 16, distilled: true},
	"deit-base-distilled-384px": {vitWidth: vitBase, size: 384, patch: 16, distilled: true},
	"deit3-small-p16":           {vitWidth: vitSmall, size: 224, patch: 16, third: true},
	"deit3-small-p16-384px":     {vitWidth: vitSmall, size: 384, patch: 16, third: true},
	"deit3-medium-p16":          {vitWidth: vitMedium, size: 224, patch: 16, third: true},
	"deit3-base-p16":            {vitWidth: vitBase, size: 224, patch: 16, third: true},
	"deit3-base-p16-384px":      {vitWidth: vitBase, size: 384, patch: 16, third: true},
	"deit3-large-p16":           {vitWidth: vitLarge, size: 224, patch: 16, third: true},
	"deit3-large-p16-384px":     {vitWidth: vitLarge, size: 384, patch: 16, third: true},
	"deit3-huge-p14":            {vitWidth: vitHuge, size: 224, patch: 14, third: true},
	"vit-small-p16-mocov3":      {vitWidth: vitMoCo, size: 224, patch: 16},
	"vit-base-p16-mean":         {vitWidth: vitBase, size: 224, patch: 16, mean: true},
	"vit-base-p16-probe":        {vitWidth: vitBase, size: 224, patch: 16, probe: true},
	"vit-large-p16-mean":        {vitWidth: vitLarge, size: 224, patch: 16, mean: true},
	"vit-large-p16-probe":       {vitWidth: vitLarge, size: 224, patch: 16, probe: true},
	"vit-huge-p14-mean":         {vitWidth: vitHuge, size: 224, patch: 14, mean: true},
	"vit-huge-p14-mean-448px":   {vitWidth: vitHuge, size: 448, patch: 14, mean: true},
	"vit-base-p16-clip":         {vitWidth: vitBase, size: 224, patch: 16, preNorm: true},
	"vit-base-p32-clip":         {vitWidth: vitBase, size: 224, patch: 32, preNorm: true},
}

func visionTransformerFamily() Family {
	f := Family{Name: "vision_transformer", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, v := range vits {
		f.Archs[arch] = v.graph
		f.Sources[arch] = v.sources()
	}
	for arch, v := range vitsElsewhere() {
		f.Archs[arch] = v.graph
		f.Sources[arch] = v.sources()
	}
	return f
}

func (v vit) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, cmp.Or(v.eps, vitEps), nn.GELU())
	bb := b.At("backbone")
	patch := []nn.Option{nn.K(v.patch), nn.Stride(v.patch), nn.Corner()}
	if !v.preNorm {
		patch = append(patch, nn.Bias())
	}
	x := bb.Tokens(bb.At("patch_embed", "projection").Conv(b.Input(), v.width, patch...)) // (N,H/P*W/P,C)
	grid := v.size / v.patch
	tokens := []string{"cls_token"}
	if v.distilled {
		tokens = append(tokens, "dist_token")
	}
	if v.third {
		x = bb.Prefix(bb.Position(x, "pos_embed", 0, grid, grid), "cls_token")
	} else {
		x = bb.Position(bb.Prefix(x, tokens...), "pos_embed", len(tokens), grid, grid)
	}
	if v.preNorm {
		x = bb.At("pre_norm").LayerNorm(x)
	}
	for i := range v.layers {
		at := bb.At("layers", i)
		x = at.Output(v.layer(at, x))
	}
	if v.mean {
		norm := bb.At("ln2")
		x = norm.Features(norm.LayerNorm(b.GlobalMean(x)))
		return b.Graph(b.At("head", "fc").Linear(x, classes))
	}
	x = bb.At("ln1").LayerNorm(x)
	head := b.At("head", "layers")
	if v.distilled {
		class, dist := bb.Features(b.Token(x, 0)), bb.Features(b.Token(x, 1))
		sum := b.Add(head.At("head").Linear(class, classes), head.At("head_dist").Linear(dist, classes))
		return b.Graph(b.Scale(sum, 0.5))
	}
	x, last := b.Token(x, 0), bb
	if v.probe {
		last = b.At("neck")
		x = last.At("bn").PlainBatchNorm(x)
	}
	return b.Graph(head.At("head").Linear(last.Features(x), classes))
}

// layer adds an encoder layer, (N,L,C) to the same.
func (v vit) layer(b *nn.Builder, x nn.Value) nn.Value {
	attn := b.At("attn")
	y := selfAttention(attn, b.At("ln1").LayerNorm(x), v.heads)
	if v.third {
		y = attn.At("gamma1").LayerScaleModule(y)
	}
	x = b.Add(x, y)
	y = feedForward(b.At("ffn"), b.At("ln2").LayerNorm(x), v.hidden)
	if v.third {
		y = b.At("ffn", "gamma2").LayerScaleModule(y)
	}
	return b.Add(x, y)
}
