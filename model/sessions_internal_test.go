package model

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// tiny returns a network for images of 3 by 3 pixels and more.
func tiny(t testing.TB, o Options) *Model {
	t.Helper()
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stem").Conv(b.Input(), 4, nn.K(3))
	x = b.At("down").MaxPool(x, 3, 1, 0)
	x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x)))
	g, err := b.Graph(b.At("head").Linear(x, 5))
	if err != nil {
		t.Fatal(err)
	}
	var sd tensor.StateDict
	for _, p := range g.Params {
		n, _ := p.Shape.Numel()
		values := make([]float32, n)
		for i := range values {
			values[i] = 1 + float32(i%7)
		}
		if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, values)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := New(g, &sd, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// ones returns a network input of a size.
func ones(n, h, w int) Input {
	x := make([]float32, n*3*h*w)
	for i := range x {
		x[i] = 1
	}
	return Tensor(tensor.Shape{n, 3, h, w}, x)
}

// A ninth size drops the least recently used plan, and no other.
func TestNinthSizeDropsOnePlan(t *testing.T) {
	m := tiny(t, Options{})
	for side := 4; side < 4+maxPlans; side++ {
		if _, err := m.Logits(t.Context(), ones(1, side, side)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Logits(t.Context(), ones(1, 4, 4)); err != nil { // used again: no longer the oldest
		t.Fatal(err)
	}
	if _, err := m.Logits(t.Context(), ones(1, 99, 99)); err != nil {
		t.Fatal(err)
	}
	s := m.sessions
	if len(s.plans) != maxPlans {
		t.Errorf("%d plans", len(s.plans))
	}
	for side, want := range map[int]bool{4: true, 5: false, 6: true, 11: true, 99: true} {
		if _, ok := s.plans[planKey{1, side, side, "[]"}]; ok != want {
			t.Errorf("plan for %d is there: %v, want %v", side, ok, want)
		}
	}
}

// Whatever sizes come, there are never more sessions than may compute at a time.
func TestSessionsAreBounded(t *testing.T) {
	m := tiny(t, Options{Compute: Compute{Concurrency: 2, Threads: 1}})
	s := m.sessions
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			side := 4 + i%3
			if _, err := m.Logits(t.Context(), ones(1, side, side)); err != nil {
				t.Error(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if n := s.busy + len(s.idle); n > 2 {
				t.Errorf("%d sessions", n)
			}
		})
	}
	wg.Wait()
	if s.busy != 0 || len(s.idle) == 0 || len(s.idle) > 2 {
		t.Errorf("%d busy and %d idle sessions in the end", s.busy, len(s.idle))
	}
	// Requests of one size take the sessions that are there.
	if _, err := m.Logits(t.Context(), ones(1, 4, 4)); err != nil {
		t.Fatal(err)
	}
	last := s.idle[len(s.idle)-1]
	if _, err := m.Logits(t.Context(), ones(1, 4, 4)); err != nil {
		t.Fatal(err)
	}
	if s.idle[len(s.idle)-1] != last {
		t.Error("a session was made where one was idle")
	}
}

// A size that is being compiled keeps nobody from computing another, and nobody who waits
// for it from giving up.
func TestCompilingKeepsNobody(t *testing.T) {
	m := tiny(t, Options{Compute: Compute{Concurrency: 2}})
	m.sessions.makeRoom()
	m.sessions.plans[planKey{1, 8, 8, "[]"}] = &plan{ready: make(chan struct{})} // for ever
	if _, err := m.Logits(t.Context(), ones(1, 9, 9)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := m.Logits(ctx, ones(1, 8, 8))
		failed <- err
	}()
	if _, err := m.Logits(t.Context(), ones(1, 9, 9)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// A shape that the network cannot take is refused each time, and leaves no plan.
func TestFailedPlanIsForgotten(t *testing.T) {
	m := tiny(t, Options{})
	for range 2 {
		_, err := m.Logits(t.Context(), ones(1, 2, 2))
		if input := (*nn.InputError)(nil); !errors.As(err, &input) {
			t.Errorf("error %v, want an InputError", err)
		}
	}
	if len(m.sessions.plans) != 0 {
		t.Errorf("%d plans are kept", len(m.sessions.plans))
	}
}
