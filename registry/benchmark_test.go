package registry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/registry"
)

// Every line of benchmarks.tsv is of a row that is built in, with the same file.
func TestOnBenchmark(t *testing.T) {
	timm, err := os.ReadFile(filepath.Join("..", "catalogue", "timm.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r := registry.Embedded("zoo.toml", string(builtin(t))).WithShelf("timm", "timm.toml", func() string { return string(timm) })
	data, err := os.ReadFile("benchmarks.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")[3:]
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "\t")
		e, err := r.Lookup(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, benchmark := range []string{"ImageNet-A", "ImageNet-R", "ImageNet-Sketch", "ImageNetV2 matched-frequency", "ImageNet-Real"} {
			f, ok := e.OnBenchmark(benchmark)
			if !ok || e.Dataset() != "imagenet-1k" || e.Classes != 1000 ||
				!(f.Top1.Float() > 0 && f.Top1.Float() < f.Top5.Float() && f.Top5.Float() < 100) {
				t.Errorf("%s on %s: %+v, %v", name, benchmark, f, ok)
			}
		}
	}
	if len(lines) < 500 {
		t.Errorf("%d rows have figures", len(lines))
	}
	// One that can be read in timm's results/results-imagenet-a.csv.
	e, err := r.Lookup("cspresnet50_3rdparty_8xb32_in1k")
	if err != nil {
		t.Fatal(err)
	}
	f, ok := e.OnBenchmark("ImageNet-A")
	if want := "9.360 39.667 timm, cspresnet50.ra_in1k 256 pixels of a shorter edge of 288, bilinear"; !ok ||
		strings.Join([]string{f.Top1.String(), f.Top5.String(), f.Source, f.Pixels}, " ") != want {
		t.Errorf("%+v, want %s", f, want)
	}
	// Nothing is known of another set, of another file under that name, and of a row that nobody tied.
	own := *e
	own.Weights.URL = "file:/mine.pth"
	other, err := r.Lookup("efficientnet-lite0_3rdparty_in1k")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		e         *registry.Entry
		benchmark string
	}{{e, "ImageNetV2"}, {e, "imagenette"}, {e, ""}, {&own, "ImageNet-A"}, {other, "ImageNet-A"}} {
		if f, ok := tt.e.OnBenchmark(tt.benchmark); ok {
			t.Errorf("%s on %q: %+v", tt.e.Name, tt.benchmark, f)
		}
	}
}
