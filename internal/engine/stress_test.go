package engine

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/tensor"
)

// TestStress runs many sessions while everything that could disturb them happens:
// collections all the time, processors that come and go, goroutines that are
// preempted. Results must stay bit for bit what one quiet run gives. ZOO_LONG=1 makes
// it a minute.
func TestStress(t *testing.T) {
	length := 3 * time.Second
	switch {
	case os.Getenv("ZOO_LONG") != "":
		length = time.Minute
	case testing.Short():
		length = 300 * time.Millisecond
	}
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	shape := tensor.Shape{1, 3, 40, 40}
	bound, input := small(t, shape)
	var plans []*Plan
	for _, v := range kernel.Variants() {
		for threads := 1; threads <= 4; threads++ {
			p, err := Compile(bound, shape, Options{Threads: threads, Precision: tensor.Precisions()[threads%3], Variant: v})
			if err != nil {
				t.Fatal(err)
			}
			plans = append(plans, p)
		}
	}
	want := make([][]float32, len(plans))
	for i, p := range plans {
		want[i] = make([]float32, p.Classes())
		if err := p.NewSession().Run(want[i], input); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var runs atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			p, want := plans[i%len(plans)], want[i%len(plans)]
			s, got := p.NewSession(), make([]float32, p.Classes())
			for !stop.Load() {
				if err := s.Run(got, input); err != nil {
					t.Error(err)
					return
				}
				runs.Add(1)
				for j := range got {
					if got[j] != want[j] {
						t.Errorf("session %d: logit %d = %v, want %v", i, j, got[j], want[j])
						return
					}
				}
			}
		})
	}
	var garbage [][]byte
	for start := time.Now(); time.Since(start) < length; {
		runtime.GOMAXPROCS(1 + int(runs.Load())%4)
		garbage = append(garbage, make([]byte, 1<<16))
		if len(garbage) > 100 {
			garbage = nil
			runtime.GC()
		}
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	if runs.Load() < 16 {
		t.Errorf("%d runs only", runs.Load())
	}
}
