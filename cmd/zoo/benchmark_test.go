package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/imagenet"
)

// smallBenchmark writes the validation folder of imagenette2-160 as its archive has it, with one
// photograph, a cup of coffee, in place of all of each class's images. Among ten classes one of these is right, and
// among ImageNet's thousand none, which has an espresso.
func smallBenchmark(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "imagenette2-160")
	for _, label := range imagenet.SubsetLabels("imagenette") {
		id := imagenet.IDs()[label]
		class := filepath.Join(dir, "val", id)
		if err := os.MkdirAll(class, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(photograph(t, class, "coffee.jpg"), filepath.Join(class, id+"_1.JPEG")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A set of some of ImageNet's classes is scored among these, in print, in JSON and in the log, which
// goes on, and is merged with its like alone.
func TestEvalBenchmark(t *testing.T) {
	slowInRace(t)
	cache, dir := t.TempDir(), t.TempDir()
	set := smallBenchmark(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(args ...string) result {
		t.Helper()
		got := command(t, cache, args...)
		if got.status != exitOK {
			t.Fatalf("%q: exit status %d: %s", args, got.status, got.stderr)
		}
		return got
	}
	whole := run("eval", standInName, "--data", set, "-o", at("run.jsonl"))
	for _, want := range []string{
		"10 of 10 images,", "Top-1  10.00 %  1 correct", "among the 10 classes of imagenette2-160, as this benchmark is defined; among all 1000:",
		"Top-1   0.00 %  0 correct", "published on imagenette2-160: nothing",
	} {
		if !strings.Contains(whole.stdout, want) {
			t.Errorf("no %q in\n%s", want, whole.stdout)
		}
	}
	for _, want := range []string{"taken for those of imagenette2-160", "10 of 10 images are named as those of ImageNet's training set"} {
		if !strings.Contains(whole.stderr, want) {
			t.Errorf("no %q in\n%s", want, whole.stderr)
		}
	}
	log, err := os.ReadFile(at("run.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if head, _, _ := strings.Cut(string(log), "\n"); !strings.Contains(head, `"benchmark":"imagenette2-160","scored":10`) {
		t.Errorf("the log begins with %s", head)
	}
	for _, shard := range []string{"1/2", "2/2"} {
		run("eval", standInName, "--data", set, "--shard", shard, "-o", dir+string(filepath.Separator))
	}
	parts := []string{at(standInName + "-1of2.jsonl"), at(standInName + "-2of2.jsonl")}
	merged := run("eval", "merge", parts[0], parts[1], "-o", at("merged.jsonl"), "--format", "json")
	if again, err := os.ReadFile(at("merged.jsonl")); err != nil || string(again) != string(log) {
		t.Errorf("the parts merge to another log than the whole: %v", err)
	}
	var e evaluationJSON
	if err := json.Unmarshal([]byte(merged.stdout), &e); err != nil || e.Scored != 10 || e.Top1.Correct != 1 || e.AmongAll == nil ||
		e.AmongAll.Top1.Correct != 0 || e.Published != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if again := run("eval", standInName, "--data", set, "-o", at("run.jsonl")); !strings.Contains(again.stderr, "10 images were in") || again.stdout != whole.stdout {
		t.Errorf("the log does not go on: %s", again.stderr)
	}

	// As an earlier version scored it: among all classes.
	var old []byte
	part, err := os.ReadFile(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.SplitAfter(strings.TrimSuffix(string(part), "\n"), "\n") {
		before, rest, _ := strings.Cut(line, `,"top":`)
		_, all, ok := strings.Cut(rest, `,"all":`)
		if i == 0 {
			line = strings.Replace(line, `,"scored":10`, "", 1)
		} else if ok {
			line = before + `,"top":` + all
		}
		old = append(old, line...)
	}
	if err := os.WriteFile(parts[1], append(old, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"merged with another scoring": {[]string{"eval", "merge", parts[0], parts[1]}, "number of classes that are scored: 10 and 0"},
		"gone on in another scoring":  {[]string{"eval", standInName, "--data", set, "--shard", "2/2", "-o", parts[1]}, "number of classes that are scored: 10 and 0"},
	} {
		if got := command(t, cache, tt.args...); got.status != exitUsage || !strings.Contains(got.stderr, tt.says) {
			t.Errorf("%s: exit status %d: %s", name, got.status, got.stderr)
		}
	}
}

// What others publish of a checkpoint stands beside a figure of its weights and its pixels only.
func TestPublishedOnBenchmark(t *testing.T) {
	const name = "cspresnet50_3rdparty_8xb32_in1k"
	z, err := zoo.New(zoo.Config{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := z.Registry().Row(name)
	if err != nil {
		t.Fatal(err)
	}
	file := func(begins string) golden.Weights {
		d, err := digest.Parse(begins + strings.Repeat("0", 64-len(begins)))
		if err != nil {
			t.Fatal(err)
		}
		return golden.FromFile(d)
	}
	label := imagenet.SubsetLabels("ImageNet-A")[0]
	of := evaluate.Subject{
		Model: name, Weights: file("dd6dddfb"), Pixels: evaluate.PixelsOf(entry.Input), Precision: "high", Set: 1, Limit: 1,
		List: digest.Of(sha256.Sum256(fmt.Appendf(nil, "a.jpg %d\n", label))), Classes: 1000, Benchmark: "ImageNet-A", Scored: 200,
	}
	const published = "published for this checkpoint on ImageNet-A: Top-1 9.360 %, Top-5 39.667 % (timm, cspresnet50.ra_in1k: 256 pixels"
	const nothing = "published on ImageNet-A: nothing"
	for what, tt := range map[string]struct {
		change func(*evaluate.Subject)
		says   string
	}{
		"as published":  {func(*evaluate.Subject) {}, published},
		"other weights": {func(s *evaluate.Subject) { s.Weights = file("ee6dddfb") }, nothing},
		"other pixels":  {func(s *evaluate.Subject) { s.Pixels += "!" }, nothing},
		"another row":   {func(s *evaluate.Subject) { s.Model = "cspresnext50_3rdparty_8xb32_in1k" }, nothing},
		"no row":        {func(s *evaluate.Subject) { s.Model = "mine" }, nothing},
	} {
		t.Run(what, func(t *testing.T) {
			subject := of
			tt.change(&subject)
			top := imagenet.SubsetLabels("ImageNet-A")[:5]
			e := evaluate.Evaluation{Subject: subject, To: 1, Images: []evaluate.ImageResult{{Path: "a.jpg", Label: label, Top: top, All: top}}}
			var log bytes.Buffer
			if err := e.WriteLog(&log); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "a.jsonl")
			if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			got := command(t, t.TempDir(), "eval", "merge", path)
			if got.status != exitOK || !strings.Contains(got.stdout, tt.says) {
				t.Errorf("exit status %d: %s%s, want %q", got.status, got.stdout, got.stderr, tt.says)
			}
			got = command(t, t.TempDir(), "eval", "merge", path, "--format", "json")
			holds(t, readDoc(t), "zoo-eval-merge", object(t, got.stdout))
			if strings.Contains(got.stdout, `"top5": 39.667,`) != (tt.says == published) {
				t.Errorf("JSON: %s", got.stdout)
			}
		})
	}
}
