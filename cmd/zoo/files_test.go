package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/tensor"
)

// embedded returns an embedded test image.
func embedded(t testing.TB, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(golden.Nano(), "digits-val.zip")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	image, err := fs.ReadFile(z, name)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestConvertFile(t *testing.T) {
	const nano = "cspresnext-nano_digits"
	cache, dir := t.TempDir(), t.TempDir()
	source := filepath.Join(dir, "mine.pth")
	if got := command(t, cache, "download", nano, "--output", source); got.status != exitOK || got.stdout != source+"\n" {
		t.Fatalf("exit status %d, %q: %s", got.status, got.stdout, got.stderr)
	}
	out := filepath.Join(dir, "out.safetensors")
	got := command(t, cache, "convert", source, "--model", nano, "-o", out, "--explain")
	if got.status != exitOK || !strings.HasSuffix(got.stdout, "\n"+out+"\n") {
		t.Fatalf("exit status %d, %q: %s", got.status, got.stdout, got.stderr)
	}
	for _, part := range []string{`matched    "head.fc.weight" BF16 (10,`, `ignored    "meta/dataset_meta/classes"  (tuple, not run)`} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("no %q in:\n%s", part, got.stdout)
		}
	}
	if got := command(t, cache, "verify", nano, "--checkpoint", out); got.status != exitOK {
		t.Errorf("verify of what was converted: exit status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if got := command(t, cache, "predict", nano, imageFile(t, "val/00003.png"), "--checkpoint", out, "--top", "1"); !strings.Contains(got.stdout, "    5  0.9") {
		t.Errorf("predict with what was converted: %q: %s", got.stdout, got.stderr)
	}

	// Another network's checkpoint is refused, and what was there stays.
	before, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got = command(t, cache, "convert", source, "--model", "cspresnet-nano_digits", "-o", out)
	if got.status != exitCheckpoint || !strings.Contains(got.stderr, "missing") || !strings.Contains(got.stderr, "and ") || strings.Count(got.stderr, "\n") > 40 {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
	if after, err := os.ReadFile(out); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old output was changed: %v", err)
	}

	all := filepath.Join(dir, "all.safetensors")
	if got := command(t, cache, "convert", source, "--all", "-o", all); got.status != exitOK {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	f, err := safetensors.Open(all)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.StateDict().Lookup("state_dict/head.fc.weight"); !ok {
		t.Errorf("no tensor under its full path among %q", f.StateDict().Names())
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("%d files, expected the checkpoint and two conversions", len(left))
	}
}

// digitsFolder writes the first n embedded test images and their labels to a folder.
func digitsFolder(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	var list bytes.Buffer
	lines := strings.SplitAfterN(string(embedded(t, "val.txt")), "\n", n+1)
	for _, line := range lines[:n] {
		name, _, _ := strings.Cut(line, " ")
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), embedded(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
		list.WriteString(strings.TrimPrefix(line, "val/"))
	}
	if err := os.WriteFile(filepath.Join(dir, "val.txt"), list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEvalFolder(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	dir := digitsFolder(t, 5)
	broken := filepath.Join(dir, "00003.png")
	data, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, data[:50], 0o600); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	got := command(t, cache, "eval", nano, "--data", dir)
	for _, part := range []string{"4 of 5 images", "3 correct", "4 correct", "1 of 5 images could not be read", "00003.png: vision: decode: the file ends"} {
		if got.status != exitUsage || !strings.Contains(got.stdout, part) {
			t.Errorf("exit status %d, no %q in:\n%s%s", got.status, part, got.stdout, got.stderr)
		}
	}
	if lenient := command(t, cache, "eval", nano, "--data", dir, "--no-strict"); lenient.status != exitOK || lenient.stdout != got.stdout {
		t.Errorf("--no-strict: exit status %d: %s", lenient.status, lenient.stdout)
	}

	// The same set as a tar file, and with its labels elsewhere.
	archive := filepath.Join(t.TempDir(), "digits.tar")
	writeTar(t, archive, dir)
	if inTar := command(t, cache, "eval", nano, "--data", archive); strings.ReplaceAll(inTar.stdout, archive, dir) != got.stdout {
		t.Errorf("in a tar file:\n%s%s", inTar.stdout, inTar.stderr)
	}
	list := filepath.Join(t.TempDir(), "labels.txt")
	if err := os.Rename(filepath.Join(dir, "val.txt"), list); err != nil {
		t.Fatal(err)
	}
	if elsewhere := command(t, cache, "eval", nano, "--data", dir, "--labels", list); elsewhere.stdout != got.stdout {
		t.Errorf("labels elsewhere:\n%s%s", elsewhere.stdout, elsewhere.stderr)
	}
	if got := command(t, cache, "eval", nano, "--data", dir); got.status != exitUsage || !strings.Contains(got.stderr, "no val.txt and no folder of images named by class") {
		t.Errorf("without labels: exit status %d: %s", got.status, got.stderr)
	}
}

// writeTar writes the files of a folder to a tar file.
func writeTar(t *testing.T, path, dir string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEvalShards(t *testing.T) {
	const nano = "cspresnext-nano_digits"
	cache, dir := t.TempDir(), t.TempDir()
	whole := command(t, cache, "eval", nano, "--format", "json")
	args := []string{"eval", "merge", "--format", "json"}
	for _, i := range []string{"1", "2", "3"} {
		log := filepath.Join(dir, i+".jsonl")
		if got := command(t, cache, "eval", nano, "--shard", i+"/3", "-o", log); got.status != exitOK || !strings.Contains(got.stdout, "120 of 360 images") {
			t.Fatalf("shard %s: exit status %d: %s%s", i, got.status, got.stdout, got.stderr)
		}
		args = append(args, log)
	}
	if merged := command(t, cache, args...); merged.status != exitOK || merged.stdout != whole.stdout {
		t.Errorf("exit status %d, three parts are not the whole: %s\n%s", merged.status, merged.stderr, cmp.Diff(whole.stdout, merged.stdout))
	}
	again := command(t, cache, "eval", nano, "--shard", "2/3", "-o", args[5])
	if again.status != exitOK || !strings.Contains(again.stderr, "120 images were in") {
		t.Errorf("exit status %d: %s", again.status, again.stderr)
	}
	if got := command(t, cache, args[:6]...); got.status != exitUsage || !strings.Contains(got.stderr, "images 240 to 359 are in no file") {
		t.Errorf("two of three: exit status %d: %s", got.status, got.stderr)
	}
	if got := command(t, cache, "report", nano, "--measured", strings.Join(args[4:], ","), "--format", "csv"); got.status != exitOK || !strings.Contains(got.stdout, "99.44,358,") || !strings.Contains(got.stdout, "reproduced") {
		t.Errorf("report of what was merged: exit status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	unsharded, merged := filepath.Join(dir, "whole.jsonl"), filepath.Join(dir, "merged.jsonl")
	if got := command(t, cache, "eval", nano, "-o", unsharded); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	for _, parts := range [][]string{{args[4], args[5], args[6]}, {args[6], args[4], args[5]}, {merged}} {
		again := merged
		if len(parts) == 1 {
			again = filepath.Join(dir, "again.jsonl")
		}
		if got := command(t, cache, append([]string{"eval", "merge", "-o", again}, parts...)...); got.status != exitOK || !strings.Contains(got.stdout, "360 of 360") {
			t.Fatalf("%q: exit status %d: %s", parts, got.status, got.stderr)
		}
		want, err1 := os.ReadFile(unsharded)
		got, err2 := os.ReadFile(again)
		if diff := cmp.Diff(string(want), string(got)); diff != "" || len(want) == 0 {
			t.Errorf("%q: %v, %v: the log of the whole (-want +got)\n%s", parts, err1, err2, diff)
		}
	}
	play(t, cache, []situation{
		{name: "merged to standard output", args: []string{"eval", "merge", merged, "-o", "-"}, says: []string{`{"format":"zoo-eval/1"`,
			"360 of 360"}},
		{name: "over a part", args: []string{"eval", "merge", args[4], args[5], args[6], "-o", args[5]}, status: exitUsage,
			says: []string{"one of the parts"}},
		{name: "two of three, written", args: []string{"eval", "merge", args[4], args[5], "-o", filepath.Join(dir, "none")}, status: exitUsage},
		{name: "a report of the merged log", args: []string{"report", nano, "--measured", merged, "--format", "csv"},
			says: []string{"99.44,358,", "reproduced"}},
	})
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a log of two parts was written")
	}
	for _, shard := range []string{"0/3", "4/3", "x", "1/"} {
		if got := command(t, cache, "eval", nano, "--shard", shard); got.status != exitUsage {
			t.Errorf("--shard %s: exit status %d: %s", shard, got.status, got.stderr)
		}
	}
}

func TestPredictFolder(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"1.png": embedded(t, "val/00003.png"), "2.png": []byte("text"), "sub/3.PNG": embedded(t, "val/00004.png"), "notes.txt": nil,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := command(t, t.TempDir(), "predict", "cspresnet-nano_digits", dir, "--top", "1", "--format", "csv")
	if got.status != exitInternal || strings.Count(got.stdout, "\n") != 3 || !strings.Contains(got.stderr, "2.png") || !strings.Contains(got.stderr, "1 of 3 images") {
		t.Errorf("exit status %d, printed\n%s%s", got.status, got.stdout, got.stderr)
	}
}

func TestBench(t *testing.T) {
	const nano = "cspresnext-nano_digits"
	logits := filepath.Join(t.TempDir(), "logits.safetensors")
	got := command(t, t.TempDir(), "bench", nano, "--runs", "3", "--batch", "2", "--size", "40x48", "--layers", "--logits", logits, "--weights", "published", "--format", "json")
	var doc struct {
		SchemaVersion int `json:"schema_version"`
		Results       []struct {
			Model, Size, Precision, Variant string
			Threads, Batch, Runs            int
			Min                             float64 `json:"ms_min"`
			Median                          float64 `json:"ms_median"`
			GFLOPS                          float64
			Layers                          []struct{ Path, Kind, Kernel string }
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil {
		t.Fatalf("%v: %s", err, got.stderr)
	}
	if len(doc.Results) != 1 || doc.SchemaVersion != 1 {
		t.Fatalf("%+v", doc)
	}
	r := doc.Results[0]
	if r.Model != nano || r.Size != "40x48" || r.Threads != 1 || r.Batch != 2 || r.Runs != 3 || r.Precision != "high" || r.Min <= 0 || r.Median < r.Min || r.GFLOPS <= 0 || len(r.Layers) < 10 {
		t.Errorf("%+v", r)
	}
	f, err := safetensors.Open(logits)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if x, ok := f.StateDict().Lookup("logits"); !ok || !x.Shape().Equal(tensor.Shape{2, 10}) {
		t.Errorf("logits %v", x.Shape())
	}
	if got := command(t, t.TempDir(), "bench", nano, "--runs", "0"); got.status != exitOK || !strings.Contains(got.stdout, "not timed") {
		t.Errorf("exit status %d, %q: %s", got.status, got.stdout, got.stderr)
	}
	for _, args := range [][]string{{"--weights", "synthetic:x"}, {"--weights", "nowhere.pth"}, {"--threads", "0"}, {"--size", "0"}} {
		if got := command(t, t.TempDir(), append([]string{"bench", nano}, args...)...); got.status != exitUsage {
			t.Errorf("%q: exit status %d: %s", args, got.status, got.stderr)
		}
	}
}

func TestReportPage(t *testing.T) {
	plot := filepath.Join(t.TempDir(), "plot.svg")
	got := command(t, t.TempDir(), "report", "csp*-nano_digits", "cspresnet50_*", "--format", "html", "--plot", plot)
	for _, part := range []string{"<!doctype html>", "355 of 360", "Top-1, % of imagenet-1k", "Top-1, % of digits", "published 79.55 %"} {
		if got.status != exitOK || !strings.Contains(got.stdout, part) {
			t.Errorf("exit status %d, no %q in the page: %s", got.status, part, got.stderr)
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !bytes.HasPrefix(svg, []byte("<svg xmlns=")) || !strings.Contains(got.stdout, string(svg)) {
		t.Errorf("the plot is not that of the page: %d bytes, %v", len(svg), err)
	}
}

func TestPixelsAndCAM(t *testing.T) {
	const nano = "cspresnext-nano_digits"
	digit, dir := imageFile(t, "val/00003.png"), t.TempDir()
	size := func(name string) (w, h int) {
		t.Helper()
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return img.Bounds().Dx(), img.Bounds().Dy()
	}
	for _, tt := range []struct {
		file string
		args []string
		want int // width and height
	}{
		{"decoded.png", []string{"pixels", digit, "-o"}, 8},
		{"seen.png", []string{"pixels", digit, "--for", nano, "-o"}, 32},
		{"cam.png", []string{"predict", nano, digit, "--cam"}, 8},
		{"crop.png", []string{"predict", nano, digit, "--cam-on", "crop", "--cam"}, 32},
	} {
		if got := command(t, t.TempDir(), append(tt.args, filepath.Join(dir, tt.file))...); got.status != exitOK {
			t.Fatalf("%s: exit status %d: %s", tt.file, got.status, got.stderr)
		}
		if w, h := size(tt.file); w != tt.want || h != tt.want {
			t.Errorf("%s: %d x %d pixels, expected %d", tt.file, w, h, tt.want)
		}
	}
	// What the network saw is what it predicts from when nothing is left to resize.
	one := command(t, t.TempDir(), "predict", nano, digit, "--top", "10")
	two := command(t, t.TempDir(), "predict", nano, filepath.Join(dir, "seen.png"), "--top", "10")
	if one.stdout != two.stdout {
		t.Errorf("predicted from the image\n%sand from the pixels seen of it\n%s", one.stdout, two.stdout)
	}
}
