package backbone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
)

// sources returns the projects that publish a Swin Transformer V2. Of timm's files no tensor tells the
// windows, neither those that a network has nor those that it was trained with first: networks of one
// width are alike.
func (s swinV2) sources(arch string) projects {
	size := strings.Split(arch, "-")[1]
	var networks []string
	switch {
	case size == "tiny" || size == "small":
		networks = []string{"window8_256", "window16_256"}
	case size == "base":
		networks = []string{"window8_256", "window16_256", "window12_192", "window12to16_192to256", "window12to24_192to384"}
	default:
		networks = []string{"window12_192", "window12to16_192to256", "window12to24_192to384"}
	}
	this := map[string]string{"8 0": "window8_256", "12 0": "window12_192", "16 0": "window16_256", "16 12": "window12to16_192to256", "24 12": "window12to24_192to384"}
	network := this[fmt.Sprint(s.side, " ", s.trained)]
	others := slices.DeleteFunc(networks, func(n string) bool { return n == network })
	for i, n := range others {
		others[i] = "swinv2_" + size + "_" + n
	}
	ofTimm := alike(named(s.timm, "swinv2_"+size+"_"+network), others)
	ofTimm.Settings = timmArgs("avg")
	all := projects{timm: ofTimm}
	if s.side == 8 {
		all[torchvision] = named(s.torchvision, "swin_v2_"+size[:1])
	}
	return all
}

// torchvision renames torchvision's networks, whose biases of queries, keys and values are one: what
// it holds for keys they do not use. Where the last stage is one window high or wide, and more of them
// the other way, as of 256 x 512 pixels, they shift windows along that side, and those of OpenMMLab do not.
func (s swinV2) torchvision() recipe.Recipe {
	var r recipe.Recipe
	for i := range s.layers {
		from, to := fmt.Sprintf("features.%d.*.attn.qkv.bias", 2*i+1), fmt.Sprintf("backbone.stages.%d.blocks.*.attn.w_msa.", i)
		r = append(r, recipe.Cut(0, 3, from, to+"q_bias"), recipe.Cut(2, 3, from, to+"v_bias"))
		if i > 0 {
			from, to = fmt.Sprintf("features.%d.", 2*i), fmt.Sprintf("backbone.stages.%d.downsample.", i)
			r = append(r, recipe.Rename(from+"norm.*", to+"norm.*"), recipe.Turn(from+"reduction.*", to+"reduction.*"))
		}
	}
	return append(r, s.ofTorchvision()...)
}

// timm renames timm's networks, whose merged patches have their channels pixel by pixel, columns first.
func (s swinV2) timm() recipe.Recipe {
	return append(swinPublished(),
		recipe.Turn("layers.*.downsample.reduction.*", "backbone.stages.*.downsample.reduction.*"),
		recipe.Rename("layers.*.downsample.norm.*", "backbone.stages.*.downsample.norm.*"))
}
