package evaluate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

// subjects compares what evaluations are about as a whole.
var subjects = cmp.Comparer(func(a, b evaluate.Subject) bool { return a == b })

// result is what of an evaluation does not depend on how often it was interrupted.
func result(e *evaluate.Evaluation) evaluate.Evaluation {
	r := *e
	r.Resumed = 0
	return r
}

// An evaluation that is cut off again and again, in the middle of a line too, ends with
// the result of one that was not.
func TestEvaluateResumes(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	whole, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	log := filepath.Join(t.TempDir(), "log.jsonl")
	cuts, lines := 0, 0
	for {
		// Stop after some images, as a key would.
		ctx, cancel := context.WithCancel(context.Background())
		left := 1 + r.IntN(6)
		stop := func(int, int) {
			if left--; left == 0 {
				cancel()
			}
		}
		e, err := evaluate.Run(ctx, m, nano.Images(t), evaluate.Options{Log: log, Progress: stop})
		cancel()
		if err == nil {
			if diff := cmp.Diff(result(whole), result(e), subjects); diff != "" {
				t.Errorf("after %d cuts (-whole +resumed):\n%s", cuts, diff)
			}
			if e.Resumed == 0 {
				t.Error("nothing was resumed")
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// A power cut leaves a part of what was written last.
		cuts++
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte("\n")); n < lines {
			t.Errorf("%d lines after %d", n, lines)
		}
		data = data[:len(data)-r.IntN(min(150, len(data)))]
		lines = bytes.Count(data, []byte("\n"))
		if err := os.WriteFile(log, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cuts < 5 {
		t.Errorf("%d cuts: expected more", cuts)
	}
	e, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{Log: log})
	if err != nil || e.Resumed != 360 {
		t.Errorf("%d images were in the complete log, %v", e.Resumed, err)
	}
}

func TestEvaluateLogOfAnother(t *testing.T) {
	ctx := context.Background()
	log := filepath.Join(t.TempDir(), "log.jsonl")
	run := func(name string, o evaluate.Options) error {
		t.Helper()
		o.Log = log
		_, err := evaluate.Run(ctx, nano.Open(t, name, model.Compute{}), nano.Images(t), o)
		return err
	}
	if err := run(nano.Names[0], evaluate.Options{Limit: 20}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, model string
		o           evaluate.Options
		err         string
	}{
		{"another model", nano.Names[1], evaluate.Options{Limit: 20}, "model: "},
		{"more images", nano.Names[0], evaluate.Options{}, "limit: "},
		{"a part", nano.Names[0], evaluate.Options{Limit: 20, Shard: 1, Shards: 2}, "images 0 to 19, not 0 to 9"},
		{"another set", nano.Names[0], evaluate.Options{Limit: 20, Labels: []byte("val/00000.png 1\n")}, "list of images: "},
	} {
		if err := run(tt.model, tt.o); err == nil || !strings.Contains(err.Error(), tt.err) ||
			!strings.Contains(err.Error(), "name another file") {
			t.Errorf("%s: %v: want %q", tt.name, err, tt.err)
		}
	}
	if after, err := os.ReadFile(log); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the log was changed: %v", err)
	}
	for _, text := range []string{"notes\n", "{}\n", `{"format":"zoo-eval/2"}` + "\n", string(before[:len(before)-10]) + "]}\n" + "{}\n"} {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(nano.Names[0], evaluate.Options{Limit: 20}); err == nil {
			t.Errorf("%.20q was taken for a log", text)
		}
		if after, err := os.ReadFile(log); err != nil || string(after) != text {
			t.Errorf("a file that is no log was changed: %v", err)
		}
	}
}

// shards evaluates every part and returns the logs.
func shards(t testing.TB, m *model.Model, n int) []string {
	t.Helper()
	dir := t.TempDir()
	var logs []string
	for i := 1; i <= n; i++ {
		log := filepath.Join(dir, fmt.Sprintf("%d.jsonl", i))
		if _, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{Shard: i, Shards: n, Log: log}); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, log)
	}
	return logs
}

func TestMerge(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	whole, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 7, 64, 360} {
		merged, err := evaluate.Merge(shards(t, m, n)...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(result(whole), result(merged), subjects); diff != "" {
			t.Errorf("%d shards (-whole +merged):\n%s", n, diff)
		}
	}
	if _, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{Shard: 1, Shards: 361}); err == nil {
		t.Error("no error for more shards than images")
	}
}

func TestMergeRefuses(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	four, three := shards(t, m, 4), shards(t, m, 3)
	other := shards(t, nano.Open(t, nano.Names[0], model.Compute{}), 4)
	cut := filepath.Join(t.TempDir(), "cut.jsonl")
	data, err := os.ReadFile(four[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	pixels := filepath.Join(t.TempDir(), "pixels.jsonl")
	if err := os.WriteFile(pixels, bytes.Replace(data, []byte("short edge 32"), []byte("short edge 40"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		logs []string
		err  string
	}{
		"gap in the middle": {[]string{four[0], four[2], four[3]}, "images 90 to 179 are in no file, between"},
		"gap at the start":  {four[1:], "images 0 to 89 are in no file, between the beginning"},
		"gap at the end":    {four[:3], "images 270 to 359 are in no file, after"},
		"twice":             {append(four[:4:4], four[2]), "overlap: images 180 to 269"},
		"overlap":           {[]string{four[0], three[1], three[2], four[1]}, "overlap"},
		"other weights":     {[]string{four[0], other[1], four[2], four[3]}, "not of one evaluation: model"},
		"other pixels":      {[]string{four[0], pixels, four[2], four[3]}, "not of one evaluation: pixels"},
		"not complete":      {[]string{four[0], cut, four[2], four[3]}, "89 of 90 images are done: run that part again"},
		"not there":         {[]string{"nowhere.jsonl"}, "nowhere.jsonl"},
		"none":              {nil, "no file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := evaluate.Merge(tt.logs...); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: want %q", err, tt.err)
			}
		})
	}
}

// Labels of another numbering, and no labels at all, give the accuracy of guessing.
func TestEvaluateChance(t *testing.T) {
	m := nano.Open(t, nano.Names[2], model.Compute{})
	images := nano.Images(t)
	list, err := fs.ReadFile(images, "val.txt")
	if err != nil {
		t.Fatal(err)
	}
	relabel := func(f func(i, label int) int) []byte {
		var b bytes.Buffer
		for i, line := range strings.Split(strings.TrimSpace(string(list)), "\n") {
			var name string
			var label int
			if _, err := fmt.Sscanf(line, "%s %d", &name, &label); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %d\n", name, f(i, label))
		}
		return b.Bytes()
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, tt := range []struct {
		name string
		list []byte
		hint string
	}{
		{"shuffled", relabel(func(int, int) int { return r.IntN(10) }), "the labels, the images or the weights are not those of this model"},
		{"one class", relabel(func(int, int) int { return 3 }), "the labels, the images"},
	} {
		_, err := evaluate.Run(context.Background(), m, images, evaluate.Options{Labels: tt.list})
		var chance *evaluate.ChanceError
		if !errors.As(err, &chance) || !strings.Contains(err.Error(), tt.hint) {
			t.Errorf("%s: %v: want an end with %q", tt.name, err, tt.hint)
			continue
		}
		if n := chance.Evaluation.Accuracy.N; n < 200 || n >= 360 {
			t.Errorf("%s: stopped after %d images", tt.name, n)
		}
	}
	// Half of the labels being right is no chance.
	half := relabel(func(i, label int) int {
		if i%2 == 0 {
			return label
		}
		return (label + 1 + r.IntN(9)) % 10
	})
	if e, err := evaluate.Run(context.Background(), m, images, evaluate.Options{Labels: half}); err != nil || e.Accuracy.Top1 > 200 {
		t.Errorf("half right: %v", err)
	}
}
