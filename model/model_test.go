package model_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// inputs are the first images of digits, as model.Image.
func inputs(t testing.TB, n int) (out []model.Input) {
	t.Helper()
	for i := range n {
		out = append(out, model.Image(nano.Image(t, i)))
	}
	return out
}

// A model is the same whatever its weights come from.
func TestSourcesOfWeights(t *testing.T) {
	const name = "cspresnext-nano_digits"
	o := model.Options{Name: name, Arch: nano.Arch(name), Pipeline: nano.Pipeline}
	file := nano.File(t, name)
	data, err := fs.ReadFile(golden.Nano(), file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	fromFS := nano.Open(t, name, model.Compute{})
	want, err := fromFS.Logits(t.Context(), inputs(t, 3)...)
	if err != nil {
		t.Fatal(err)
	}
	for source, open := range map[string]func() (*model.Model, error){
		"file":  func() (*model.Model, error) { return model.Open(path, o) },
		"bytes": func() (*model.Model, error) { return model.Parse(file, data, o) },
		"state dict": func() (*model.Model, error) {
			own := o
			own.Arch = ""
			own.Weights = fromFS.Weights()
			return model.New(fromFS.Graph(), fromFS.Bound().StateDict(), own)
		},
	} {
		m, err := open()
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		defer m.Close()
		got, err := m.Logits(t.Context(), inputs(t, 3)...)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-file system +%[1]s):\n%s", source, diff)
		}
		if m.Name() != name || m.Weights() != fromFS.Weights() || !strings.HasPrefix(m.Weights().String(), "sha256:7c7635eb") {
			t.Errorf("%s: %s with weights %v", source, m.Name(), m.Weights())
		}
	}
}

// The reference framework's first classes come out, for all inputs and in batches too.
func TestTop(t *testing.T) {
	images, want := nano.Predictions(t)
	for _, name := range nano.Names {
		m := nano.Open(t, name, model.Compute{Precision: tensor.Highest})
		top, err := m.Top(t.Context(), 5, inputs(t, 20)...)
		if err != nil {
			t.Fatal(err)
		}
		for i, predictions := range top {
			var classes []string
			for _, p := range predictions {
				classes = append(classes, string(rune('0'+p.Class)))
			}
			if got := strings.Join(classes, ","); got != want[name][i] {
				t.Errorf("%s, %s: %s, the reference has %s", name, images[i], got, want[name][i])
			}
		}
		if few, err := m.Top(t.Context(), 0, inputs(t, 1)...); err != nil || len(few[0]) != 1 {
			t.Errorf("no classes asked for: %v, %v", few, err)
		}
		if many, err := m.Top(t.Context(), 99, inputs(t, 1)...); err != nil || len(many[0]) != 10 {
			t.Errorf("more classes than there are: %v, %v", many, err)
		}
	}
}

// Logits of a batch equal those of its images one by one, bit for bit, at every precision:
// how a layer is computed does not depend on the batch. The same holds for features.
func TestBatchEqualsOneByOne(t *testing.T) {
	for _, p := range tensor.Precisions() {
		m := nano.Open(t, nano.Names[2], model.Compute{Precision: p})
		const n = 19 // two batches, and a part of one
		all, err := m.Logits(t.Context(), inputs(t, n)...)
		if err != nil {
			t.Fatal(err)
		}
		features, err := m.Embed(t.Context(), inputs(t, n)...)
		if err != nil {
			t.Fatal(err)
		}
		best, err := m.PredictAll(t.Context(), inputs(t, n)...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			img := nano.Image(t, i)
			one, err := m.Logits(t.Context(), model.Image(img))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(one[0], all[i]); diff != "" {
				t.Errorf("%s, image %d (-alone +in a batch):\n%s", p, i, diff)
			}
			x, err := m.Embed(t.Context(), model.Image(img))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(x[0], features[i]); diff != "" {
				t.Errorf("%s, features of image %d (-alone +in a batch):\n%s", p, i, diff)
			}
			if alone, err := m.Predict(t.Context(), img); err != nil || alone != best[i] {
				t.Errorf("%s, image %d: %+v alone, %+v in a batch, %v", p, i, alone, best[i], err)
			}
		}
	}
}

// An image, its file and its tensor are one input; images of several sizes may be mixed.
// What is no input is an error that says why, and never a panic.
// An image has at most as many pixels as the options say; without a word, what suits a
// server. The size is refused before memory is taken for it.
// endless is a reader without an end.
// A reader without an end is not read for ever.
// Forward gives the values of inner layers: those that enter the classifier give its
// logits.
func TestForward(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{Precision: tensor.Highest})
	paths := []string{"neck", "backbone.stages.1", "backbone.stem"}
	for _, path := range paths {
		if !contains(m.Paths(), path) {
			t.Fatalf("no %q among %q", path, m.Paths())
		}
	}
	outputs, err := m.Forward(t.Context(), paths, inputs(t, 10)...)
	if err != nil {
		t.Fatal(err)
	}
	features, err := m.Embed(t.Context(), inputs(t, 10)...)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(t.Context(), inputs(t, 10)...)
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := m.Graph().Shapes(tensor.Shape{1, 3, 32, 32})
	if err != nil {
		t.Fatal(err)
	}
	at := make(map[string]int)
	for _, p := range m.Graph().Probes {
		at[p.Path] = p.Value
	}
	for i, out := range outputs {
		if diff := cmp.Diff(logits[i], out.Logits); diff != "" {
			t.Errorf("image %d: logits (-alone +with values):\n%s", i, diff)
		}
		for j, v := range out.Values {
			if n, _ := v.Shape.Numel(); v.Path != paths[j] || !v.Shape.Equal(shapes[at[v.Path]]) || n != len(v.Data) {
				t.Errorf("image %d: %s is %v of %d values, want %s of shape %v", i, v.Path, v.Shape, len(v.Data), paths[j], shapes[at[v.Path]])
			}
		}
		if diff := cmp.Diff(features[i], out.Values[0].Data); diff != "" {
			t.Errorf("image %d: the neck's output is not the features:\n%s", i, diff)
		}
	}
	if _, err := m.Forward(t.Context(), []string{"backbone.stages.9"}, inputs(t, 1)...); err == nil ||
		!strings.Contains(err.Error(), `no module "backbone.stages.9"`) {
		t.Errorf("error %v", err)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// The classifier's weights times the features, plus its biases, are the logits.
func TestEmbed(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	values := func(name string) []float32 {
		x, ok := m.Bound().StateDict().Lookup(name)
		if !ok {
			t.Fatalf("no tensor %q", name)
		}
		v, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	w, bias := values("head.fc.weight"), values("head.fc.bias") // (10,64), (10)
	x, err := m.Embed(t.Context(), inputs(t, 2)[1])
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(t.Context(), inputs(t, 2)[1])
	if err != nil {
		t.Fatal(err)
	}
	if len(x[0]) != 64 || len(logits[0]) != 10 {
		t.Fatalf("%d features and %d logits, expected 64 and 10", len(x[0]), len(logits[0]))
	}
	for k, got := range logits[0] {
		want := float64(bias[k])
		for i, v := range x[0] {
			want += float64(w[64*k+i]) * float64(v)
		}
		if diff := math.Abs(want - float64(got)); diff > 1e-4 {
			t.Errorf("logit %d: %g from the features, %g from the network", k, want, got)
		}
	}
}

// A view computes otherwise with the same weights, and is closed with the model.
// A model may be closed while others use it: they get their result, or are refused.
// A context that has ended before a call is its error, whatever the input.
// Options that cannot be used are named.
// Names that the options give stand in predictions, and in their JSON.
