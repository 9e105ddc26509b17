package golden_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/tensor"
)

// goldenFile writes a golden file of one image and two classes, changed by edit.
func goldenFile(t testing.TB, edit func(meta map[string]string, tensors map[string]tensor.Tensor)) []byte {
	t.Helper()
	meta := map[string]string{
		"format": golden.Format, "model": "m", "weights": "synthetic:0",
		"input": "synthetic:3", "shape": "1x3x4x5", "noise": "1e-6", "framework": "none",
	}
	tensors := map[string]tensor.Tensor{
		"logits":     tensor.FromFloat32s(tensor.Shape{1, 2}, []float32{1, 2}),
		"probe.stem": tensor.FromFloat32s(tensor.Shape{66}, make([]float32, 66)),
	}
	if edit != nil {
		edit(meta, tensors)
	}
	var sd tensor.StateDict
	for name, x := range tensors {
		if err := sd.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, &sd, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParse(t *testing.T) {
	g, err := golden.Parse("g", goldenFile(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if seed, ok := g.Weights.Seed(); !ok || seed != 0 {
		t.Errorf("weights: seed %d, %v", seed, ok)
	}
	if diff := cmp.Diff(tensor.Shape{1, 3, 4, 5}, g.Shape); diff != "" {
		t.Errorf("shape (-want +got):\n%s", diff)
	}
	in, err := g.NetworkInput()
	if err != nil || len(in) != 60 {
		t.Errorf("input: %d values, %v", len(in), err)
	}
}

func TestParseRefuses(t *testing.T) {
	type m = map[string]string
	type ts = map[string]tensor.Tensor
	tests := []struct {
		name string
		edit func(meta m, tensors ts)
		want string
	}{
		{"another format", func(meta m, _ ts) { meta["format"] = "zoo-golden/2" }, `"format"`},
		{"no model", func(meta m, _ ts) { delete(meta, "model") }, `"model" is missing`},
		{"no weights", func(meta m, _ ts) { delete(meta, "weights") }, `"weights" is missing`},
		{"bad noise", func(meta m, _ ts) { meta["noise"] = "-1" }, `"noise"`},
		{"NaN noise", func(meta m, _ ts) { meta["noise"] = "NaN" }, `"noise"`},
		{"bad shape", func(meta m, _ ts) { meta["shape"] = "1x3x4" }, `"shape"`},
		{"huge shape", func(meta m, _ ts) { meta["shape"] = "65536x3x65536x65536" }, "larger than"},
		{"no input", func(meta m, _ ts) { meta["input"] = "images:a.jpg" }, `"input"`},
		{"no logits", func(_ m, x ts) { delete(x, "logits") }, `"logits"`},
		{"another batch", func(meta m, _ ts) { meta["shape"] = "2x3x4x5" }, `"logits"`},
		{"a short probe", func(_ m, x ts) { x["probe.stem"] = tensor.FromFloat32s(tensor.Shape{2}, []float32{1, 2}) }, "(66)"},
		{"a stranger", func(_ m, x ts) { x["extra"] = tensor.FromFloat32s(tensor.Shape{1}, []float32{1}) }, "not part of the format"},
		{"another dtype", func(_ m, x ts) {
			x["logits"], _ = tensor.New(tensor.F16, tensor.Shape{1, 2}, make([]byte, 4))
		}, "expected F32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := golden.Parse("g", goldenFile(t, tt.edit))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestEmbeddedFiles shows that every embedded golden says all that the format asks for.
func TestEmbeddedFiles(t *testing.T) {
	models := golden.Models()
	if len(models) == 0 {
		t.Fatal("no model has a golden")
	}
	seen := map[string]bool{}
	for _, model := range models {
		goldens, err := golden.Embedded(model)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range goldens {
			seen[g.Name] = true
			if g.Model != model || g.Framework == "" || g.Noise == 0 || len(g.Probes) == 0 {
				t.Errorf("%s: model %q, framework %q, noise %g, %d probes", g.Name, g.Model, g.Framework, g.Noise, len(g.Probes))
			}
			if _, err := g.NetworkInput(); err != nil {
				t.Error(err)
			}
		}
	}
	files, err := filepath.Glob("*.safetensors.zst")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, f := range files {
		want[f] = true
	}
	if diff := cmp.Diff(want, seen, cmp.Comparer(maps.Equal[map[string]bool, map[string]bool])); diff != "" {
		t.Errorf("embedded goldens (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("g", goldenFile(f, nil))
	files, _ := filepath.Glob("*nano*.safetensors.zst")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		g, err := golden.Parse(name, data)
		if err != nil {
			return
		}
		if n, err := g.Shape.Numel(); err != nil || n > 1<<20 {
			t.Skip("an input that is not worth making here")
		}
		in, err := g.NetworkInput()
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := g.Shape.Numel(); n != len(in) || len(g.Logits) != g.Shape[0]*g.K {
			t.Errorf("shape %v, %d inputs, %d logits of %d classes", g.Shape, len(in), len(g.Logits), g.K)
		}
	})
}

// A file that is larger than any golden is not read to its end.
func TestOpenTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a quarter of a gigabyte")
	}
	path := filepath.Join(t.TempDir(), "huge.safetensors")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 300<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := golden.Open(path); err == nil || !strings.Contains(err.Error(), "huge.safetensors: expected at most 268435456 bytes") {
		t.Errorf("error %v", err)
	}
}
