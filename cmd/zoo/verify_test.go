package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/tensor"
)

// goldenFile writes a nano network's golden to a file, its tensors changed.
func goldenFile(t *testing.T, name string, change func(name string, values []float32)) string {
	t.Helper()
	files, err := golden.Files(name)
	packed := files[name+".images.safetensors.zst"]
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(name, plain)
	if err != nil {
		t.Fatal(err)
	}
	var sd tensor.StateDict
	for name, x := range f.StateDict().All() {
		values, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		changed := append([]float32(nil), values...)
		change(name, changed)
		if err := sd.Add(name, tensor.FromFloat32s(x.Shape(), changed)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "my.golden.safetensors")
	if err := safetensors.WriteFile(path, &sd, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerifyGoldenFile(t *testing.T) {
	const nano = "cspdarknet-nano_digits"
	for _, tt := range []struct {
		name   string
		change func(name string, values []float32)
		status int
		stdout []string
	}{
		{"as it is", func(string, []float32) {}, exitOK, []string{"PASS " + nano + " 8x3x32x32", "headroom", "pixels: 24576 values, equal"}},
		{"altered logits", func(name string, x []float32) {
			if name == "logits" {
				x[17] += 0.01
			}
		}, exitVerify, []string{"FAIL " + nano, "first bad layer logits: value 17"}},
		{"altered probe", func(name string, x []float32) {
			if name == "probe.backbone.stages.1.blocks.0.conv2" {
				x[0] *= 1.01
			}
		}, exitVerify, []string{"FAIL " + nano, "first bad layer backbone.stages.1.blocks.0.conv2"}},
		{"altered input", func(name string, x []float32) {
			if name == "input" {
				x[0] += 0.5
			}
		}, exitVerify, []string{"FAIL " + nano, "pixels: 24576 values, 1 differ"}},
		{"input that is no number", func(name string, x []float32) {
			if name == "input" {
				x[0] = float32(math.NaN())
			}
		}, exitVerify, []string{"FAIL " + nano, "found NaN", "pixels: 24576 values, 1 differ"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := goldenFile(t, nano, tt.change)
			got := command(t, t.TempDir(), "verify", nano, "--golden", file)
			if got.status != tt.status {
				t.Errorf("exit status %d, expected %d: %s", got.status, tt.status, got.stderr)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(got.stdout, part) {
					t.Errorf("no %q in:\n%s", part, got.stdout)
				}
			}
			var doc struct {
				Pass   bool
				Checks []struct{ Pass bool }
			}
			asJSON := command(t, t.TempDir(), "verify", nano, "--golden", file, "--format", "json")
			if err := json.Unmarshal([]byte(asJSON.stdout), &doc); err != nil {
				t.Fatal(err)
			}
			if pass := tt.status == exitOK; doc.Pass != pass || len(doc.Checks) != 1 || doc.Checks[0].Pass != pass || asJSON.status != tt.status {
				t.Errorf("JSON says %+v with exit status %d", doc, asJSON.status)
			}
		})
	}
	other := goldenFile(t, nano, func(string, []float32) {})
	if got := command(t, t.TempDir(), "verify", "cspresnet-nano_digits", "--golden", other); got.status != exitVerify {
		t.Errorf("a golden of another model: exit status %d: %s", got.status, got.stderr)
	}
	// A checkpoint of three classes cannot be judged by a golden of ten.
	cache := t.TempDir()
	got := command(t, cache, "verify", nano, "--golden", other, "--checkpoint", fineTuned(t, cache, nano, nil))
	if want := "zoo: my.golden.safetensors: golden: expected 80 logits in rows of 10, found 24\n"; got.status != exitVerify || got.stderr != want {
		t.Errorf("exit status %d, %q, expected %q", got.status, got.stderr, want)
	}
}
