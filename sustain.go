package zoo

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/option"
)

// MaxBenchDuration bounds BenchOptions.Duration: the time of each run is kept.
const MaxBenchDuration = time.Hour

// check returns an error of options that contradict each other.
func (o *BenchOptions) check() error {
	switch {
	case o.Duration < 0 || o.Duration > MaxBenchDuration:
		return option.Errorf("Duration", "zoo: bench: %v: expected at most %v", o.Duration, MaxBenchDuration)
	case o.Duration > 0 && o.Runs != 0:
		return option.Errorf("Runs", "zoo: bench: %d runs and a duration of %v: expected one of them", o.Runs, o.Duration)
	case o.Duration == 0 && o.Sessions > 1:
		return option.Errorf("Sessions", "zoo: bench: %d sessions without a duration: expected 1, or a duration", o.Sessions)
	case o.Sessions > MaxThreads/max(o.Threads, 1):
		return option.Errorf("Sessions", "zoo: bench: %d sessions of %d threads: expected at most %d threads in all",
			o.Sessions, max(o.Threads, 1), MaxThreads)
	}
	return nil
}

// sustain computes in all sessions at once until the duration is over, and the runs that are under way
// then have ended. It times each.
func (b *Bench) sustain(ctx context.Context, plan *engine.Plan, input []float32, duration time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	times := make([][]time.Duration, b.Sessions)
	var warm, done sync.WaitGroup
	var begin time.Time
	start := make(chan struct{})
	warm.Add(b.Sessions)
	for i := range b.Sessions {
		done.Go(func() {
			logits := b.Logits
			if i > 0 {
				logits = make([]float32, len(b.Logits))
			}
			session := plan.NewSession()
			run := func() bool {
				err := session.RunContext(ctx, logits, input)
				if err != nil {
					cancel(err) // the others need not go on
				}
				return err == nil
			}
			for began := time.Now(); run(); {
				if time.Since(began) >= warmUp {
					break
				}
			}
			warm.Done()
			<-start
			for at := time.Now(); len(times[i]) == 0 || at.Sub(begin) < duration; {
				if !run() {
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(at))
				at = now
			}
		})
	}
	warm.Wait()
	begin = time.Now()
	close(start)
	done.Wait()
	b.Elapsed = time.Since(begin)
	b.Times = slices.Concat(times...)
	return context.Cause(ctx)
}
