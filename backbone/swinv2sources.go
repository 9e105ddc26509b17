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
	this := map[string]string{"8 0": "window8_256", "16 0": "window16_256", "16 12": "window12to16_192to256", "24 12": "window12to24_192to384"}
	network := this[fmt.Sprint(s.side, " ", s.trained)]
	others := slices.DeleteFunc(networks, func(n string) bool { return n == network })
	for i, n := range others {
		others[i] = "swinv2_" + size + "_" + n
	}
	ofTimm := alike(named(s.timm, "swinv2_"+size+"_"+network), others)
	ofTimm.Settings = timmArgs("avg")
	return projects{timm: ofTimm}
}

// timm renames timm's networks, whose merged patches have their channels pixel by pixel, columns first.
func (s swinV2) timm() recipe.Recipe {
	return append(swinPublished(),
		recipe.Turn("layers.*.downsample.reduction.*", "backbone.stages.*.downsample.reduction.*"),
		recipe.Rename("layers.*.downsample.norm.*", "backbone.stages.*.downsample.norm.*"))
}
