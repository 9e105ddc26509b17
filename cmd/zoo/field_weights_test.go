package main

import (
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/internal/nano"
)

// TestFieldWeights plays what people bring for weights: averages beside what they are of,
// prefixes, wrappers, parts of networks, and numbers of other kinds.
func TestFieldWeights(t *testing.T) {
	dir := corpus(t, "field")
	cache, out := t.TempDir(), t.TempDir()
	digit := filepath.Join(out, "00003.png")
	write(t, digit, nano.Digit(t, 3))
	photo := filepath.Join(corpus(t, "real"), "images", "dog.jpg")
	digits := func(file string, more ...string) []string {
		return append([]string{"predict", "cspresnet-nano_digits", digit, "--top", "1", "--checkpoint", filepath.Join(dir, file)}, more...)
	}
	resnet := func(file string, more ...string) []string {
		return append([]string{"predict", "resnet18_8xb32_in1k", photo, "--top", "1", "--checkpoint", filepath.Join(dir, file)}, more...)
	}
	ema := unpacked(t, filepath.Join(dir, "03_timm_resnet18_ema.pth.tar.zst"))
	timm := func(more ...string) []string {
		return append([]string{"predict", "resnet18_8xb32_in1k", photo, "--top", "1", "--checkpoint", ema}, more...)
	}
	embed := func(file string) []string {
		return []string{"embed", "resnet18_8xb32_in1k", photo, "--checkpoint", filepath.Join(dir, file)}
	}
	convert := func(file string, more ...string) []string {
		return append([]string{"convert", filepath.Join(dir, file), "-o", filepath.Join(out, "out.safetensors")}, more...)
	}
	const right, raw, cat = "    5  0.9986", "    5  0.8482", "  281  0.8902"
	play(t, cache, []situation{
		{name: "the control", args: digits("00_control.pth.zst"), says: []string{right}},
		{name: "the noisy control", args: digits("00_noisy.pth.zst"), says: []string{raw}},
		{name: "timm's average", args: timm(), says: []string{cat, `the weights are "state_dict_ema"`, "--weights state_dict"}},
		{name: "timm's last weights", args: timm("--weights", "state_dict"), says: []string{"    7  0.8902", "--weights state_dict_ema"}},
		{name: "torchvision's average", args: digits("03_model_ema.pth.zst"), says: []string{right, `"model" (--weights model)`}},
		{name: "torchvision's last weights", args: digits("03_model_ema.pth.zst", "--weights", "model"), says: []string{raw}},
		{name: "MMEngine's average", args: digits("03_mmengine_ema.pth.zst"), says: []string{right, "ema_state_dict", "MMEngine"}},
		{name: "MMEngine's last weights", args: digits("03_mmengine_ema.pth.zst", "--weights", "ema_state_dict"), says: []string{raw}},
		{name: "an unknown key", args: digits("03_model_ema.pth.zst", "--weights", "ema"), status: exitUsage,
			says: []string{"--weights:", `"model" (104 tensors)`, `"model_ema" (104 tensors)`}},
		{name: "a key of optimiser state", args: digits("03_model_ema.pth.zst", "--weights", "optimizer"), status: exitUsage, says: []string{`"model_ema"`}},
		{name: "Lightning", args: digits("04_lightning.ckpt.zst"), says: []string{right, `the prefix "model."`}},
		{name: "Lightning with a loss and a metric", args: digits("04_lightning_loss.ckpt.zst"), says: []string{right, `"criterion.weight", "val_acc.tp"`}},
		{name: "Lightning with torchvision's names", args: resnet("04_lightning_resnet18.ckpt.zst"), says: []string{cat, `the prefix "model."`}},
		{name: "SWA", args: digits("05_swa.pth.zst"), says: []string{right, `"n_averaged"`}},
		{name: "DeepSpeed", args: digits("06_mp_rank_00_model_states.pt.zst"), says: []string{right}},
		{name: "ZeRO 3", args: digits("06_zero3_mp_rank_00_model_states.pt"), status: exitCheckpoint, says: []string{"zero_to_fp32.py"}},
		{name: "ZeRO 3, to be converted", args: convert("06_zero3_mp_rank_00_model_states.pt"), status: exitCheckpoint, says: []string{"zero_to_fp32.py"}},
		{name: "TimmClassifier", args: resnet("15_TimmClassifier_resnet18.pth.zst"), says: []string{cat, `the prefix "model."`}},
		{name: "TIMMBackbone", args: resnet("15_TIMMBackbone_resnet18.pth.zst"), says: []string{cat, `the prefix "backbone.timm_model."`, `the classifier is "head.fc"`}},
		{name: "transformers", args: resnet("19_hf_resnet18.bin.zst"), says: []string{cat}},
		{name: "half precision", args: digits("18_half.pth"), says: []string{right}},
		{name: "no classifier", args: resnet("20_headless.pth.zst"), status: exitCheckpoint, says: []string{"the classifier is missing", "embed"}, never: []string{"0.00"}},
		{name: "features without a classifier", args: embed("20_headless.pth.zst"), says: []string{"dog.jpg,0,0", "no classifier"}},
		{name: "MoCo", args: resnet("20_moco.pth.tar.zst"), status: exitCheckpoint, says: []string{"the classifier is missing"}},
		{name: "MoCo's features", args: embed("20_moco.pth.tar.zst"), says: []string{"dog.jpg,0,0", `"encoder_q."`, `"module.queue"`}},
		{name: "no classifier, evaluated", status: exitCheckpoint, says: []string{"the classifier is missing"},
			args: []string{"eval", "resnet18_8xb32_in1k", "--data", filepath.Join(dir, "22_v2"), "--checkpoint", filepath.Join(dir, "20_headless.pth.zst")}},
		{name: "no classifier, converted", args: convert("20_headless.pth.zst", "--model", "resnet18_8xb32_in1k"), says: []string{"120 tensors", "no classifier"}},
		{name: "and read again", args: []string{"embed", "resnet18_8xb32_in1k", photo, "--checkpoint", filepath.Join(out, "out.safetensors")}, says: []string{"dog.jpg,0,0"}},
		{name: "NaN", args: digits("36_nan.pth.zst"), status: exitCheckpoint, says: []string{`tensor "backbone.stages.1.final_conv.bn.running_var" holds NaN`}},
		{name: "mixed types", args: digits("39_mixed.safetensors"), says: []string{right}},
		{name: "float8", args: digits("39_float8.safetensors"), says: []string{"    5  0.99", "17 tensors of float8 read as float32"}},
		{name: "float8, converted", args: convert("39_float8.safetensors", "--model", "cspresnet-nano_digits"), says: []string{"104 tensors"}},
		{name: "int8", args: digits("39_int8.safetensors"), status: exitCheckpoint, says: []string{"quantised", "weight_scale"}},
		{name: "1001 classes", args: resnet("40_1001_classes.pth.zst"), says: []string{"  282  0.8901"}},
		{name: "what a file holds", args: convert("03_model_ema.pth.zst", "--explain"),
			says: []string{`weights    "model"  (104 tensors)`, `weights    "model_ema"  (104 tensors, taken)`}},
	})
}
