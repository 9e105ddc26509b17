package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

const row = `
[net_in1k]
family = "cspnet"
arch = "net50"
classes = 1000
labels = "imagenet-1k"
[net_in1k.weights]
url = "https://example.org/net-0123abcd.pth"
sha256 = "0123abcd"
size = 10
licence = "Apache-2.0"
container = "zip"
converted_from = "https://example.org/old.pth"
recipe = "timm"
[net_in1k.input]
resize = { kind = "short", edge = 256, interpolation = "bicubic", backend = "pillow" }
crop = 224
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
order = "rgb"
exif = "apply"
[net_in1k.published]
params_m = "27.64"
flops_g = "5.04"
flops_convention = "mmcv-legacy"
flops_size = 224
top1 = "80.50"
top5 = "95"
images = 50000
source = "a table"
`

var comparable = cmp.Options{
	cmp.Comparer(func(x, y digest.Digest) bool { return x == y }),
	cmp.Comparer(func(x, y registry.Figure) bool { return x == y }),
}

func mustParse(t *testing.T, s string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func figure(t *testing.T, s string) registry.Figure {
	t.Helper()
	f, err := registry.ParseFigure(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parse(t *testing.T, text string) *registry.Registry {
	t.Helper()
	r, err := registry.Parse("zoo.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	want := &registry.Entry{
		Name: "net_in1k", Family: "cspnet", Arch: "net50", Classes: 1000, Labels: registry.LabelsImageNet,
		Weights: registry.Weights{
			URL: "https://example.org/net-0123abcd.pth", Digest: mustParse(t, "0123abcd"), Size: 10, Licence: "Apache-2.0",
			Container: "zip", ConvertedFrom: "https://example.org/old.pth", Recipe: "timm",
		},
		Input: vision.Pipeline{
			Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 256, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
			Crop:   224, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
			Order: vision.RGB, EXIF: vision.EXIFApply,
		},
		Published: registry.Published{
			ParamsM: figure(t, "27.64"), FLOPsG: figure(t, "5.04"), Top1: figure(t, "80.50"), Top5: figure(t, "95"),
			FLOPsConvention: "mmcv-legacy", FLOPsSize: 224, Images: 50000, Source: "a table",
		},
	}
	got, err := parse(t, row).Lookup("net_in1k")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, comparable); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	const text = "short edge 256 bicubic (pillow), centre crop 224, rgb, mean 123.675 116.28 103.53, std 58.395 57.12 57.375, EXIF orientation: apply"
	if got.Input.String() != text {
		t.Errorf("input = %q, want %q", got.Input.String(), text)
	}
	if f := got.Published.Top1; f.String() != "80.50" || f.Float() != 80.5 || !f.Known() {
		t.Errorf("top1 = %v %v %v", f, f.Float(), f.Known())
	}
	if got := got.Weights.Digest.Text(); got != "sha256-prefix:0123abcd" {
		t.Errorf("digest text = %q", got)
	}
}

func TestResizeText(t *testing.T) {
	for resize, want := range map[string]string{
		`{ kind = "none" }`: "no resize",
		`{ kind = "long", edge = 256, interpolation = "bicubic", backend = "pillow" }`:                                "long edge 256 bicubic (pillow)",
		`{ kind = "both", edge = 384, interpolation = "bicubic", backend = "pillow" }`:                                "both edges 384 bicubic (pillow)",
		`{ kind = "efficientnet-center-crop", edge = 240, padding = 32, interpolation = "bicubic", backend = "cv2" }`: "efficientnet-center-crop 240 of 272, bicubic (cv2)",
	} {
		old := `{ kind = "short", edge = 256, interpolation = "bicubic", backend = "pillow" }`
		e, err := parse(t, strings.ReplaceAll(row, old, resize)).Lookup("net_in1k")
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Input.String(); !strings.HasPrefix(got, want+", centre crop 224") {
			t.Errorf("%s: %q, want it to begin with %q", resize, got, want)
		}
	}
}

// A crop may be larger than the picture where that is filled up; levels may be of 0 to 1.
func TestFill(t *testing.T) {
	text := strings.ReplaceAll(row, "crop = 224", "crop = 288\nfill = \"black\"\nscale = 0.00392156862745098")
	e, err := parse(t, text).Lookup("net_in1k")
	if err != nil {
		t.Fatal(err)
	}
	if want := "centre crop 288 filled up with black, rgb, levels of 0 to 1, mean"; !strings.Contains(e.Input.String(), want) {
		t.Errorf("input = %q, want %q in it", e.Input.String(), want)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, old, new string // one edit of row
		want           string // part of the error
	}{
		{"unknown key", `arch =`, "depth = 50\narch =", `entry "net_in1k": unknown key "depth"`},
		{"unknown nested key", `size = 10`, `bytes = 10`, `entry "net_in1k": unknown key "weights.bytes"`},
		{"key in other case", `family =`, `Family =`, `entry "net_in1k": unknown key "Family"`},
		{"dotted key", `size = 10`, "[net_in1k.\"weights.size\"]", `unknown key "weights.size"`},
		{"key outside a table", "\n[net_in1k]", "version = 1\n[net_in1k]", `version: each model is a table`},
		{"missing", `crop = 224`, "", `entry "net_in1k": missing input.crop: state them, or name a row`},
		{"digest of what is elsewhere", `sha256 = "0123abcd"`, "", "weights.sha256: missing: a file that comes from elsewhere"},
		{"two missing", "crop = 224\nmean = [123.675, 116.28, 103.53]", "", "missing input.crop, input.mean"},
		{"empty", `"a table"`, `" "`, `published.source: missing`},
		{"wrong type", `classes = 1000`, `classes = "1000"`, `entry "net_in1k"`},
		{"mean of two", `[123.675, 116.28, 103.53]`, `[1, 2]`, `entry "net_in1k"`},
		{"std of zero", `58.395`, `0`, "std above 0"},
		{"std not finite", `58.395`, `inf`, "input.std: +Inf is out of range"},
		{"std not a number", `58.395`, `nan`, "finite"},
		{"figure as a number", `"80.50"`, `80.50`, "in quotes"},
		{"figure not decimal", `"80.50"`, `"80.5%"`, "expected a decimal number"},
		{"digest short", `"0123abcd"`, `"0123abc"`, "expected 64 or 8 hex digits"},
		{"digest in capitals", `"0123abcd"`, `"0123ABCD"`, "lower-case"},
		{"digest empty", `"0123abcd"`, `""`, "hex digits"},
		{"size negative", `size = 10`, `size = -1`, "weights.size"},
		{"scheme", `https://example.org/net-`, `ftp://example.org/net-`, "weights.url"},
		{"host missing", `https://example.org/net-`, `https:///net-`, "weights.url"},
		{"embedded outside", `https://example.org/net-0123abcd.pth`, `embedded:../x`, "weights.url"},
		{"container", `"zip"`, `"tar"`, `weights.container: expected "legacy" or "safetensors" or "zip", found "tar"`},
		{"labels", `"imagenet-1k"`, `"imagenet"`, "labels: expected"},
		{"classes of the labels", `classes = 1000`, `classes = 10`, "expected 1000 for the labels"},
		{"order", `"rgb"`, `"gbr"`, "input.order"},
		{"exif", `"apply"`, `"yes"`, "input.exif"},
		{"resize kind", `"short"`, `"width"`, "input.resize.kind"},
		{"resize of none", `"short"`, `"none"`, "takes no edge"},
		{"padding of another kind", `edge = 256`, `edge = 256, padding = 32`, "input.resize.padding"},
		{"form", `"a table"`, "\"a table\"\nform = \"fused\"", `published.form: expected "deploy", found "fused"`},
		{"interpolation missing", `interpolation = "bicubic", `, "", "input.resize.interpolation"},
		{"backend", `"pillow"`, `"pil"`, "input.resize.backend"},
		{"edge below crop", `edge = 256`, `edge = 223`, "input.resize.edge: expected 224"},
		{"fill", `crop = 224`, "crop = 224\nfill = \"white\"", "input.fill"},
		{"scale", `crop = 224`, "crop = 224\nscale = -1", "input.scale"},
		{"crop huge", `crop = 224`, `crop = 99999`, "input.crop"},
		{"name", "[net_in1k", "[\"a/b/c\"", `entry "a/b/c": expected letters`},
		{"name hidden", "[net_in1k", "[\".net\"", `entry ".net": expected letters`},
		{"not TOML", `"Apache-2.0"`, `Apache`, "zoo.toml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(row, tt.old) {
				t.Fatalf("row has no %q", tt.old)
			}
			_, err := registry.Parse("zoo.toml", []byte(strings.ReplaceAll(row, tt.old, tt.new)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "registry: zoo.toml: ") {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	base := parse(t, row)
	over, err := base.Merge("mine.toml", []byte(`
[net_in1k.weights]
url = "https://mirror.example.org/net.pth"
[net_in1k.input]
mean = [0, 0, 0]
`+strings.ReplaceAll(row, "net_in1k", "mine")))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := base.Lookup("net_in1k")
	want := *before
	want.Weights.URL = "https://mirror.example.org/net.pth"
	want.Input.Mean = [3]float32{}
	got, err := over.Lookup("net_in1k")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&want, got, comparable); d != "" {
		t.Errorf("merged (-want +got)\n%s", d)
	}
	if before.Input.Mean[0] == 0 {
		t.Error("merging changed the registry below")
	}
	if n := len(over.All()); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
	again, err := over.Merge("mine.toml", []byte(row))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(base.All(), again.Match("net*"), comparable); d != "" {
		t.Errorf("merged with its own row (-want +got)\n%s", d)
	}

	for text, want := range map[string]string{
		"[other]\nfamily = \"x\"":                         `entry "other": missing arch, classes, input: state`,
		"[net_in1k]\nclasses = 5":                         `entry "net_in1k": classes: expected 1000`,
		strings.ReplaceAll(row, "net_in1k", "Net_in1k"):   `entry "Net_in1k": the name differs from that of entry "net_in1k" in case only`,
		"[net_in1k.input.resize]\nkind = \"none\"":        "takes no edge",
		"[net_in1k]\nfamilly = \"cspnet\"":                `unknown key "familly"`,
		"[net_in1k.published]\nflops_convention = \"  \"": "published.flops_convention",
	} {
		over, err := base.Merge("mine.toml", []byte(text))
		if err == nil {
			err = over.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want %q in it", text, err, want)
		}
	}
}

func TestUnknownError(t *testing.T) {
	err := &registry.UnknownError{Name: "x", Near: []string{"a", "b", "c"}}
	if want := `registry: unknown model "x": did you mean a, b or c?`; err.Error() != want {
		t.Errorf("error = %q, want %q", err, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(row)
	f.Add(string(builtin(f)))
	f.Add("[a]\nfamily = {x = 1}")
	f.Add(row + "[aliases]\nnet = \"net_in1k\"\n\"n.1\" = 'net_in1k'\n")
	f.Add("a.b.c = [[1]]")
	f.Add(row + "[mine]\nbase = \"net_in1k\"\nclass_names = [\"rose\", \"tulip\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := registry.Parse("fuzz", []byte(text))
		if err != nil {
			return
		}
		for _, e := range r.All() {
			if e.Name == "" || e.Family == "" || e.Input.Crop <= 0 || e.Classes <= 0 || e.Published.FLOPsConvention == "" {
				t.Fatalf("accepted an incomplete row: %+v", e)
			}
		}
		again, err := r.Merge("fuzz", []byte(text))
		if err != nil {
			t.Fatalf("merged with itself: %v", err)
		}
		if err := again.Check(); err != nil {
			t.Fatalf("merged with itself: %v", err)
		}
		if d := cmp.Diff(r.All(), again.All(), comparable); d != "" {
			t.Fatalf("merged with itself (-want +got)\n%s", d)
		}
	})
}
