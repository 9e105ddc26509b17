package backbone

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
)

// sources returns the projects that publish a Swin Transformer: those of windows of 7, and of 12 at
// 384 pixels. All of them, and the paper's authors, have the channels of merged patches pixel by
// pixel, columns first.
func (s swin) sources(arch string) projects {
	if s.small || s.side != 7 && s.side != 12 {
		return nil
	}
	size := strings.TrimPrefix(strings.TrimSuffix(arch, "-384px"), "swin-")
	image := 224
	if s.side == 12 {
		image = 384
	}
	network := fmt.Sprintf("swin_%s_patch4_window%d_%d", size, s.side, image)
	ofTimm := named(s.timm, network)
	ofTimm.Settings = timmArgs("avg")
	all := projects{timm: ofTimm, transformers: s.transformers(), microsoft: named(s.microsoft, network)}
	if s.side == 7 && size != "large" {
		all[torchvision] = named(s.torchvision, "swin_"+size[:1])
	}
	return all
}

// timm renames timm's networks, in which a stage begins with the merging of patches.
func (s swin) timm() recipe.Recipe { return s.published(1) }

// microsoft renames the authors' own files, in which a stage ends with it, as here.
func (s swin) microsoft() recipe.Recipe {
	r := append(s.published(0), recipe.Rename("head.*", "head.fc.*"))
	return append(r, recipe.Formerly(recipe.Drop("layers.*.blocks.*.attn_mask"))...) // of shifted windows
}

// swinPublished renames the authors' and timm's networks of either version, but for the merging of patches.
func swinPublished() recipe.Recipe {
	block, to := "layers.*.blocks.*.", "backbone.stages.*.blocks.*."
	return recipe.Recipe{
		recipe.Rename("patch_embed.proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename("patch_embed.norm.*", "backbone.patch_embed.norm.*"),
		recipe.Rename(block+"norm*.*", to+"norm*.*"),
		recipe.Rename(block+"attn.**", to+"attn.w_msa.**"),
		recipe.Rename(block+"mlp.fc1.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(block+"mlp.fc2.*", to+"ffn.layers.1.*"),
		recipe.Rename("norm.*", "backbone.norm3.*"),
	}
}

// published renames networks whose merging of patches is numbered as the stage before it, and
// more.
func (s swin) published(more int) recipe.Recipe {
	r := swinPublished()
	for i := range len(s.layers) - 1 {
		from, to := fmt.Sprintf("layers.%d.downsample.", i+more), fmt.Sprintf("backbone.stages.%d.downsample.", i)
		r = append(r, recipe.Turn(from+"norm.*", to+"norm.*"), recipe.Turn(from+"reduction.*", to+"reduction.*"))
	}
	return r
}

// torchvision renames torchvision's networks.
func (s swin) torchvision() recipe.Recipe {
	r := s.ofTorchvision()
	for i := 1; i < len(s.layers); i++ {
		from, to := fmt.Sprintf("features.%d.", 2*i), fmt.Sprintf("backbone.stages.%d.downsample.", i-1)
		r = append(r, recipe.Turn(from+"norm.*", to+"norm.*"), recipe.Turn(from+"reduction.*", to+"reduction.*"))
	}
	return r
}

// ofTorchvision renames torchvision's networks of either version, in which stages and the merging of patches
// take turns, and tables of indices have one dimension, but for the merging of patches.
func (s swin) ofTorchvision() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("features.0.0.*", "backbone.patch_embed.projection.*"),
		recipe.Rename("features.0.2.*", "backbone.patch_embed.norm.*"),
		recipe.Rename("norm.*", "backbone.norm3.*"),
		recipe.Rename("head.*", "head.fc.*"),
	}
	for i := range s.layers {
		from, to := fmt.Sprintf("features.%d.*.", 2*i+1), fmt.Sprintf("backbone.stages.%d.blocks.*.", i)
		const index = "relative_position_index"
		r = append(r,
			recipe.Reshape(from+"attn."+index, to+"attn.w_msa."+index, s.side*s.side, s.side*s.side),
			recipe.Rename(from+"attn.**", to+"attn.w_msa.**"),
			recipe.Rename(from+"norm*.*", to+"norm*.*"),
			recipe.Rename(from+"mlp.0.*", to+"ffn.layers.0.0.*"),
			recipe.Rename(from+"mlp.3.*", to+"ffn.layers.1.*"))
	}
	return r
}

// transformers renames the networks of that library, whose query, key and value are layers of
// their own.
func (s swin) transformers() recipe.Source {
	var heads []any
	for i := range s.layers {
		heads = append(heads, float64(s.heads<<i))
	}
	return recipe.Source{Recipe: transformersSwin, NeedsSettings: true, Settings: settings(
		is("hidden_act", "gelu", "gelu"), is("layer_norm_eps", 1e-5, 1e-5), is("window_size", 7.0, float64(s.side)),
		setting{"num_heads", []any{3.0, 6.0, 12.0, 24.0}, func(v any) bool { return reflect.DeepEqual(v, any(heads)) }, fmt.Sprint(heads)})}
}

func transformersSwin() recipe.Recipe {
	const block, to = "swin.encoder.layers.*.blocks.*.", "backbone.stages.*.blocks.*."
	attn := block + "attention."
	r := recipe.Recipe{
		recipe.Rename("swin.embeddings.patch_embeddings.projection.*", "backbone.patch_embed.projection.*"),
		recipe.Rename("swin.embeddings.norm.*", "backbone.patch_embed.norm.*"),
		recipe.Rename(block+"layernorm_before.*", to+"norm1.*"),
		recipe.Rename(block+"layernorm_after.*", to+"norm2.*"),
		recipe.Turn("swin.encoder.layers.*.downsample.norm.*", "backbone.stages.*.downsample.norm.*"),
		recipe.Turn("swin.encoder.layers.*.downsample.reduction.*", "backbone.stages.*.downsample.reduction.*"),
		recipe.Rename("swin.layernorm.*", "backbone.norm3.*"),
		recipe.Rename("classifier.*", "head.fc.*"),
		recipe.Rename(attn+"relative_position_bias.*", to+"attn.w_msa.*"),
		recipe.Rename(attn+"o_proj.*", to+"attn.w_msa.proj.*"),
		recipe.Rename(block+"mlp.fc1.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(block+"mlp.fc2.*", to+"ffn.layers.1.*"),
	}
	former := recipe.Formerly( // as it still writes files
		recipe.Rename(attn+"self.relative_position_*", to+"attn.w_msa.relative_position_*"),
		recipe.Rename(attn+"output.dense.*", to+"attn.w_msa.proj.*"),
		recipe.Rename(block+"intermediate.dense.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(block+"output.dense.*", to+"ffn.layers.1.*"))
	for i, part := range []string{"query", "key", "value"} {
		r = append(r, recipe.Join(i, 3, attn+part[:1]+"_proj.*", to+"attn.w_msa.qkv.*"))
		former = append(former, recipe.Formerly(recipe.Join(i, 3, attn+"self."+part+".*", to+"attn.w_msa.qkv.*"))...)
	}
	return append(r, former...)
}
