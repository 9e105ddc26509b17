package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/internal/torchfile"
	"github.com/gozoo/zoo/tensor"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// digitWeights returns the weights of a network for digits, whose classifier's bias is raised
// for one class so far that it always wins; -1 for none.
func digitWeights(t *testing.T, always int) *tensor.StateDict {
	t.Helper()
	file := nano.File(t, nano.Names[1])
	data, err := fs.ReadFile(golden.Nano(), file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := converter.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	sd, err := c.StateDict()
	if err != nil {
		t.Fatal(err)
	}
	out := new(tensor.StateDict)
	for name, x := range sd.All() {
		if name == "head.fc.bias" && always >= 0 {
			bias := make([]float32, 10)
			bias[always] = 1000
			x = tensor.FromFloat32s(tensor.Shape{10}, bias)
		}
		if err := out.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestWeights plays files that hold several networks, or one in another form, through every
// command that takes a checkpoint.
func TestWeights(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	digit, name := at("3.png"), nano.Names[1]
	write(t, digit, nano.Digit(t, 3))
	good, other := digitWeights(t, -1), digitWeights(t, 7)
	var headless, sequential torchfile.Dict
	for name, x := range good.All() {
		if head, ok := strings.CutPrefix(name, "head.fc."); ok {
			sequential = append(sequential, "head.fc.1."+head, x)
			continue
		}
		headless, sequential = append(headless, name, x), append(sequential, name, x)
	}
	write(t, at("ema.pth"), torchfile.Bytes(torchfile.Dict{"state_dict", other, "state_dict_ema", good, "epoch", 3}))
	write(t, at("two.pth"), torchfile.Bytes(append(torchfile.Of(good, "a."), torchfile.Of(other, "b.")...)))
	write(t, at("headless.pth"), torchfile.Bytes(headless))
	write(t, at("sequential.ckpt"), torchfile.Bytes(torchfile.Dict{"state_dict", sequential}))
	write(t, at("sgd.pth"), torchfile.Bytes(torchfile.Dict{"optimizer", torchfile.Dict{"state", headless, "param_groups", torchfile.List{}}}))
	predict := func(file string, more ...string) []string {
		return append([]string{"predict", name, digit, "--top", "1", "--checkpoint", at(file)}, more...)
	}
	const five, seven = "    5  0.99", "    7  1.0000"
	play(t, t.TempDir(), []situation{
		{name: "an average", args: predict("ema.pth"), says: []string{five, "--weights state_dict"}},
		{name: "the last weights", args: predict("ema.pth", "--weights", "state_dict"), says: []string{seven, "--weights state_dict_ema"}},
		{name: "quietly", args: predict("ema.pth", "-q"), says: []string{five}, never: []string{"--weights"}},
		{name: "two networks", args: predict("two.pth"), status: exitCheckpoint, says: []string{"--weights a, --weights b"}},
		{name: "one of them", args: predict("two.pth", "--weights", "b"), says: []string{seven}},
		{name: "neither", args: predict("two.pth", "--weights", "c"), status: exitUsage, says: []string{"--weights: ", `names begin with "a" (104), "b" (104)`}},
		{name: "of the published file", args: []string{"predict", name, digit, "--top", "1", "--weights", "state_dict"}, says: []string{five}},
		{name: "nothing in the published file", args: []string{"predict", name, digit, "--weights", "x"}, status: exitUsage, says: []string{"no weights under"}},
		{name: "a Sequential for a classifier", args: predict("sequential.ckpt"), says: []string{five, `the classifier is "head.fc.1"`}},
		{name: "an optimiser alone", args: predict("sgd.pth"), status: exitCheckpoint, says: []string{"state of training"}},

		{name: "embed", args: []string{"embed", name, digit, "--checkpoint", at("two.pth"), "--weights", "a"}, says: []string{"3.png,"}},
		{name: "eval", args: []string{"eval", name, "--limit", "20", "--checkpoint", at("two.pth"), "--weights", "a"}, says: []string{"Top-1"}},
		{name: "verify", args: []string{"verify", name, "--checkpoint", at("ema.pth")}, says: []string{"PASS"}, never: []string{"FAIL"}},
		{name: "verify, other weights", args: []string{"verify", name, "--checkpoint", at("ema.pth"), "--weights", "state_dict"}, status: exitVerify, says: []string{"FAIL"}},
		{name: "bench", args: []string{"bench", name, "--runs", "0", "--checkpoint", at("two.pth"), "--weights", "a"}, says: []string{"computed once"}},
		{name: "bench, no such weights", args: []string{"bench", name, "--runs", "0", "--checkpoint", at("two.pth"), "--weights", "c"}, status: exitUsage},

		{name: "no classifier: predict", args: predict("headless.pth"), status: exitCheckpoint, says: []string{"the classifier is missing"}},
		{name: "no classifier: predict --cam", args: predict("headless.pth", "--cam", at("cam.png")), status: exitCheckpoint, says: []string{"the classifier is missing"}},
		{name: "no classifier: eval", args: []string{"eval", name, "--checkpoint", at("headless.pth")}, status: exitCheckpoint, says: []string{"the classifier is missing"}},
		{name: "no classifier: verify", args: []string{"verify", name, "--checkpoint", at("headless.pth")}, status: exitCheckpoint, says: []string{"the classifier is missing"}},
		{name: "no classifier: embed", args: []string{"embed", name, digit, "--checkpoint", at("headless.pth")}, says: []string{"3.png,", "it gives features"}},
		{name: "no classifier: convert", args: []string{"convert", at("headless.pth"), "--model", name, "-o", at("headless.safetensors")}, says: []string{"102 tensors"}},
		{name: "no classifier: read again", args: []string{"embed", name, digit, "--checkpoint", at("headless.safetensors")}, says: []string{"3.png,"}},
		{name: "no classifier: ONNX", args: []string{"convert", at("headless.pth"), "--model", name, "-o", at("headless.onnx")}, says: []string{"102 tensors"}},

		{name: "convert", args: []string{"convert", at("ema.pth"), "--weights", "state_dict", "-o", at("raw.safetensors")}, says: []string{"104 tensors"}},
		{name: "what was converted", args: predict("raw.safetensors"), says: []string{seven}},
		{name: "explain", args: []string{"convert", at("ema.pth"), "--explain", "-o", at("x.safetensors")},
			says: []string{`weights    "state_dict_ema"  (104 tensors, taken)`, `weights    "state_dict"  (104 tensors)`}},
		{name: "with --all", args: []string{"convert", at("ema.pth"), "--all", "--weights", "state_dict"}, status: exitUsage},
	})

	// What was taken stands in the file.
	f, err := safetensors.Open(at("raw.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Metadata()[converter.MetaWeights]; got != "state_dict" {
		t.Errorf("the file says it has weights %q, want state_dict", got)
	}
	f, err = safetensors.Open(at("headless.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Metadata()[converter.MetaEdits]; !strings.Contains(got, "no classifier") {
		t.Errorf("the file says it has edits %q", got)
	}
}
