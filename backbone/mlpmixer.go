package backbone

import (
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MLP-Mixer: arXiv:2105.01601, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mlp_mixer.py).
//
// A layer mixes the tokens of each channel, then the channels of each token. What it has learnt is for
// so many tokens: images are 224 x 224. Norms have eps 1e-5, those of timm 1e-6: these are networks of
// their own.
var mlpMixer = mlpMixerFamily()

// A mixer is a network; tokens and channels are what the layers between two linear ones have.
type mixer struct {
	width, layers, tokens, channels int
	eps                             float64
}

func mlpMixerFamily() Family {
	f := Family{Name: "mlp_mixer", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for size, m := range map[string]mixer{
		"base":  {width: 768, layers: 12, tokens: 384, channels: 3072, eps: 1e-5},
		"large": {width: 1024, layers: 24, tokens: 512, channels: 4096, eps: 1e-5},
	} {
		arch, network := "mlp-mixer-"+size+"-p16", "mixer_"+size[:1]+"16_224"
		ours := alike(recipe.Source{Recipe: mixerOfTimm}, []string{network})
		theirs := named(mixerOfTimm, network)
		ours.Settings, theirs.Settings = timmArgs("avg"), timmArgs("avg")
		f.Archs[arch], f.Sources[arch] = m.graph, projects{timm: ours}
		m.eps = 1e-6
		arch += "-eps1e-6"
		f.Archs[arch], f.Sources[arch] = m.graph, projects{timm: theirs}
	}
	return f
}

// mixerOfTimm renames timm's networks.
func mixerOfTimm() recipe.Recipe {
	layer, to := "blocks.*.", "backbone.layers.*."
	return recipe.Recipe{
		recipe.Rename("stem.proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename(layer+"norm*.*", to+"ln*.*"),
		recipe.Rename(layer+"mlp_tokens.fc1.*", to+"token_mix.layers.0.0.*"),
		recipe.Rename(layer+"mlp_tokens.fc2.*", to+"token_mix.layers.1.*"),
		recipe.Rename(layer+"mlp_channels.fc1.*", to+"channel_mix.layers.0.0.*"),
		recipe.Rename(layer+"mlp_channels.fc2.*", to+"channel_mix.layers.1.*"),
		recipe.Rename("norm.*", "backbone.ln1.*"),
		recipe.Rename("head.*", "head.fc.*"),
	}
}

// mixerGrid is the patches of an image's side.
const mixerGrid = 14

func (m mixer) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, m.eps, nn.GELU())
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
