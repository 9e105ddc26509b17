package backbone

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// XCiT, cross-covariance image transformers: arXiv:2106.09681, as OpenMMLab's mmpretrain builds them
// (mmpretrain/models/backbones/xcit.py).
//
// Channels attend to each other, and depthwise convolutions let neighbours interact; two layers at the end
// sum up all tokens in a class token, which only then is put before them.
//
// Traps: norms of tokens have eps 1e-6, those of batches 1e-5; the norm of a local interaction follows
// its activation; norm3 is the second of a layer, norm2 the third. The last layers put out norms of tokens in
// the place of tokens, and double all but the class token: the reference adds these to themselves. In the
// second half of such a layer all tokens are normalised, in the smallest networks the class token alone.
var xcit = xcitFamily()

// An xcitNetwork is a network; patches are of patch x patch pixels.
type xcitNetwork struct {
	width, layers, heads, patch int
	one                         bool // the last layers' second norm is of the class token alone
}

func xcitFamily() Family {
	f := Family{Name: "xcit", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for name, x := range map[string]xcitNetwork{
		"nano-12":   {width: 128, layers: 12, heads: 4, one: true},
		"tiny-12":   {width: 192, layers: 12, heads: 4},
		"tiny-24":   {width: 192, layers: 24, heads: 4},
		"small-12":  {width: 384, layers: 12, heads: 8},
		"small-24":  {width: 384, layers: 24, heads: 8},
		"medium-24": {width: 512, layers: 24, heads: 8},
		"large-24":  {width: 768, layers: 24, heads: 16},
	} {
		for _, x.patch = range []int{8, 16} {
			arch := fmt.Sprintf("xcit-%s-p%d", name, x.patch)
			network := strings.ReplaceAll(arch, "-", "_")
			ofTimm := named(x.timm, network+"_224", network+"_384")
			ofTimm.Settings = timmArgs("token")
			f.Archs[arch], f.Sources[arch] = x.graph, projects{timm: ofTimm}
		}
	}
	return f
}

// timm renames timm's networks, which have the names of the paper's authors.
func (c xcitNetwork) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("cls_token", "backbone.cls_token"),
		recipe.Rename("pos_embed.token_projection.*", "backbone.pos_embed.token_projection.conv.*"),
		recipe.Rename("norm.*", "backbone.norm.*"),
		recipe.Rename("head.*", "head.fc.*"),
	}
	for i := range c.convs() { // an activation is between two
		from, to := fmt.Sprintf("patch_embed.proj.%d.", 2*i), fmt.Sprintf("backbone.patch_embed.proj.%d.", i)
		r = append(r, recipe.Rename(from+"0.*", to+"conv.*"), recipe.Rename(from+"1.*", to+"bn.*"))
	}
	for _, layers := range [][2]string{{"blocks.*.", "backbone.xca_layers.*."}, {"cls_attn_blocks.*.", "backbone.ca_layers.*."}} {
		from, to := layers[0], layers[1]
		r = append(r,
			recipe.Rename(from+"norm*.*", to+"norm*.*"),
			recipe.Rename(from+"attn.**", to+"attn.**"),
			recipe.Rename(from+"gamma*", to+"gamma*"),
			recipe.Rename(from+"mlp.fc1.*", to+"ffn.layers.0.0.*"),
			recipe.Rename(from+"mlp.fc2.*", to+"ffn.layers.1.*"))
	}
	local, to := "blocks.*.local_mp.", "backbone.xca_layers.*.local_mp."
	return append(r,
		recipe.Rename(local+"conv*.*", to+"conv*.conv.*"),
		recipe.Rename(local+"bn.*", to+"conv1.bn.*"))
}

func (c xcitNetwork) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-6, nn.GELU())
	bb := b.At("backbone")
	x := c.patches(bb.At("patch_embed", "proj").WithEps(1e-5), b.Input()) // (N,C,H/P,W/P)
	position := bb.At("pos_embed")
	x = bb.Add(x, position.Output(position.At("token_projection", "conv").Conv(bb.FourierPosition(x, 32), x.C, nn.Bias())))
	for i := range c.layers {
		at := bb.At("xca_layers", i)
		x = c.layer(at, x)
		at.Output(at.Tokens(x))
	}
	x = bb.Prefix(bb.Tokens(x), "cls_token") // (N,1+L,C)
	for i := range 2 {
		at := bb.At("ca_layers", i)
		x = at.Output(c.classLayer(at, x))
	}
	x = bb.Features(bb.Token(bb.At("norm").LayerNorm(x), 0))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}

// convs is how often sides are halved until a pixel is a patch.
func (c xcitNetwork) convs() int { return bits.Len(uint(c.patch)) - 1 }

// patches adds convolutions that halve the sides until a pixel is a patch.
func (c xcitNetwork) patches(b *nn.Builder, x nn.Value) nn.Value {
	last := c.convs() - 1
	for i := range last {
		x = b.At(i).ConvNormAct(x, c.width>>(last-i), nn.K(3), nn.Stride(2))
	}
	return b.At(last).ConvNormAct(x, c.width, nn.K(3), nn.Stride(2), nn.NoAct())
}

// layer adds a layer of cross-covariance attention, (N,C,H,W) to the same.
func (c xcitNetwork) layer(b *nn.Builder, x nn.Value) nn.Value {
	y := crossCovariance(b.At("attn"), b.At("norm1").LayerNorm(x), c.heads, "temperature")
	x = b.Add(x, b.LayerScaleNamed(y, "gamma1"))
	local := b.At("local_mp")
	y = local.At("conv1", "conv").Conv(b.At("norm3").LayerNorm(x), x.C, nn.K(3), nn.Groups(x.C), nn.Bias())
	y = local.At("conv1", "bn").WithEps(1e-5).BatchNorm(local.At("conv1", "activate").Act(y))
	y = local.At("conv2", "conv").Conv(y, x.C, nn.K(3), nn.Groups(x.C), nn.Bias())
	x = b.Add(x, b.LayerScaleNamed(y, "gamma3"))
	return b.Add(x, b.LayerScaleNamed(feedForward(b.At("ffn"), b.At("norm2").LayerNorm(x), 4*x.C), "gamma2"))
}

// classLayer adds a layer in which the class token alone attends to all, (N,1+L,C) to the same.
func (c xcitNetwork) classLayer(b *nn.Builder, x nn.Value) nn.Value {
	replaced := func(first, x nn.Value) nn.Value { return b.JoinTokens(first, b.Tokens(b.Image(x)), 1) }
	attn, y := b.At("attn"), b.At("norm1").LayerNorm(x)
	q := attn.At("q").Linear(b.FirstTokens(y, 1), x.C)
	sum := attn.Attention(q, attn.At("k").Linear(y, x.C), attn.At("v").Linear(y, x.C), c.heads)
	x = b.Add(x, b.LayerScaleNamed(replaced(attn.At("proj").Linear(sum, x.C), y), "gamma1"))
	if norm := b.At("norm2"); c.one {
		x = replaced(norm.LayerNorm(b.FirstTokens(x, 1)), x)
	} else {
		x = norm.LayerNorm(x)
	}
	y = b.LayerScaleNamed(feedForward(b.At("ffn"), b.FirstTokens(x, 1), 4*x.C), "gamma2")
	return b.Add(x, replaced(y, x))
}
