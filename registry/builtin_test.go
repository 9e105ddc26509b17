package registry_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// builtin returns the repository's own catalogue.
func builtin(t testing.TB) []byte {
	data, err := os.ReadFile(filepath.Join("..", "zoo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestBuiltin compares the catalogue with the facts extracted from OpenMMLab's own
// configuration files. All models of an architecture have to be there, if any is.
func TestBuiltin(t *testing.T) {
	r := parse(t, string(builtin(t)))
	facts, err := os.ReadFile(filepath.Join("..", "..", "shared", "facts", "models.tsv"))
	if err != nil {
		t.Skipf("no facts to compare with: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(facts), "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	missing := make(map[string][]string) // by the reference's class of network
	known := make(map[string]bool)
	compared := 0
	for _, line := range lines[1:] {
		col := make(map[string]string)
		for i, v := range strings.Split(line, "\t") {
			col[header[i]] = v
		}
		class, _, _ := strings.Cut(col["arch"], ":")
		e, err := r.Lookup(col["name"])
		if err != nil {
			missing[class] = append(missing[class], col["name"])
			continue
		}
		known[class] = true
		compared++
		want := make(map[string]string)
		got := factsOf(t, e)
		for key := range got {
			want[key] = col[key]
		}
		for _, key := range []string{"params", "flops", "top1", "top5"} {
			want[key] = number(t, col[key])
		}
		if h, w, ok := strings.Cut(strings.Trim(col["resize_scale"], "[]"), ","); ok && h == w { // both sides, which one number means, too
			want["resize_scale"] = h
		}
		want["mean"], want["std"] = inFloat32(t, col["mean"]), inFloat32(t, col["std"])
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", e.Name, d)
		}
	}
	for class := range known {
		if len(missing[class]) > 0 {
			t.Errorf("the catalogue has some %s and lacks %q", class, missing[class])
		}
	}
	published := 0
	for _, e := range r.All() {
		if strings.Contains(e.Weights.URL, "openmmlab.com") || e.Weights.URL == "" && strings.HasPrefix(e.Published.Source, "mmpretrain ") {
			published++
		}
	}
	if compared != published {
		t.Errorf("compared %d rows of %d", compared, published)
	}
}

// factsOf writes a row under the columns of the table of facts.
func factsOf(t *testing.T, e *registry.Entry) map[string]string {
	in, p := e.Input, e.Published
	list := func(x [3]float32) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(x), " ", ","), "[]") }
	out := map[string]string{
		"weights_url": e.Weights.URL, "sha8": e.Weights.Digest.Short(), "converted_from_weights": e.Weights.ConvertedFrom,
		"params": number(t, p.ParamsM.String()+"e6"), "flops": number(t, p.FLOPsG.String()+"e9"), "top1": number(t, p.Top1.String()), "top5": number(t, p.Top5.String()),
		"interpolation": string(in.Resize.Interpolation), "backend": in.Resize.Backend,
		"mean": list(in.Mean), "std": list(in.Std), "to_rgb": map[string]string{vision.RGB: "True", vision.BGR: "False"}[in.Order],
		"crop_size": fmt.Sprint(in.Crop), "crop_padding": "", "resize_edge": "", "resize_scale": fmt.Sprint(in.Resize.Edge),
	}
	switch in.Resize.Kind {
	case vision.ResizeShort:
		out["resize_kind"], out["resize_edge"], out["crop_kind"] = "ResizeEdge", "short", "CenterCrop"
	case vision.ResizeBoth:
		out["resize_kind"], out["crop_kind"] = "Resize", "CenterCrop"
		if in.Resize.Edge == in.Crop { // the reference crops nothing
			out["crop_kind"], out["crop_size"] = "none", ""
		}
	case vision.ResizeEfficientNet:
		out["resize_kind"], out["resize_scale"], out["crop_kind"], out["crop_padding"] = "none", "", "EfficientNetCenterCrop", fmt.Sprint(in.Resize.Padding)
	}
	return out
}

// inFloat32 rounds three numbers to what a row holds.
func inFloat32(t *testing.T, list string) string {
	t.Helper()
	parts := strings.Split(list, ",")
	for i, s := range parts {
		x, err := strconv.ParseFloat(s, 32)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = fmt.Sprint(float32(x))
	}
	return strings.Join(parts, ",")
}

// number brings decimal numbers into one form; what is not there stays so.
func number(t *testing.T, s string) string {
	if s == "" {
		return ""
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatFloat(math.Round(x*1e4)/1e4, 'f', -1, 64)
}

// TestBuiltinEmbedded compares the rows whose checkpoints are part of the program
// with those files, and their accuracies with the counts that the reference
// framework left beside them.
func TestBuiltinEmbedded(t *testing.T) {
	folder := filepath.Join("..", "golden", "nano")
	predictions, err := os.ReadFile(filepath.Join(folder, "predictions.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows, compared int
	for _, e := range parse(t, string(builtin(t))).All() {
		file, ok := strings.CutPrefix(e.Weights.URL, registry.EmbeddedScheme)
		if !ok {
			continue
		}
		rows++
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		container := "legacy"
		if bytes.HasPrefix(data, []byte("PK")) {
			container = "zip"
		}
		w := registry.Weights{URL: e.Weights.URL, Licence: "Apache-2.0", Digest: digest.Of(sha256.Sum256(data)),
			Size: int64(len(data)), Container: container}
		if d := cmp.Diff(w, e.Weights, comparable); d != "" {
			t.Errorf("%s: weights (-want +got)\n%s", e.Name, d)
		}
		var top1, top5, n int
		for line := range strings.Lines(string(predictions)) {
			about, counts, _ := strings.Cut(line, "): ")
			if about == fmt.Sprintf("# %s (sha256:%s", e.Name, e.Weights.Digest) {
				if _, err := fmt.Sscanf(counts, "Top-1 %d, Top-5 %d of %d", &top1, &top5, &n); err != nil {
					t.Fatal(err)
				}
				compared++
			}
		}
		percent := func(correct int) string { return fmt.Sprintf("%.2f", 100*float64(correct)/float64(max(n, 1))) }
		p := e.Published
		got := []string{p.Top1.String(), p.Top5.String(), fmt.Sprint(p.Images), string(e.Labels)}
		if d := cmp.Diff([]string{percent(top1), percent(top5), fmt.Sprint(n), "digits"}, got); d != "" {
			t.Errorf("%s: published (-want +got)\n%s", e.Name, d)
		}
	}
	if rows != 3 || compared != 3 {
		t.Errorf("%d embedded rows, %d of them in predictions.tsv, want 3", rows, compared)
	}
}
