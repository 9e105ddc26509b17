package backbone

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
)

// Tokens-to-Token ViT: arXiv:2101.11986, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/t2t_vit.py), with transformers, not performers, between its soft splits.
//
// Windows that overlap are unfolded, each to one token; two transformers of one head make fewer
// channels of them, whose values are added in place of their inputs, which have others. Positions are
// not learnt; linear layers that make queries, keys and values have no bias. Scores are multiplied by 1
// over the root of a head's channels, as many as the attention's input has, not its queries: so the
// networks were trained. mmpretrain 1.2.0 itself divides by that, which is a slip.
var t2tViT = Family{
	Name: "t2t_vit",
	Archs: map[string]func(int) (*nn.Graph, error){
		"t2t-vit-t-14": t2t{384, 14, 6}.graph,
		"t2t-vit-t-19": t2t{448, 19, 7}.graph,
		"t2t-vit-t-24": t2t{512, 24, 8}.graph,
	},
}

// A t2t is what the networks differ in. Their positions are for images of 224x224.
type t2t struct{ width, layers, heads int }

// t2tTokens are the channels of tokens before the last soft split.
const t2tTokens = 64

func (t t2t) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	split := bb.At("tokens_to_token")
	x := b.Unfold(b.Input(), nn.Unfold{K: 7, Stride: 4, Pad: 2}) // (N,3*7*7,H/4,W/4)
	for i := range 2 {
		at := split.At(fmt.Sprint("attention", i+1))
		y, values := t.attention(at, at.Tokens(x), t2tTokens, 1)
		x = at.Image(at.Output(t.feedForward(at, at.Add(values, y), t2tTokens)))
		x = b.Unfold(x, nn.Unfold{K: 3, Stride: 2, Pad: 1}) // (N,64*3*3,H/8,W/8), then H/16
	}
	x = split.At("project").Linear(b.Tokens(x), t.width)
	x = bb.SinusoidPosition(bb.Prefix(x, "cls_token"), "pos_embed", 1, 14, 14)
	for i := range t.layers {
		at := bb.At("encoder", i)
		y, _ := t.attention(at, x, t.width, t.heads)
		x = at.Output(t.feedForward(at, at.Add(x, y), 3*t.width))
	}
	x = bb.Features(b.Token(bb.At("norm").LayerNorm(x), 0))
	return b.Graph(b.At("head", "layers", "head").Linear(x, classes))
}

// attention normalises tokens (N,L,C) and makes attention of width channels of them. It returns the values, too.
func (t2t) attention(b *nn.Builder, x nn.Value, width, heads int) (y, values nn.Value) {
	at := b.At("attn")
	qkv := b.Split(at.At("qkv").PlainLinear(b.At("ln1").LayerNorm(x), 3*width), 3)
	y = at.AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: heads, Scale: 1 / math.Sqrt(float64(x.C/heads))})
	return at.At("proj").Linear(y, width), qkv[2]
}

// feedForward adds to tokens what two linear layers make of them.
func (t2t) feedForward(b *nn.Builder, x nn.Value, hidden int) nn.Value {
	return b.Add(x, feedForward(b.At("ffn"), b.At("ln2").LayerNorm(x), hidden))
}
