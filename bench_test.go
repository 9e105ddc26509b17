package zoo_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
)

// What is timed is the network: its logits are those of the golden on the same weights
// and input, and its multiply-accumulates those of its steps.
func TestBench(t *testing.T) {
	const name = "efficientnet-lite0_3rdparty_in1k"
	z := newZoo(t)
	b, err := z.Bench(context.Background(), name, zoo.BenchOptions{Runs: 2})
	if err != nil {
		t.Fatal(err)
	}
	goldens, err := golden.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	g := goldens[0]
	if g.Weights != golden.Synthetic(0) || g.Input != "synthetic:0" || !g.Shape.Equal(b.Input) {
		t.Fatalf("the golden is of weights %s on %s %v, not of what is timed", g.Weights, g.Input, g.Shape)
	}
	g.Probes = nil
	v, err := g.Judge(b.Precision, golden.Run{Logits: b.Logits})
	if err != nil {
		t.Fatal(err)
	}
	if !v.Pass {
		t.Error(v)
	}
	var macs int64
	for _, l := range b.Layers {
		macs += l.MACs
		if l.Min <= 0 {
			t.Errorf("%s %s took %v", l.Path, l.Kind, l.Min)
		}
	}
	// 383907552 of convolutions and 1280000 of the classifier.
	if b.MACs != 385187552 || macs != b.MACs {
		t.Errorf("%d multiply-accumulates, %d in steps", b.MACs, macs)
	}
	if b.Min <= 0 || b.Median < b.Min || b.GFLOPS() <= 0 {
		t.Errorf("%v at least, %v median, %g GFLOP/s", b.Min, b.Median, b.GFLOPS())
	}
}

// With a duration, every session computes until it is over: what is counted agrees with itself and with the clock.
func TestBenchDuration(t *testing.T) {
	z := newZoo(t)
	const duration = 100 * time.Millisecond
	began := time.Now()
	b, err := z.Bench(t.Context(), nano.Names[1], zoo.BenchOptions{Duration: duration, Sessions: 3, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if b.Runs != len(b.Times) || b.Runs < 3 || b.Sessions != 3 || !slices.IsSorted(b.Times) || b.Min != b.Times[0] || b.Median < b.Min {
		t.Errorf("%d runs of %d sessions, %d times, %v at least, %v median", b.Runs, b.Sessions, len(b.Times), b.Min, b.Median)
	}
	if b.Elapsed < duration || b.Elapsed > took {
		t.Errorf("%v for a duration of %v, the call took %v", b.Elapsed, duration, took)
	}
	// The sessions computed all the while, but for what is between two runs.
	var sum time.Duration
	for _, d := range b.Times {
		sum += d
	}
	if sum > 3*b.Elapsed || sum < 3*duration/2 {
		t.Errorf("runs of 3 sessions take %v in %v", sum, b.Elapsed)
	}
	if want := 2 * float64(b.Runs) / b.Elapsed.Seconds(); math.Abs(b.ImagesPerSecond()-want) > 1e-9*want {
		t.Errorf("%g images a second, want %g", b.ImagesPerSecond(), want)
	}
	if want := b.ImagesPerSecond() / 2 * 2 * float64(b.MACs) / 1e9; math.Abs(b.GFLOPS()-want) > 1e-6*want {
		t.Errorf("%g GFLOP/s, want %g", b.GFLOPS(), want)
	}
	one, err := z.Bench(t.Context(), nano.Names[1], zoo.BenchOptions{Batch: 2, Runs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.Logits, b.Logits) || one.ImagesPerSecond() != 0 || one.Elapsed != 0 {
		t.Error("the logits of a duration are not those of a run")
	}
}

// A duration ends with the context, in whatever session.
func TestBenchEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	b, err := newZoo(t).Bench(ctx, nano.Names[1], zoo.BenchOptions{Duration: time.Minute, Sessions: 2})
	if b != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v, %v", b, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("ended after %v", took)
	}
}

func TestBenchRefuses(t *testing.T) {
	z := newZoo(t)
	for name, o := range map[string]zoo.BenchOptions{
		"runs and a duration":          {Runs: 1, Duration: time.Second},
		"negative":                     {Duration: -1},
		"too long":                     {Duration: zoo.MaxBenchDuration + 1},
		"sessions without a duration":  {Runs: 1, Sessions: 2},
		"sessions of too many threads": {Duration: time.Second, Sessions: 3, Threads: zoo.MaxThreads / 2},
	} {
		if _, err := z.Bench(t.Context(), nano.Names[1], o); !errors.Is(err, zoo.ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
