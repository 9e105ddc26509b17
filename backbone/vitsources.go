package backbone

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
)

// The Vision Transformers of other projects, whose tensors do not tell the eps of norms, the heads
// of attentions, nor QuickGELU from GELU.

// vitsElsewhere returns the networks that OpenMMLab publishes no weights of: those that timm and
// torchvision have besides, timm's of CLIP, whose norms have an eps of 1e-5, and the plain ones of
// transformers, which has 1e-12 unless it is told otherwise.
func vitsElsewhere() map[string]vit {
	out := make(map[string]vit)
	add := func(suffix string, eps float64, clip bool, all ...vit) {
		for _, v := range all {
			v.eps, v.preNorm = eps, clip
			name := fmt.Sprintf("vit-%s-p%d", v.name, v.patch)
			if clip {
				name += "-clip"
			}
			if v.size != 224 {
				name += fmt.Sprintf("-%dpx", v.size)
			}
			out[name+suffix] = v
		}
	}
	plain := []vit{
		{vitWidth: vitTiny, size: 224, patch: 16}, {vitWidth: vitTiny, size: 384, patch: 16},
		{vitWidth: vitSmall, size: 224, patch: 16}, {vitWidth: vitSmall, size: 384, patch: 16},
		{vitWidth: vitSmall, size: 224, patch: 32}, {vitWidth: vitSmall, size: 384, patch: 32},
		{vitWidth: vitBase, size: 224, patch: 32}, {vitWidth: vitBase, size: 224, patch: 8},
		{vitWidth: vitLarge, size: 224, patch: 32}, {vitWidth: vitLarge, size: 384, patch: 32},
		{vitWidth: vitLarge, size: 512, patch: 16}, // torchvision's of SWAG, arXiv:2201.08371, as the next
		{vitWidth: vitHuge, size: 224, patch: 14}, {vitWidth: vitHuge, size: 518, patch: 14},
	}
	add("", vitEps, false, plain...)
	add("-eps1e-12", 1e-12, false, plain...)
	add("-eps1e-12", 1e-12, false,
		vits["vit-base-p16"], vits["vit-base-p16-384px"], vits["vit-base-p32-384px"], vits["vit-large-p16"], vits["vit-large-p16-384px"])
	for _, arch := range []string{"deit-tiny-distilled", "deit-small-distilled", "deit-base-distilled", "deit-base-distilled-384px"} {
		v := vits[arch]
		v.eps = 1e-12
		out[arch+"-eps1e-12"] = v
	}
	add("-eps1e-5", 1e-5, true,
		vit{vitWidth: vitBase, size: 224, patch: 16}, vit{vitWidth: vitBase, size: 384, patch: 16},
		vit{vitWidth: vitBase, size: 224, patch: 32}, vit{vitWidth: vitBase, size: 256, patch: 32},
		vit{vitWidth: vitBase, size: 384, patch: 32}, vit{vitWidth: vitBase, size: 448, patch: 32},
		vit{vitWidth: vitLarge, size: 224, patch: 14}, vit{vitWidth: vitLarge, size: 336, patch: 14},
		vit{vitWidth: vitHuge, size: 224, patch: 14}, vit{vitWidth: vitHuge, size: 336, patch: 14}, vit{vitWidth: vitHuge, size: 378, patch: 14})
	return out
}

// sources returns the projects that publish the network, or others of the same tensors.
func (v vit) sources() projects {
	ours := v.eps == 0 || v.eps == vitEps
	network := fmt.Sprintf("%s_patch%d_%d", v.name, v.patch, v.size)
	switch {
	case v.probe, v.vitWidth == vitMoCo:
		return nil
	case v.distilled:
		all := projects{transformers: v.transformers()}
		if ours {
			all[timm] = v.ofTimm(fmt.Sprintf("deit_%s_distilled_patch%d_%d", v.name, v.patch, v.size))
		}
		return all
	case v.third:
		return projects{timm: v.ofTimm("deit3_" + network)}
	case v.mean: // which timm makes where it is told to, as MAE's own scripts do
		return projects{timm: v.ofTimm()}
	case v.preNorm:
		return projects{timm: v.clip()}
	}
	all := make(projects)
	all[transformers] = v.transformers()
	if ours {
		names := []string{"vit_" + network}
		if deits := []string{"tiny_patch16_224", "small_patch16_224", "base_patch16_224", "base_patch16_384"}; slices.Contains(deits, network) {
			names = append(names, "deit_"+network)
		}
		if v.size == 224 || v.size == 384 {
			s := v.ofTimm(names...)
			if v.name == "small" {
				s.Doubtful = map[string]string{"vit_small": "of 6 heads in DINO, and of 12 in MoCoV3"}
			}
			all[timm] = s
		}
		if name := fmt.Sprintf("vit_%c_%d", v.name[0], v.patch); v.hasTorchvision() {
			all[torchvision] = named(v.torchvision, name)
		}
	}
	return all
}

// clip returns timm's networks of CLIP, which have an eps of 1e-5 and come with GELU and, of some
// sizes, with OpenAI's QuickGELU.
func (v vit) clip() recipe.Source {
	name := fmt.Sprintf("vit_%s_patch%d_clip_%d", v.name, v.patch, v.size)
	var quick []string
	if v.size == 224 || v.name == "large" || v.size == 378 {
		quick = []string{fmt.Sprintf("vit_%s_patch%d_clip_quickgelu_%d", v.name, v.patch, v.size)}
	}
	if v.eps != 1e-5 {
		return alike(v.ofTimm(), append([]string{name}, quick...))
	}
	return alike(v.ofTimm(name), quick)
}

// ofTimm returns timm's source of the networks of names, whose tensors do not tell whether the class
// token is classified or the mean, unless the norm follows that.
func (v vit) ofTimm(networks ...string) recipe.Source {
	s := named(v.timm, networks...)
	s.Settings = timmArgs("token")
	if v.mean {
		s.Settings = timmArgs("avg")
	}
	return s
}

// hasTorchvision reports whether torchvision publishes weights for images of the network's size.
func (v vit) hasTorchvision() bool {
	sizes := map[string][]int{"base 16": {224, 384}, "base 32": {224}, "large 16": {224, 512}, "large 32": {224}, "huge 14": {224, 518}}
	return slices.Contains(sizes[fmt.Sprint(v.name, " ", v.patch)], v.size)
}

// timm renames timm's networks, and those of DeiT, MAE and others that were built on it.
func (v vit) timm() recipe.Recipe {
	layer, to := "blocks.*.", "backbone.layers.*."
	r := recipe.Recipe{
		recipe.Rename("cls_token", "backbone.cls_token"),
		recipe.Rename("pos_embed", "backbone.pos_embed"),
		recipe.Rename("patch_embed.proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename(layer+"norm*.*", to+"ln*.*"),
		recipe.Rename(layer+"attn.**", to+"attn.**"),
		recipe.Rename(layer+"mlp.fc1.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(layer+"mlp.fc2.*", to+"ffn.layers.1.*"),
	}
	if v.preNorm {
		r = append(r, recipe.Rename("norm_pre.*", "backbone.pre_norm.*"))
	}
	if v.third {
		r = append(r,
			recipe.Rename(layer+"ls1.gamma", to+"attn.gamma1.weight"),
			recipe.Rename(layer+"ls2.gamma", to+"ffn.gamma2.weight"))
		r = append(r, recipe.Formerly( // DeiT III's own files
			recipe.Rename(layer+"gamma_1", to+"attn.gamma1.weight"),
			recipe.Rename(layer+"gamma_2", to+"ffn.gamma2.weight"))...)
	}
	if v.mean {
		return append(r, recipe.Rename("fc_norm.*", "backbone.ln2.*"), recipe.Rename("head.*", "head.fc.*"))
	}
	if v.distilled {
		r = append(r, recipe.Rename("dist_token", "backbone.dist_token"), recipe.Rename("head_dist.*", "head.layers.head_dist.*"))
	}
	return append(r, recipe.Rename("norm.*", "backbone.ln1.*"), recipe.Rename("head.*", "head.layers.head.*"))
}

// torchvision renames torchvision's networks.
func (v vit) torchvision() recipe.Recipe {
	layer, to := "encoder.layers.encoder_layer_*.", "backbone.layers.*."
	r := recipe.Recipe{
		recipe.Rename("class_token", "backbone.cls_token"),
		recipe.Rename("encoder.pos_embedding", "backbone.pos_embed"),
		recipe.Rename("conv_proj.*", "backbone.patch_embed.projection.*"),
		recipe.Rename(layer+"ln_*.*", to+"ln*.*"),
		recipe.Rename(layer+"self_attention.in_proj_*", to+"attn.qkv.*"),
		recipe.Rename(layer+"self_attention.out_proj.*", to+"attn.proj.*"),
		recipe.Rename(layer+"mlp.0.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(layer+"mlp.3.*", to+"ffn.layers.1.*"),
		recipe.Rename("encoder.ln.*", "backbone.ln1.*"),
		recipe.Rename("heads.head.*", "head.layers.head.*"),
	}
	return append(r, recipe.Formerly(
		recipe.Rename(layer+"mlp.linear_1.*", to+"ffn.layers.0.0.*"),
		recipe.Rename(layer+"mlp.linear_2.*", to+"ffn.layers.1.*"))...)
}

// transformers renames the networks of that library, whose query, key and value are layers of
// their own.
func (v vit) transformers() recipe.Source {
	eps := v.eps
	if eps == 0 {
		eps = vitEps
	}
	return recipe.Source{Recipe: v.transformersNames, NeedsSettings: true, Settings: settings(
		is("hidden_act", "gelu", "gelu"), is("layer_norm_eps", 1e-12, eps), is("num_attention_heads", 12.0, float64(v.heads)))}
}

func (v vit) transformersNames() recipe.Recipe {
	const to = "backbone.layers.*."
	model := "vit"
	if v.distilled {
		model = "deit"
	}
	encoder := func(layer, out, fc1, fc2 string, parts ...string) recipe.Recipe {
		layer = model + "." + layer + ".*."
		r := recipe.Recipe{
			recipe.Rename(layer+"layernorm_before.*", to+"ln1.*"),
			recipe.Rename(layer+"layernorm_after.*", to+"ln2.*"),
			recipe.Rename(layer+out+".*", to+"attn.proj.*"),
			recipe.Rename(layer+fc1+".*", to+"ffn.layers.0.0.*"),
			recipe.Rename(layer+fc2+".*", to+"ffn.layers.1.*"),
		}
		for i, part := range parts {
			r = append(r, recipe.Join(i, len(parts), layer+part+".*", to+"attn.qkv.*"))
		}
		return r
	}
	r := recipe.Recipe{
		recipe.Rename(model+".embeddings.cls_token", "backbone.cls_token"),
		recipe.Rename(model+".embeddings.position_embeddings", "backbone.pos_embed"),
		recipe.Rename(model+".embeddings.patch_embeddings.projection.*", "backbone.patch_embed.projection.*"),
		recipe.Rename(model+".layernorm.*", "backbone.ln1.*"),
	}
	if v.distilled { // DeiTForImageClassificationWithTeacher
		r = append(r,
			recipe.Rename("deit.embeddings.distillation_token", "backbone.dist_token"),
			recipe.Rename("cls_classifier.*", "head.layers.head.*"),
			recipe.Rename("distillation_classifier.*", "head.layers.head_dist.*"))
	} else {
		r = append(r, recipe.Rename("classifier.*", "head.layers.head.*"))
	}
	r = append(r, encoder("layers", "attention.o_proj", "mlp.fc1", "mlp.fc2",
		"attention.q_proj", "attention.k_proj", "attention.v_proj")...)
	return append(r, recipe.Formerly( // as it still writes files
		encoder("encoder.layer", "attention.output.dense", "intermediate.dense", "output.dense",
			"attention.attention.query", "attention.attention.key", "attention.attention.value")...)...)
}
