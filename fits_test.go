package zoo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/internal/recipetest"
	"github.com/gozoo/zoo/internal/torchfile"
	"github.com/gozoo/zoo/tensor"
)

// TestFitsJoined finds what a file of transformers is of, in which query, key and value are
// tensors of their own, by either of the names that they have had.
func TestFitsJoined(t *testing.T) {
	f, err := backbone.Find("deit-tiny")
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph("deit-tiny", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var own tensor.StateDict
	for _, p := range g.Params {
		n, err := p.Shape.Numel()
		if err != nil {
			t.Fatal(err)
		}
		if err := own.Add(p.Name, tensor.FromFloat32s(p.Shape, make([]float32, n))); err != nil {
			t.Fatal(err)
		}
	}
	for _, former := range []bool{false, true} {
		theirs, err := recipetest.Inverse(f.Sources["deit-tiny"]["transformers"].Recipe(), &own, former)
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Len() != own.Len()+4*12 {
			t.Fatalf("%d tensors", theirs.Len())
		}
		dir := t.TempDir()
		for base, data := range map[string][]byte{
			"pytorch_model.bin": torchfile.Bytes(theirs),
			"config.json":       []byte(`{"model_type": "vit", "layer_norm_eps": 1e-6, "num_attention_heads": 3}`),
		} {
			if err := os.WriteFile(filepath.Join(dir, base), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := converter.Open(filepath.Join(dir, "pytorch_model.bin"))
		if err != nil {
			t.Fatal(err)
		}
		fits, err := newZoo(t).Fits(c)
		if err != nil {
			t.Fatal(err)
		}
		want := []zoo.Fit{{Arch: "deit-tiny", Recipe: "transformers", Classes: 1000, Models: []string{"deit-tiny_4xb256_in1k"}}}
		if d := cmp.Diff(want, fits); d != "" {
			t.Errorf("former %v (-want +got)\n%s", former, d)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
