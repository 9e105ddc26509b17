package zoo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// BenchOptions says what to time. The zero value times one image of the model's own
// size on one thread, with synthetic weights, at High.
type BenchOptions struct {
	Height, Width int // of the input; 0 means the model's crop
	Batch         int // images computed together; 0 means 1
	Threads       int // 0 means 1
	Runs          int // that are timed, after warming up; 0 only computes the logits once
	Precision     Precision
	// Duration is how long to compute, without a pause, instead of a number of runs; 0 for Runs. All the
	// while Sessions compute at once, each with Threads of its own. 0 means 1 session; without a
	// Duration there is one.
	Duration time.Duration
	Sessions int
	// Weights are synthetic or the published ones; the zero value means synthetic ones of
	// seed 0.
	// Checkpoint is a file whose weights are used instead. Time does not depend on them.
	Weights    golden.Weights
	Checkpoint string
	// Network is what the project of Checkpoint calls the network that it holds: see
	// converter.Target.
	Network string
	// WeightsKey says which tensors of Checkpoint are the network's: see
	// converter.Checkpoint.Select.
	WeightsKey string
}

// A Bench is how long a network takes. Times are for a whole run; divide them by Input[0]
// for the time of one image.
type Bench struct {
	Model       string
	Input       tensor.Shape // (N,C,H,W)
	Threads     int
	Precision   Precision
	Kernels     string          // as model.Variant
	Runs        int             // that were timed
	Times       []time.Duration // of each, sorted
	Min, Median time.Duration   // of a run
	Sessions    int             // that computed at once
	Elapsed     time.Duration   // from the first run's start to the last one's end; 0 where BenchOptions.Duration was
	MACs        int64           // multiply-accumulates of a run, as the network is defined
	Layers      []LayerTime     // in the order they run; not timed with a BenchOptions.Duration
	Logits      []float32       // (N,K) of golden.SyntheticInput, seed 0
	Classes     int             // K
}

// Percentile returns the time that a percentage, 1 to 99, of the runs did not exceed: see
// metrics.Percentile. ok is false where there were too few runs to show it.
func (b *Bench) Percentile(percent int) (d time.Duration, ok bool) {
	return metrics.Percentile(b.Times, percent)
}

// ImagesPerSecond returns the throughput of all sessions together: images divided by Elapsed; 0 where
// that is.
func (b *Bench) ImagesPerSecond() float64 {
	if b.Elapsed <= 0 {
		return 0
	}
	return float64(b.Runs) * float64(b.Input[0]) / b.Elapsed.Seconds()
}

// GFLOPS returns the speed of the fastest run, with Elapsed that of all sessions together, in 10^9
// floating-point operations a second, of which a multiply-accumulate is two. This is the unit of
// processors' peaks; tables of networks count a multiply-accumulate once.
func (b *Bench) GFLOPS() float64 {
	if b.Elapsed > 0 {
		return gflops(b.MACs*int64(b.Runs), b.Elapsed)
	}
	return gflops(b.MACs, b.Min)
}

func gflops(macs int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return 2 * float64(macs) / float64(d.Nanoseconds())
}

// A LayerTime is what one step of a network takes: an operator with what is fused into
// it.
type LayerTime struct {
	Path   string       // module path of its first operator; empty for the input
	Kind   string       // of that operator
	Kernel string       // how it is computed; empty where there is only one way
	Why    string       // why so, where there was a choice
	Out    tensor.Shape // (N,C,H,W)
	MACs   int64
	Min    time.Duration // of all runs
	Idle   float64       // share of the threads' time, 0 to 1, in which they had nothing to compute, in that run
}

// GFLOPS is Bench.GFLOPS of one step.
func (l *LayerTime) GFLOPS() float64 { return gflops(l.MACs, l.Min) }

// warmUp is how long a network runs before it is timed: processors and memory need
// a while to reach their speed.
const warmUp = 200 * time.Millisecond

// maxBenchInput bounds the input of a bench, in bytes: what is computed from it takes
// many times as much.
const maxBenchInput = 1 << 30

// Bench times the named model's network. Reading weights and compiling do not count. The
// error is an *nn.InputError when the network cannot take inputs of that size.
func (z *Zoo) Bench(ctx context.Context, name string, o BenchOptions) (*Bench, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	if o.Checkpoint == "" {
		if err := z.signed(); err != nil {
			return nil, err
		}
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Precision == "" {
		o.Precision = High
	}
	if o.Height == 0 && o.Width == 0 {
		o.Height, o.Width = entry.Input.Crop, entry.Input.Crop
	}
	o.Batch, o.Threads, o.Sessions = max(o.Batch, 1), max(o.Threads, 1), max(o.Sessions, 1)
	m, err := z.openWeights(ctx, entry, o)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	b := &Bench{
		Model: entry.Name, Input: tensor.Shape{o.Batch, m.Graph().Channels, o.Height, o.Width},
		Threads: o.Threads, Precision: o.Precision, Kernels: model.Variant(), Runs: o.Runs, Sessions: o.Sessions,
	}
	if b.MACs, err = metrics.MACs(m.Graph(), tensor.Shape{1, b.Input[1], o.Height, o.Width}); err != nil {
		return nil, err
	}
	b.MACs *= int64(o.Batch)
	if bytes, err := b.Input.Bytes(tensor.F32); err != nil || bytes > maxBenchInput {
		return nil, &nn.InputError{Input: b.Input, Err: fmt.Errorf("zoo: bench: input %v: expected at most %d bytes", b.Input, maxBenchInput)}
	}
	input, err := golden.SyntheticInput(b.Input, 0)
	if err != nil {
		return nil, err
	}
	plan, err := engine.Compile(m.Bound(), b.Input, engine.Options{Threads: o.Threads, Precision: o.Precision})
	if err != nil {
		return nil, err
	}
	b.Classes = plan.Classes()
	b.Logits = make([]float32, o.Batch*b.Classes)
	for _, l := range plan.Layers() {
		b.Layers = append(b.Layers, LayerTime{Path: l.Path, Kind: l.Kind, Kernel: l.Kernel, Why: l.Why, Out: l.Out, MACs: l.MACs})
	}
	if o.Duration > 0 {
		err = b.sustain(ctx, plan, input, o.Duration)
	} else {
		err = b.repeat(ctx, plan, input)
	}
	if err != nil {
		return nil, err
	}
	if n := len(b.Times); n > 0 {
		slices.Sort(b.Times)
		b.Runs, b.Min, b.Median = n, b.Times[0], (b.Times[(n-1)/2]+b.Times[n/2])/2
	}
	return b, nil
}

// repeat computes the logits, and times a number of runs.
func (b *Bench) repeat(ctx context.Context, plan *engine.Plan, input []float32) error {
	session := plan.NewSession()
	steps := make([]engine.StepTime, len(b.Layers))
	start := time.Now()
	for warm := true; warm; warm = b.Runs > 0 && time.Since(start) < warmUp {
		if err := session.RunContext(ctx, b.Logits, input); err != nil {
			return err
		}
	}
	for i := range b.Runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := session.RunTimed(b.Logits, input, steps); err != nil {
			return err
		}
		b.Times = append(b.Times, time.Since(start))
		for j, d := range steps {
			if l := &b.Layers[j]; i == 0 || d.Wall < l.Min {
				l.Min, l.Idle = d.Wall, d.Idle(b.Threads)
			}
		}
	}
	return nil
}

// openWeights opens an entry's network with the weights that options name.
func (z *Zoo) openWeights(ctx context.Context, entry *registry.Entry, o BenchOptions) (*Model, error) {
	switch _, synthetic := o.Weights.Seed(); {
	case o.Checkpoint != "":
		return z.OpenWith(ctx, entry.Name, OpenOptions{File: o.Checkpoint, Weights: o.WeightsKey, Network: o.Network})
	case o.Weights == golden.Published:
		return z.Open(ctx, entry.Name)
	case o.Weights == (golden.Weights{}):
		return z.synthetic(entry, nn.AsTrained, entry.Classes, golden.Synthetic(0))
	case synthetic:
		return z.synthetic(entry, nn.AsTrained, entry.Classes, o.Weights)
	}
	return nil, option.Errorf("Weights", "zoo: bench %s: weights %s: expected synthetic or published ones", entry.Name, o.Weights)
}
