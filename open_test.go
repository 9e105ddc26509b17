package zoo_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// The shortest way in takes its settings from the environment.
func TestOpenFromEnvironment(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	t.Setenv(zoo.EnvCache, cache)
	t.Setenv(zoo.EnvOffline, "1")
	m, err := zoo.Open(context.Background(), nano.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := os.Stat(cache); err != nil || m.Name() != nano.Names[0] {
		t.Errorf("opened %s with the cache at %s: %v", m.Name(), cache, err)
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
		if _, err := z.Graph(e.Name, nn.AsTrained); err != nil {
			t.Error(err)
		}
		if p, err := z.Preprocessing(e.Name); err != nil || p.Check() != nil {
			t.Errorf("%s: %v, %v", e.Name, err, p.Check())
		}
	}
}

// Weights that lead to what is no number are refused where they are used: such scores
// have no order, and JSON has no word for them.
func TestWeightsThatAreNoNumbers(t *testing.T) {
	z := newZoo(t)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		m, err := z.OpenFile(nano.Names[1], edited(t, z, nil, func(name string, x tensor.Tensor) tensor.Tensor {
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
		img := nano.Image(t, 1)
		for what, f := range map[string]func() error{
			"predict": func() error { _, err := m.Predict(t.Context(), img); return err },
			"embed":   func() error { _, err := m.Embed(t.Context(), model.Image(img)); return err },
			"map":     func() error { _, err := m.CAM(t.Context(), img); return err },
			"evaluate": func() error {
				_, err := evaluate.Run(t.Context(), m, nano.Images(t), evaluate.Options{Limit: 3})
				return err
			},
		} {
			err := f()
			if refused := (*converter.CheckpointError)(nil); !errors.As(err, &refused) ||
				!strings.Contains(err.Error(), fmt.Sprintf("tensor \"head.fc.bias\" holds %v", bad)) {
				t.Errorf("%s: error %v, expected that the tensor holds %v", what, err, bad)
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
	checks, err := z.Verify(ctx, name, zoo.VerifyOptions{Goldens: []*golden.Golden{g},
		Precisions: []zoo.Precision{zoo.Highest, zoo.High}, Images: os.DirFS(real(t, "images"))})
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
		img, err := vision.Decode(data, m.DecodeOptions())
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Predict(ctx, img)
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
