package main

import (
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	*jobopts.JobName = "zoo-test"
	os.Exit(m.Run())
}

// TestPrismCountsAsZooDoes runs the pipeline on Beam's own local runner, which starts
// several shards at a time, and compares its integers with those of one evaluation,
// which zoo's own tests hold against the reference framework.
func TestPrismCountsAsZooDoes(t *testing.T) {
	cache := t.TempDir()
	z, err := zoo.New(zoo.Config{CacheDir: cache, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"cspdarknet-nano_digits", "cspresnext-nano_digits"} {
		m, err := z.Open(context.Background(), model)
		if err != nil {
			t.Fatal(err)
		}
		images, err := z.Images(model)
		if err != nil {
			t.Fatal(err)
		}
		want, err := evaluate.Run(context.Background(), m, images, evaluate.Options{})
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, shards := range []int{1, 7, 64} {
			output := filepath.Join(t.TempDir(), "eval.json")
			j := Job{Model: model, Cache: cache, Precision: "high", Threads: 1, Shards: shards}
			if err := run(context.Background(), j, output); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				evaluate.Subject
				Shards, N  int
				Unreadable int
				Top1, Top5 struct{ Correct int }
			}
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			if diff := cmp.Diff(
				[]any{want.Subject.Differs(want.Subject), shards, 360, 0, want.Accuracy.Top1, want.Accuracy.Top5},
				[]any{want.Subject.Differs(got.Subject), got.Shards, got.N, got.Unreadable, got.Top1.Correct, got.Top5.Correct},
			); diff != "" {
				t.Errorf("%s in %d shards (-want +got):\n%s", model, shards, diff)
			}
		}
	}
}

func TestPrismFailsWithTheReason(t *testing.T) {
	j := Job{Model: "cspdarknet-nano_digits", Data: filepath.Join(t.TempDir(), "none"), Cache: t.TempDir(), Precision: "high", Threads: 1, Shards: 2}
	if err := run(context.Background(), j, filepath.Join(t.TempDir(), "eval.json")); err == nil {
		t.Error("no images: no error")
	}
}

// A worker whose first attempt to load the model fails, as when the file is not there yet,
// loads it at the next.
func TestSetupAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "late.pth")
	f := &shardFn{Job: Job{Model: "cspdarknet-nano_digits", Checkpoint: file, Cache: t.TempDir(), Precision: "high", Threads: 1, Shards: 1}}
	if err := f.Setup(t.Context()); err == nil {
		t.Fatal("no error for a file that is not there")
	}
	data, err := fs.ReadFile(golden.Nano(), "cspdarknet-nano_digits-65dda03c.pth")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Setup(t.Context()); err != nil {
		t.Errorf("the file is there now: %v", err)
	}
	again := &shardFn{Job: f.Job}
	if err := again.Setup(t.Context()); err != nil || again.model != f.model {
		t.Errorf("another shard loads another model: %v", err)
	}
}

func TestCountsThatMustNotBeAdded(t *testing.T) {
	a := Counts{Subject: evaluate.Subject{Model: "m", Weights: golden.Synthetic(1), Set: 4}, Shards: 1, Images: 2, N: 2, Top1: 1, Top5: 2}
	b := a
	b.Subject.Weights = golden.Synthetic(2)
	if _, err := merge(a, b); err == nil {
		t.Error("other weights: no error")
	}
	both, err := merge(a, a)
	if err != nil {
		t.Fatal(err)
	}
	line, err := format(both)
	if err != nil || !strings.Contains(line, `"n":4`) {
		t.Errorf("%s, %v", line, err)
	}
	if _, err := format(a); err == nil {
		t.Error("half of the images: no error")
	}
	three, err := merge(both, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format(three); err == nil {
		t.Error("images counted twice: no error")
	}
}
