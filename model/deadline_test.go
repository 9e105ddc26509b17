package model_test

import (
	"context"
	"errors"
	"slices"
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
	var sd tensor.StateDict
	for _, p := range g.Params {
		x, err := golden.SyntheticTensor(p.Name, p.DType, p.Shape, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Add(p.Name, x); err != nil {
			t.Fatal(err)
		}
	}
	m, err := model.New(g, &sd, model.Options{Name: "resnet50", Compute: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// A deadline that passes at any moment of computing ResNet-50 is the call's error soon
// after, and never a result: 20 ms on AVX-512 and 200 ms on portable kernels, on a machine
// with nothing else to do. A busy one may stop the test itself at any moment, so that the
// test looks at three quarters of the deadlines; the engine's tests count tasks.
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
		t.Logf("batch %d: a run takes %v; %d of %d deadlines passed while computing, the error came %v late at most, %v in the median", batch, whole, len(late), moments, late[len(late)-1], late[len(late)/2])
		if most := late[len(late)*3/4]; most > max(20*time.Millisecond, whole/10) {
			t.Errorf("batch %d: the error came %v after the deadline, a run takes %v", batch, most, whole)
		}
		if results > moments/10 {
			t.Errorf("batch %d: %d results after the deadline", batch, results)
		}
	}
}
