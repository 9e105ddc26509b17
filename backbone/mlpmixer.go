package backbone

import (
	"github.com/gozoo/zoo/nn"
)

// MLP-Mixer: arXiv:2105.01601, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mlp_mixer.py).
//
// A layer mixes the tokens of each channel, then the channels of each token. What it has learnt is for
// so many tokens: images are 224 x 224. Norms have eps 1e-5.
var mlpMixer = Family{
	Name: "mlp_mixer",
	Archs: map[string]func(int) (*nn.Graph, error){
		"mlp-mixer-base-p16":  mixer{768, 12, 384, 3072}.graph,
		"mlp-mixer-large-p16": mixer{1024, 24, 512, 4096}.graph,
	},
}

// A mixer is a network; tokens and channels are what the layers between two linear ones have.
type mixer struct{ width, layers, tokens, channels int }

// mixerGrid is the patches of an image's side.
const mixerGrid = 14

func (m mixer) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	x := bb.At("patch_embed", "projection").Conv(b.Input(), m.width, nn.K(16), nn.Stride(16), nn.Corner(), nn.Bias())
	x = bb.Tokens(x) // (N,196,width)
	for i := range m.layers {
		at := bb.At("layers", i)
		y := b.Transpose(at.At("ln1").LayerNorm(x), mixerGrid*mixerGrid, 1, m.width) // (N,width,196)
		y = feedForward(at.At("token_mix"), y, m.tokens)
		x = b.Add(x, b.Transpose(y, m.width, mixerGrid, mixerGrid))
		x = at.Output(b.Add(x, feedForward(at.At("channel_mix"), at.At("ln2").LayerNorm(x), m.channels)))
	}
	neck := b.At("neck")
	x = neck.Features(neck.At("gap").GlobalAvgPool(bb.At("ln1").LayerNorm(x)))
	return b.Graph(b.At("head", "fc").Linear(x, classes))
}
