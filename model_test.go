package zoo_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

func decode(t testing.TB, m *zoo.Model, data []byte) *vision.Image {
	t.Helper()
	img, err := vision.Decode(data, m.DecodeOptions())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The shortest way in takes its settings from the environment.
func TestOpenFromEnvironment(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	t.Setenv(zoo.EnvCache, cache)
	t.Setenv(zoo.EnvOffline, "1")
	m, err := zoo.Open(context.Background(), nanos[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := os.Stat(cache); err != nil || m.Entry().Name != nanos[0] {
		t.Errorf("opened %s with the cache at %s: %v", m.Entry().Name, cache, err)
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := newZoo(t).Open(context.Background(), "cspresnet_50")
	var unknown *registry.UnknownError
	if !errors.As(err, &unknown) || len(unknown.Near) == 0 {
		t.Errorf("expected an unknown model with near names, found %v", err)
	}
}

// Every entry's network can be made, weights or not, and its preprocessing.
func TestEveryEntry(t *testing.T) {
	z := newZoo(t)
	for _, e := range z.Registry().All() {
		if _, err := z.Graph(e.Name); err != nil {
			t.Error(err)
		}
		if _, err := z.Preprocessing(e.Name); err != nil {
			t.Error(err)
		}
	}
}

// One model serves many goroutines.
func TestPredictConcurrently(t *testing.T) {
	m, err := newZoo(t).Open(context.Background(), nanos[2])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	const images = 16
	var alone [images][]float32
	for i := range alone {
		if alone[i], err = m.Logits(ctx, decode(t, m, digit(t, i))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range alone {
				got, err := m.Logits(ctx, decode(t, m, digit(t, i)))
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(alone[i], got); diff != "" {
					t.Errorf("image %d among others (-alone +got):\n%s", i, diff)
				}
			}
		})
	}
	wg.Wait()
}

// The classifier's weights times the features, plus its biases, are the logits.
func TestEmbed(t *testing.T) {
	z := newZoo(t)
	ctx := context.Background()
	c, err := z.Convert(ctx, nanos[0], zoo.ConvertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := func(name string) []float32 {
		x, ok := f.StateDict().Lookup(name)
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
	m, err := z.Open(ctx, nanos[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	img := decode(t, m, digit(t, 1))
	x, err := m.Embed(ctx, img)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(ctx, img)
	if err != nil {
		t.Fatal(err)
	}
	if len(x) != 64 || len(logits) != 10 {
		t.Fatalf("%d features and %d logits, expected 64 and 10", len(x), len(logits))
	}
	for k, got := range logits {
		want := float64(bias[k])
		for i, v := range x {
			want += float64(w[64*k+i]) * float64(v)
		}
		if diff := math.Abs(want - float64(got)); diff > 1e-4 {
			t.Errorf("logit %d: %g from the features, %g from the network", k, want, got)
		}
	}
}

// Weights that lead to what is no number are refused where they are used: such scores
// have no order, and JSON has no word for them.
func TestWeightsThatAreNoNumbers(t *testing.T) {
	z := newZoo(t)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		m, err := z.OpenFile(nanos[1], edited(t, z, nil, func(name string, x tensor.Tensor) tensor.Tensor {
			if name != "head.fc.bias" {
				return x
			}
			values := make([]float32, 10)
			values[3] = float32(bad)
			return tensor.FromFloat32s(x.Shape(), values)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		img := decode(t, m, digit(t, 1))
		for what, f := range map[string]func() error{
			"predict":  func() error { _, err := m.Predict(t.Context(), img); return err },
			"embed":    func() error { _, err := m.Embed(t.Context(), img); return err },
			"map":      func() error { _, err := m.CAM(t.Context(), img); return err },
			"evaluate": func() error { _, err := m.Evaluate(t.Context(), zoo.EvalOptions{Limit: 3}); return err },
		} {
			err := f()
			if refused := (*converter.CheckpointError)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), fmt.Sprintf("logit 3 is %v", bad)) {
				t.Errorf("%s: error %v, expected that logit 3 is %v", what, err, bad)
			}
		}
	}
}

// real returns the folder of real weights and photographs, or skips the test.
func real(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "shared", "real", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("real weights and photographs are not here")
	}
	return path
}

func TestRealWeights(t *testing.T) {
	const name = "efficientnet-lite0_3rdparty_in1k"
	z := newZoo(t)
	ctx := context.Background()
	if _, err := z.Import(ctx, name, real(t, "efficientnet-lite0-57934424.pth")); err != nil {
		t.Fatal(err)
	}
	g, err := zoo.OpenGolden(real(t, "efficientnet-lite0.golden.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := z.Verify(ctx, name, zoo.VerifyOptions{Goldens: []*golden.Golden{g}, Precisions: []zoo.Precision{zoo.Highest, zoo.High}, Images: os.DirFS(real(t, "images"))})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		t.Log(c.Verdict)
		if !c.Pass() || c.Pixels == nil {
			t.Errorf("%v, pixels %+v", c.Verdict, c.Pixels)
		}
	}
	m, err := z.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got := make(map[string]int)
	for _, image := range []string{"bird.JPEG", "demo.JPEG", "dog.jpg", "color.jpg", "gray.jpg"} {
		data, err := os.ReadFile(filepath.Join(real(t, "images"), image))
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Predict(ctx, decode(t, m, data))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %+v", image, p)
		got[image] = p.Class
	}
	want := map[string]int{"bird.JPEG": 12, "demo.JPEG": 65, "dog.jpg": 151, "color.jpg": 285, "gray.jpg": 283}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("classes (-reference +zoo):\n%s", diff)
	}
}
