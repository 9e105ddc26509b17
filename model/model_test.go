package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
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
func TestInputs(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	want, err := m.Logits(t.Context(), inputs(t, 3)...)
	if err != nil {
		t.Fatal(err)
	}
	x, h, w, err := m.Pipeline().Apply(nano.Image(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	y, _, _, err := m.Pipeline().Apply(nano.Image(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	large := make([]float32, 3*40*40)
	decoded, err := png.Decode(bytes.NewReader(nano.Digit(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Logits(t.Context(),
		model.Encoded(bytes.NewReader(nano.Digit(t, 0))),
		model.Tensor(tensor.Shape{1, 3, 40, 40}, large),
		model.Tensor(tensor.Shape{2, 3, h, w}, append(x, y...)),
		model.Image(decoded))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 {
		t.Fatalf("%d results for five images", len(got))
	}
	if diff := cmp.Diff([][]float32{want[0], want[1], want[2], want[0]}, [][]float32{got[0], got[2], got[3], got[4]}); diff != "" {
		t.Errorf("(-images +mixed):\n%s", diff)
	}
	none, err := m.Logits(t.Context())
	if err != nil || len(none) != 0 {
		t.Errorf("no images: %v, %v", none, err)
	}
}

// What is no input is an error that says why, and never a panic.
func TestBadInputs(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	nan := make([]float32, 3*32*32)
	nan[7] = float32(math.NaN())
	var nothing *vision.Image
	for _, tt := range []struct {
		name  string
		input model.Input
		want  string
	}{
		{"nil image", model.Image(nil), "expected an image, found nil"},
		{"nil pointer", model.Image(nothing), "expected an image, found nil"},
		{"no input", model.Input{}, "expected an image, found nil"},
		{"empty image", model.Image(&vision.Image{}), "expected sides of at least 1"},
		{"empty file", model.Encoded(strings.NewReader("")), "found no bytes"},
		{"no image", model.Encoded(strings.NewReader("<html>")), "expected a JPEG, PNG, WebP, BMP or TIFF image"},
		{"cut off", model.Encoded(bytes.NewReader(nano.Digit(t, 0)[:60])), "not enough pixel data"},
		{"channels", model.Tensor(tensor.Shape{1, 4, 32, 32}, make([]float32, 4*32*32)), "expected (N,3,H,W)"},
		{"values", model.Tensor(tensor.Shape{1, 3, 32, 32}, make([]float32, 5)), "expected as many values, found 5"},
		{"no batch", model.Tensor(tensor.Shape{0, 3, 32, 32}, nil), "expected (N,3,H,W)"},
		{"too large for a number", model.Tensor(tensor.Shape{1 << 40, 3, 1 << 40, 1 << 40}, nil), "expected as many values"},
		{"no number", model.Tensor(tensor.Shape{1, 3, 32, 32}, nan), "value 7 is NaN"},
	} {
		_, err := m.Logits(t.Context(), tt.input)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := m.Predict(t.Context(), nil); err == nil {
		t.Error("Predict(nil): no error")
	}
	if _, err := m.CAM(t.Context(), nil); err == nil {
		t.Error("CAM(nil): no error")
	}
}

// An image has at most as many pixels as the options say; without a word, what suits a
// server. The size is refused before memory is taken for it.
func TestMaxPixels(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8000, 8000))); err != nil {
		t.Fatal(err)
	}
	name := nano.Names[0]
	for limit, ok := range map[int]bool{0: false, 63_999_999: false, 64_000_000: true} {
		if ok && testing.Short() {
			continue
		}
		m, err := model.OpenFS(golden.Nano(), nano.File(t, name), model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline, MaxPixels: limit})
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Logits(t.Context(), model.Encoded(bytes.NewReader(picture.Bytes())))
		size := (*vision.SizeError)(nil)
		if errors.As(err, &size) == ok || ok && err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
		m.Close()
	}
	if model.DefaultMaxPixels > 32_000_000 {
		t.Error("the default bound is one for programs that decode one picture at a time")
	}
}

// endless is a reader without an end.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

// A reader without an end is not read for ever.
func TestEndlessReader(t *testing.T) {
	m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[0]), model.Options{Arch: nano.Arch(nano.Names[0]), Pipeline: nano.Pipeline, MaxPixels: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := new(endless)
	if _, err := m.Logits(t.Context(), model.Encoded(r)); err == nil || !strings.Contains(err.Error(), "expected at most") || r.read > 4<<20 {
		t.Errorf("error %v after %d bytes", err, r.read)
	}
}

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
	if _, err := m.Forward(t.Context(), []string{"backbone.stages.9"}, inputs(t, 1)...); err == nil || !strings.Contains(err.Error(), `no module "backbone.stages.9"`) {
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
func TestWith(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{Threads: 2})
	highest, err := m.With(model.Compute{Precision: tensor.Highest, Threads: 1, Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := model.Compute{Precision: tensor.Highest, Threads: 1, Concurrency: 1}
	if highest.Compute() != want || m.Compute().Precision != tensor.High {
		t.Errorf("%+v and %+v", highest.Compute(), m.Compute())
	}
	if _, err := highest.Logits(t.Context(), inputs(t, 1)...); err != nil {
		t.Fatal(err)
	}
	if _, err := m.With(model.Compute{Threads: -1}); !errors.Is(err, model.ErrOption) {
		t.Errorf("error %v", err)
	}
	m.Close()
	if _, err := highest.Logits(t.Context(), inputs(t, 1)...); !errors.Is(err, model.ErrClosed) {
		t.Errorf("a view of a closed model: %v", err)
	}
}

// A model may be closed while others use it: they get their result, or are refused.
func TestCloseWhileInUse(t *testing.T) {
	const name = "cspdarknet-nano_digits"
	data, err := fs.ReadFile(golden.Nano(), nano.File(t, name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mapped.pth")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m, err := model.Open(path, model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline, Compute: model.Compute{Concurrency: 2}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for {
					logits, err := m.Logits(t.Context(), inputs(t, 1+i%3)...)
					if errors.Is(err, model.ErrClosed) {
						return
					}
					if err != nil || len(logits) != 1+i%3 {
						t.Errorf("%d results, %v", len(logits), err)
						return
					}
				}
			})
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := m.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		img := nano.Image(t, 0)
		for what, f := range map[string]func() error{
			"Predict": func() error { _, err := m.Predict(t.Context(), img); return err },
			"Embed":   func() error { _, err := m.Embed(t.Context(), model.Image(img)); return err },
			"CAM":     func() error { _, err := m.CAM(t.Context(), img); return err },
			"Warm":    func() error { return m.Warm(t.Context()) },
		} {
			if err := f(); !errors.Is(err, model.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		if w := m.Weights(); w != (golden.Weights{}) {
			t.Errorf("weights of a closed model: %v", w)
		}
	}
}

// A context that has ended before a call is its error, whatever the input.
func TestEndedContext(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	img := nano.Image(t, 0)
	for what, f := range map[string]func() error{
		"Predict": func() error { _, err := m.Predict(ctx, img); return err },
		"Top":     func() error { _, err := m.Top(ctx, 3, model.Image(img)); return err },
		"Forward": func() error { _, err := m.Forward(ctx, nil, model.Image(img)); return err },
		"CAM":     func() error { _, err := m.CAM(ctx, img); return err },
		"Warm":    func() error { return m.Warm(ctx) },
	} {
		if err := f(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWarm(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	if err := m.Warm(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Warm(t.Context(), tensor.Shape{2, 3, 48, 40}, tensor.Shape{1, 3, 32, 32}); err != nil {
		t.Error(err)
	}
	if err := m.Warm(t.Context(), tensor.Shape{1, 1, 32, 32}); !errors.As(err, new(*nn.InputError)) {
		t.Errorf("one channel: %v", err)
	}
	bare, err := model.New(m.Graph(), m.Bound().StateDict(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.Warm(t.Context()); err == nil {
		t.Error("no size is known, and no error")
	}
	if err := bare.Warm(t.Context(), tensor.Shape{1, 3, 32, 32}); err != nil {
		t.Error(err)
	}
	if _, err := bare.Predict(t.Context(), nano.Image(t, 0)); !errors.Is(err, model.ErrOption) {
		t.Errorf("an image without a pipeline: %v", err)
	}
}

// Options that cannot be used are named.
func TestOptionErrors(t *testing.T) {
	name := nano.Names[0]
	for field, change := range map[string]func(o *model.Options){
		"Arch":        func(o *model.Options) { o.Arch = "cspresnet51" },
		"Classes":     func(o *model.Options) { o.Classes = []string{"cat", "dog"} },
		"Pipeline":    func(o *model.Options) { o.Pipeline.Std[0] = 0 },
		"MaxPixels":   func(o *model.Options) { o.MaxPixels = -1 },
		"Precision":   func(o *model.Options) { o.Precision = "exact" },
		"Threads":     func(o *model.Options) { o.Threads = model.MaxThreads + 1 },
		"Concurrency": func(o *model.Options) { o.Concurrency = -1 },
	} {
		o := model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline}
		change(&o)
		_, err := model.OpenFS(golden.Nano(), nano.File(t, name), o)
		var option *model.OptionError
		if !errors.As(err, &option) || option.Field != field || !errors.Is(err, model.ErrOption) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := model.OpenFS(golden.Nano(), nano.File(t, name), model.Options{Arch: nano.Arch(name), Recipe: "keras"}); !errors.Is(err, model.ErrOption) {
		t.Errorf("an unknown recipe: %v", err)
	}
	if _, err := model.OpenFS(golden.Nano(), "none.pth", model.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := model.Parse("x.pth", []byte("no checkpoint"), model.Options{Arch: nano.Arch(name)}); !errors.Is(err, converter.ErrCheckpoint) {
		t.Errorf("bytes that are no checkpoint: %v", err)
	}
	if _, err := model.OpenFS(golden.Nano(), nano.File(t, name), model.Options{Arch: "cspresnet-nano"}); !errors.Is(err, converter.ErrCheckpoint) {
		t.Errorf("weights of another network: %v", err)
	}
}

// Names that the options give stand in predictions, and in their JSON.
func TestOwnClassNames(t *testing.T) {
	names := strings.Split("zero one two three four five six seven eight nine", " ")
	m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[1]), model.Options{Arch: nano.Arch(nano.Names[1]), Pipeline: nano.Pipeline, Classes: names})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Predict(t.Context(), nano.Image(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(model.Prediction{Class: p.Class, Name: p.Name, Score: 0.5})
	if want := `{"class":5,"name":"five","score":0.5}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	cam, err := m.CAM(t.Context(), nano.Image(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Class, Height, Width int
		Name                 string
		Values               []float32
	}
	if text, err = json.Marshal(cam); err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || back.Class != 5 || back.Name != "five" || back.Height != 4 || back.Width != 4 || len(back.Values) != 16 {
		t.Errorf("%s, %v", text, err)
	}
}
