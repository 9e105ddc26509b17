package zoo_test

import (
	"context"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
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
