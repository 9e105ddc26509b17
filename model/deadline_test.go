package model_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// resNet50 returns ResNet-50 with synthetic weights.
func resNet50(t testing.TB, c model.Compute) *model.Model {
	t.Helper()
	family, err := backbone.Find("resnet50")
	if err != nil {
		t.Fatal(err)
	}
	g, err := family.Graph("resnet50", 1000)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := golden.SyntheticState(g.Params, golden.Synthetic(0))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(g, sd, model.Options{Name: "resnet50", Compute: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// lateness is how late the error of a deadline may come where a run takes some time. On a
// machine with nothing else to do that is 20 ms on AVX-512 and 200 ms on portable kernels, and
// ZOO_LONG=1 asks for it. A busy one may stop the test itself at any moment: there half a run
// will do, which is soon all the same.
func lateness(whole time.Duration) time.Duration {
	if os.Getenv("ZOO_LONG") != "" {
		return max(20*time.Millisecond, whole/10)
	}
	return max(100*time.Millisecond, whole/2)
}

// A deadline that passes at any moment of computing ResNet-50 is the call's error soon
// after, and never a result. The test looks at three quarters of the deadlines; the engine's
// tests count tasks.
func TestDeadlineWhileComputing(t *testing.T) {
	if testing.Short() {
		t.Skip("ResNet-50 takes seconds")
	}
	for _, batch := range []int{1, 8} {
		m := resNet50(t, model.Compute{Concurrency: 1})
		shape := tensor.Shape{batch, 3, 224, 224}
		if err := m.Warm(t.Context(), shape); err != nil {
			t.Fatal(err)
		}
		input := model.Tensor(shape, make([]float32, batch*3*224*224))
		start := time.Now()
		if _, err := m.Logits(t.Context(), input); err != nil {
			t.Fatal(err)
		}
		whole := time.Since(start)
		var late []time.Duration
		results := 0 // after the deadline
		moments := 40
		if whole > time.Second { // portable kernels
			moments = 8
		}
		for i := range moments {
			ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(i)/time.Duration(moments+moments/4))
			deadline, _ := ctx.Deadline()
			_, err := m.Logits(ctx, input)
			after := time.Since(deadline)
			cancel()
			if err == nil && after > time.Millisecond { // that the call has to return
				results++
			}
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				late = append(late, after)
			}
		}
		if len(late) == 0 {
			t.Fatalf("batch %d: no deadline of %d passed while computing: a run took %v", batch, moments, whole)
		}
		slices.Sort(late)
		t.Logf("batch %d: a run takes %v; %d of %d deadlines passed while computing, the error came %v late at most, %v in the median",
			batch, whole, len(late), moments, late[len(late)-1], late[len(late)/2])
		if most := late[len(late)*3/4]; most > lateness(whole) {
			t.Errorf("batch %d: the error came %v after the deadline, a run takes %v", batch, most, whole)
		}
		if results > moments/10 {
			t.Errorf("batch %d: %d results after the deadline", batch, results)
		}
	}
}

// A deadline that passes while a call waits for its turn is its error soon after, though
// every processor computes for those before it.
func TestDeadlineWhileWaiting(t *testing.T) {
	if testing.Short() {
		t.Skip("ResNet-50 takes seconds")
	}
	const waiting = 40
	m := resNet50(t, model.Compute{Concurrency: 2})
	shape := tensor.Shape{8, 3, 224, 224}
	if err := m.Warm(t.Context(), shape); err != nil {
		t.Fatal(err)
	}
	input := model.Tensor(shape, make([]float32, 8*3*224*224))
	start := time.Now()
	if _, err := m.Logits(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	busy, stop := context.WithCancel(t.Context())
	var computing, all sync.WaitGroup
	for range 4 { // two compute, two are always next
		computing.Go(func() {
			for busy.Err() == nil {
				if _, err := m.Logits(busy, input); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
	time.Sleep(whole / 4) // they have begun
	late := make([]time.Duration, waiting)
	for i := range waiting {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(i+1)/waiting)
			defer cancel()
			deadline, _ := ctx.Deadline()
			_, err := m.Logits(ctx, input)
			late[i] = time.Since(deadline)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call %d: %v, expected that its deadline has passed", i, err)
			}
		})
	}
	all.Wait()
	stop()
	computing.Wait()
	slices.Sort(late)
	t.Logf("a run takes %v; the errors of %d calls that waited came %v late at most, %v in the median", whole, waiting,
		late[waiting-1], late[waiting/2])
	if most := late[waiting*3/4]; most > lateness(whole) {
		t.Errorf("the error came %v after the deadline", most)
	}
}
