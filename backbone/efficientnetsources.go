package backbone

import (
	"fmt"
	"math"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
)

// Names and settings of EfficientNet in other projects.

// transformers renames the network of that library. Its borders are those of its config.json,
// for one size of image, and only some are the SAME rule's.
func (e effNet) transformers() recipe.Source {
	return recipe.Source{Recipe: e.transformersNames, NeedsSettings: true, Settings: e.settings}
}

func (e effNet) transformersNames() recipe.Recipe {
	const model = "efficientnet."
	blocks := e.blocks()
	last := blocks[len(blocks)-1].layer + 1
	r := recipe.Recipe{
		recipe.Rename(model+"embeddings.convolution.**", "backbone.layers.0.conv.**"),
		recipe.Rename(model+"embeddings.batchnorm.**", "backbone.layers.0.bn.**"),
		recipe.Rename(model+"encoder.top_conv.**", fmt.Sprintf("backbone.layers.%d.conv.**", last)),
		recipe.Rename(model+"encoder.top_bn.**", fmt.Sprintf("backbone.layers.%d.bn.**", last)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
	for i, p := range blocks {
		from, to := fmt.Sprintf("%sencoder.blocks.%d.", model, i), fmt.Sprintf("backbone.layers.%d.%d.", p.layer, p.index)
		if p.expands {
			r = append(r,
				recipe.Rename(from+"expansion.expand_conv.**", to+"expand_conv.conv.**"),
				recipe.Rename(from+"expansion.expand_bn.**", to+"expand_conv.bn.**"))
		}
		r = append(r,
			recipe.Rename(from+"depthwise_conv.depthwise_conv.**", to+"depthwise_conv.conv.**"),
			recipe.Rename(from+"depthwise_conv.depthwise_norm.**", to+"depthwise_conv.bn.**"),
			recipe.Rename(from+"squeeze_excite.reduce.**", to+"se.conv1.conv.**"),
			recipe.Rename(from+"squeeze_excite.expand.**", to+"se.conv2.conv.**"),
			recipe.Rename(from+"projection.project_conv.**", to+"linear_conv.conv.**"),
			recipe.Rename(from+"projection.project_bn.**", to+"linear_conv.bn.**"))
	}
	return r
}

// settings checks a config.json of transformers: activation, eps, and that the blocks named
// under "depthwise_padding", which get the same border on both sides, are those whose input
// has an odd side at the size that it is made for. There the SAME rule gives the same.
func (e effNet) settings(config map[string]any) error {
	size, ok := config["image_size"].(float64)
	if !ok || size < 32 || size > 1<<14 || size != math.Trunc(size) {
		return fmt.Errorf("\"image_size\" is %v, and whole numbers from 32 are understood", config["image_size"])
	}
	side := (int(size) + 1) / 2 // after the stem, which has the border of an even side
	odd := []any{}
	if int(size)%2 != 0 {
		return fmt.Errorf("\"image_size\" is %d: the first layer's border is right for even sizes only", int(size))
	}
	for i, p := range e.blocks() {
		if p.stride == 2 {
			if side%2 != 0 {
				odd = append(odd, float64(i))
			}
			side = (side + 1) / 2
		}
	}
	return settings(
		setting{"hidden_act", "swish", func(v any) bool { return v == "swish" || v == "silu" }, "swish"},
		is("batch_norm_eps", effEps, effEps), is("pooling_type", "mean", "mean"), is("squeeze_expansion_ratio", 0.25, 0.25),
		setting{"depthwise_padding", []any{}, func(v any) bool {
			list, ok := v.([]any)
			// Blocks that keep the size have no border of this kind.
			list = slices.DeleteFunc(slices.Clone(list), func(v any) bool {
				i, ok := v.(float64)
				return ok && i >= 0 && int(i) < len(e.blocks()) && e.blocks()[int(i)].stride == 1
			})
			return ok && slices.Equal(list, odd)
		}, fmt.Sprintf("%v at image_size %d", odd, int(size))},
	)(config)
}

// timm renames timm's networks.
func (e effNet) timm() recipe.Recipe {
	blocks := e.blocks()
	r := effTimmEnds(blocks[len(blocks)-1].layer + 1)
	for _, p := range blocks {
		from, to := fmt.Sprintf("blocks.%d.%d.", p.stage, p.j), fmt.Sprintf("backbone.layers.%d.%d.", p.layer, p.index)
		if p.isFused {
			r = append(r, fusedTimm(from, to)...)
		} else {
			r = append(r, invertedTimm(from, to, p.expands, p.squeezed > 0)...)
		}
	}
	return r
}

// effTimmEnds renames what comes before and after the blocks.
func effTimmEnds(last int) recipe.Recipe {
	return recipe.Recipe{
		recipe.Rename("conv_stem.**", "backbone.layers.0.conv.**"),
		recipe.Rename("bn1.**", "backbone.layers.0.bn.**"),
		recipe.Rename("conv_head.**", fmt.Sprintf("backbone.layers.%d.conv.**", last)),
		recipe.Rename("bn2.**", fmt.Sprintf("backbone.layers.%d.bn.**", last)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
}

// torchvision renames torchvision's networks, whose stages are those of timm.
func (e effNet) torchvision() recipe.Recipe {
	blocks := e.blocks()
	last := blocks[len(blocks)-1]
	r := effTorchvisionEnds(last.stage+2, last.layer+1)
	for _, p := range blocks {
		from, to := fmt.Sprintf("features.%d.%d.block.", p.stage+1, p.j), fmt.Sprintf("backbone.layers.%d.%d.", p.layer, p.index)
		r = append(r, invertedTorchvision(from, to, p.expands, p.squeezed > 0)...)
	}
	return r
}

// effTorchvisionEnds renames what comes before and after the blocks; the last layer has numbers there and here.
func effTorchvisionEnds(there, here int) recipe.Recipe {
	from, to := fmt.Sprintf("features.%d.", there), fmt.Sprintf("backbone.layers.%d.", here)
	return recipe.Recipe{
		recipe.Rename("features.0.0.**", "backbone.layers.0.conv.**"),
		recipe.Rename("features.0.1.**", "backbone.layers.0.bn.**"),
		recipe.Rename(from+"0.**", to+"conv.**"),
		recipe.Rename(from+"1.**", to+"bn.**"),
		recipe.Rename("classifier.1.**", "head.fc.**"),
	}
}
