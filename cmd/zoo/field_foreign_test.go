package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFieldForeign plays what people bring that is no checkpoint, or one in parts.
func TestFieldForeign(t *testing.T) {
	dir := corpus(t, "field")
	out := t.TempDir()
	picture := imageFile(t, "val/00003.png")
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	refused := func(name, path string, says ...string) []situation {
		return []situation{
			{name: "convert " + name, args: []string{"convert", path, "-o", filepath.Join(out, "x.safetensors")}, status: exitCheckpoint, says: says},
			{name: "predict " + name, args: []string{"predict", "cspresnet-nano_digits", "--checkpoint", path, picture}, status: exitCheckpoint, says: says},
			{name: "inspect " + name, args: []string{"inspect", path}, status: exitCheckpoint, says: says},
		}
	}
	var list []situation
	for name, path := range map[string]string{
		"index": "11_sharded/model.safetensors.index.json", "first shard": "11_sharded/model-00001-of-00002.safetensors",
		"second shard": "11_sharded/model-00002-of-00002.safetensors", "folder": "11_sharded",
	} {
		list = append(list,
			situation{name: "predict " + name, args: []string{"predict", "cspresnet-nano_digits", "--checkpoint", in(path), picture}, says: []string{"5  0.9986"}},
			situation{name: "convert " + name, args: []string{"convert", in(path), "-o", filepath.Join(out, name+".safetensors")}, says: []string{"104 tensors"}},
			situation{name: "inspect " + name, args: []string{"inspect", in(path)}, says: []string{"104 tensors", "--model cspresnet-nano_digits"}},
		)
	}
	join := "python -m torch.distributed.checkpoint.format_utils dcp_to_torch SRC DST"
	list = append(list, refused("dcp folder", in("12_dcp"), join)...)
	list = append(list, refused("dcp shard", in("12_dcp/__0_0.distcp"), join)...)
	list = append(list, refused("dcp metadata", in("12_dcp/.metadata"), join)...)
	list = append(list, refused("exported", in("13_exported.pt2"), "an exported program: save its state_dict")...)
	list = append(list, refused("ZeRO", in("06_zero3_mp_rank_00_model_states.pt"), "zero_to_fp32.py")...)
	list = append(list,
		situation{name: "scan of the corpus", args: []string{"scan", dir}, never: []string{"UNSAFE"}},
		situation{name: "import of another file", args: []string{"import", in("00_noisy.pth.zst")}, status: exitUnknown, says: []string{"--model cspresnet-nano_digits"}},
		situation{name: "conversion of another file", args: []string{"convert", in("00_noisy.pth.zst"), "-o", filepath.Join(out, "noisy.safetensors")},
			says: []string{"the tensors are those of --model cspresnet-nano_digits"}},
	)
	play(t, t.TempDir(), list)
}

// TestFieldKnown plays a published file that comes without its name.
func TestFieldKnown(t *testing.T) {
	published := filepath.Join(corpus(t, "real"), "efficientnet-lite0-57934424.pth")
	data, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	renamed := filepath.Join(dir, "model.pth")
	if err := os.WriteFile(renamed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, t.TempDir(), []situation{
		{name: "import", args: []string{"import", renamed}, says: []string{"efficientnet-lite0_3rdparty_in1k"}},
		{name: "convert", args: []string{"convert", renamed, "-o", filepath.Join(dir, "x.safetensors")}, says: []string{"converted as efficientnet-lite0_3rdparty_in1k"}},
		{name: "inspect", args: []string{"inspect", renamed}, says: []string{"published as efficientnet-lite0_3rdparty_in1k", "legacy"}},
	})
}
