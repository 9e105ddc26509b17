package zoo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

// A converted file says alone what it is and how it is used: a program that has neither
// registry nor row computes the same with it.
func TestConvertedFileDescribesItself(t *testing.T) {
	ctx := context.Background()
	z := newZoo(t)
	name := nano.Names[1]
	published, err := z.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer published.Close()
	want, err := published.Logits(ctx, model.Image(nano.Image(t, 3)))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := z.Registry().Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{".safetensors", ".pth", ".safetensors.zst"} {
		t.Run(suffix, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x"+suffix)
			if _, err := z.Convert(ctx, name, zoo.ConvertOptions{Output: path}); err != nil {
				t.Fatal(err)
			}
			got, err := model.Describe(path)
			if err != nil {
				t.Fatal(err)
			}
			description := model.Description{Name: name, Arch: entry.Arch, Pipeline: entry.Input, Labels: "digits"}
			description.Pipeline.Order, description.Pipeline.EXIF = vision.RGB, vision.EXIFApply
			if diff := cmp.Diff(description, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			alone, err := model.Open(path, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			logits, err := alone.Logits(ctx, model.Image(nano.Image(t, 3)))
			if diff := cmp.Diff(want, logits); diff != "" || err != nil || alone.Name() != name {
				t.Errorf("%s, %v: (-want +got)\n%s", alone.Name(), err, diff)
			}
		})
	}
}

// The cache's converted file says what the row says now, whatever it said when another was made; and
// an ONNX file, which nothing here reads, says the same.
func TestConvertedFileFollowsItsRow(t *testing.T) {
	name, cache := nano.Names[1], t.TempDir()
	rows := filepath.Join(t.TempDir(), "zoo.toml")
	if err := os.WriteFile(rows, fmt.Appendf(nil, "[%s.input]\ncrop = 31\n[%[1]s.published]\nnote = \"changed\"\n", name), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]bool)
	for crop, registries := range map[int][]string{32: nil, 31: {rows}} {
		z := newZoo(t, func(c *zoo.Config) { c.CacheDir, c.Registries = cache, registries })
		onnx := filepath.Join(t.TempDir(), "x.onnx")
		for _, output := range []string{"", onnx} {
			c, err := z.Convert(context.Background(), name, zoo.ConvertOptions{Output: output})
			if err != nil {
				t.Fatal(err)
			}
			paths[c.Path] = true
			if output == "" {
				if d, err := model.Describe(c.Path); err != nil || d.Pipeline.Crop != crop {
					t.Errorf("%v: a crop of %d, want %d", err, d.Pipeline.Crop, crop)
				}
			}
		}
		data, err := os.ReadFile(onnx)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{name, converter.MetaArch, converter.MetaPublished, fmt.Sprintf(`"crop":%d,`, crop)} {
			if !bytes.Contains(data, []byte(text)) {
				t.Errorf("the ONNX file does not hold %s", text)
			}
		}
		if got := bytes.Contains(data, []byte(`"note":"changed"`)); got != (crop == 31) {
			t.Errorf("crop %d: a note that the row has: %v", crop, got)
		}
	}
	if len(paths) != 4 {
		t.Errorf("files %v, want one for each row and format", paths)
	}
}

// Figures and the numbering of classes are said of published weights alone; who named classes is
// said of all.
func TestDescribedOf(t *testing.T) {
	z := newZoo(t)
	name := nano.Names[1]
	own := edited(t, z, nil, nil)
	source, err := z.Download(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	published := filepath.Join(t.TempDir(), "published.pth")
	if err := os.Link(source.Path, published); err != nil {
		t.Skip("no hard links here")
	}
	named := filepath.Join(t.TempDir(), "named.safetensors")
	classes := strings.Fields("a b c d e f g h i j")
	if _, err := z.ConvertFile(context.Background(), own, zoo.ConvertOptions{Output: named, Model: name, Classes: classes}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file string
		o          zoo.ConvertOptions
		want       map[string]bool // keys that are there
		labels     string
	}{
		{"published, by its digest", published, zoo.ConvertOptions{Identify: true},
			keys("zoo.arch zoo.preprocessing zoo.published zoo.labels"), "digits"},
		{"own weights", own, zoo.ConvertOptions{Model: name}, keys("zoo.arch zoo.preprocessing"), ""},
		{"own weights, classes named", own, zoo.ConvertOptions{Model: name, Classes: classes},
			keys("zoo.arch zoo.preprocessing zoo.labels"), "given"},
		{"own weights, named before", named, zoo.ConvertOptions{Model: name}, keys("zoo.arch zoo.preprocessing zoo.labels"), "checkpoint"},
		{"no network", own, zoo.ConvertOptions{}, keys(""), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Output = filepath.Join(t.TempDir(), "out.safetensors")
			if _, err := z.ConvertFile(context.Background(), tt.file, tt.o); err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.Open(tt.o.Output)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := map[string]bool{}
			for key := range f.Metadata() {
				if strings.HasPrefix(key, "zoo.") {
					got[key] = true
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || f.Metadata()[converter.MetaLabels] != tt.labels {
				t.Errorf("labels %q, want %q; keys (-want +got)\n%s", f.Metadata()[converter.MetaLabels], tt.labels, diff)
			}
			if text, ok := f.Metadata()[converter.MetaPublished]; ok {
				var p struct {
					Top1 struct {
						Text  string
						Value float64
					}
				}
				if err := json.Unmarshal([]byte(text), &p); err != nil || p.Top1.Text != "98.61" || p.Top1.Value != 98.61 {
					t.Errorf("%s: %v", text, err)
				}
			}
		})
	}
}

func keys(text string) map[string]bool {
	set := map[string]bool{}
	for _, key := range strings.Fields(text) {
		set[key] = true
	}
	return set
}

// What a file says may be anything: half a preprocessing is none, and an error.
func TestDescribeDamaged(t *testing.T) {
	z := newZoo(t)
	own := edited(t, z, nil, nil)
	f, err := safetensors.Open(own)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tt := range []struct{ name, key, value, want string }{
		{"half a preprocessing", converter.MetaPreprocessing, `{"crop":224}`, "resize"},
		{"no JSON", converter.MetaPreprocessing, `]`, "zoo.preprocessing"},
		{"nothing", "", "", "of which architecture"},
		{"an unknown architecture", converter.MetaArch, "perceptron", "perceptron"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.safetensors")
			if err := safetensors.WriteFile(path, f.StateDict(), map[string]string{tt.key: tt.value}); err != nil {
				t.Fatal(err)
			}
			if m, err := model.Open(path, model.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %v: want an error about %q", m, err, tt.want)
			}
		})
	}
}
