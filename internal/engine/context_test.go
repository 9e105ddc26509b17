package engine

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gozoo/zoo/tensor"
)

// A count counts the tasks of a run, and calls end within the one of a number.
type count struct {
	begun, finished, last atomic.Int64
	end                   atomic.Pointer[context.CancelFunc]
}

// A countedStep is a step whose tasks are counted.
type countedStep struct {
	step
	count *count
}

func (s countedStep) run(f *frame, task int) {
	if s.count.begun.Add(1) == s.count.last.Load() {
		(*s.count.end.Load())()
	}
	s.step.run(f, task)
	s.count.finished.Add(1)
}

// A context that ends while a task is computed ends the run before the caller takes
// another one: nothing that was begun is left behind, and the next run is as if there had
// been none. Workers go on until the caller hears of it.
func TestRunHeedsContextBetweenTasks(t *testing.T) {
	shape := tensor.Shape{4, 3, 33, 29}
	bound, input := small(t, shape)
	for threads := 1; threads <= 3; threads++ {
		p, err := Compile(bound, shape, Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		n := new(count)
		for i := range p.steps {
			p.steps[i].step = countedStep{p.steps[i].step, n}
		}
		s, want := p.NewSession(), make([]float32, 4*p.Classes())
		if err := s.Run(want, input); err != nil {
			t.Fatal(err)
		}
		total := n.begun.Load()
		for last := int64(1); last <= total; last += 1 + total/50 {
			ctx, cancel := context.WithCancel(t.Context())
			n.begun.Store(0)
			n.finished.Store(0)
			n.last.Store(last)
			n.end.Store(&cancel)
			got := make([]float32, len(want))
			err := s.RunContext(ctx, got, input)
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%d threads, ended in task %d of %d: error %v", threads, last, total, err)
			}
			if begun := n.begun.Load(); threads == 1 && begun != last || begun != n.finished.Load() {
				t.Fatalf("%d threads, ended in task %d: %d begun, %d finished", threads, last, begun, n.finished.Load())
			}
			if _, err := s.Value(0); err == nil {
				t.Error("values of a run that was ended")
			}
			n.last.Store(0)
			if err := s.Run(got, input); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d threads: the run after one that ended in task %d: %v, equal %v", threads, last, err, slices.Equal(got, want))
			}
		}
	}
}

func TestRunContextEnded(t *testing.T) {
	shape := tensor.Shape{1, 3, 33, 29}
	bound, input := small(t, shape)
	p, err := Compile(bound, shape, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.NewSession().RunContext(ctx, make([]float32, p.Classes()), input); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
