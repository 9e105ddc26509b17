package model

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// waiting waits until n callers stand in the queue.
func (g *gate) waiting(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		g.mu.Lock()
		now := len(g.queue)
		g.mu.Unlock()
		if now == n {
			return
		}
	}
	t.Fatalf("no %d callers are waiting", n)
}

func TestGateLetsInByOrder(t *testing.T) {
	g, open := newGate(2), make(chan struct{})
	for range 2 {
		if err := g.enter(t.Context(), open); err != nil {
			t.Fatal(err)
		}
	}
	const callers = 64
	order := make(chan int, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			if err := g.enter(t.Context(), open); err != nil {
				t.Error(err)
				return
			}
			order <- i
		})
		g.waiting(t, i+1)
	}
	for want := range callers { // one leaves, one comes in
		g.leave()
		if got := <-order; got != want {
			t.Fatalf("caller %d came in as number %d", got, want)
		}
	}
	wg.Wait()
	g.leave()
	g.leave()
	if g.free != 2 || len(g.queue) != 0 {
		t.Errorf("%d free, %d waiting", g.free, len(g.queue))
	}
}

// Who gives up while waiting takes nobody's place, and none of the room.
func TestGateHeedsContextAndClosing(t *testing.T) {
	g, closing := newGate(1), make(chan struct{})
	if err := g.enter(t.Context(), closing); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 3)
	enter := func(ctx context.Context, n int) {
		go func() { errs <- g.enter(ctx, closing) }()
		g.waiting(t, n)
	}
	enter(ctx, 1)
	enter(t.Context(), 2)
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	g.waiting(t, 1)
	g.leave()
	if err := <-errs; err != nil {
		t.Errorf("the next in the queue: %v", err)
	}
	enter(t.Context(), 1)
	close(closing)
	if err := <-errs; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	g.leave()
	if err := g.enter(ctx, closing); !errors.Is(err, context.Canceled) {
		t.Errorf("with room, but an ended context: %v", err)
	}
	if g.free != 1 || len(g.queue) != 0 {
		t.Errorf("%d free, %d waiting", g.free, len(g.queue))
	}
}

// A gate under contention never lets in more than it may, and loses no room.
func TestGateStress(t *testing.T) {
	g, open := newGate(3), make(chan struct{})
	var mu sync.Mutex
	inside, most := 0, 0
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for n := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+n)%3 == 0 {
					go cancel()
				}
				if err := g.enter(ctx, open); err == nil {
					mu.Lock()
					inside++
					most = max(most, inside)
					mu.Unlock()
					mu.Lock()
					inside--
					mu.Unlock()
					g.leave()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if most > 3 || g.free != 3 || len(g.queue) != 0 {
		t.Errorf("%d inside at most, %d free, %d waiting", most, g.free, len(g.queue))
	}
}

func TestLife(t *testing.T) {
	l := newLife()
	if err := l.enter(); err != nil {
		t.Fatal(err)
	}
	l.share()
	ended := make(chan bool, 2)
	for range 2 {
		go func() { ended <- l.end() }()
	}
	<-l.closing
	if err := l.enter(); !errors.Is(err, ErrClosed) {
		t.Errorf("a new use: %v", err)
	}
	l.leave()
	select {
	case <-ended:
		t.Fatal("it ended while somebody used it")
	default:
	}
	l.leave()
	if a, b := <-ended, <-ended; a == b {
		t.Errorf("first %v and %v: one of two is the first", a, b)
	}
	if l.end() {
		t.Error("the third end was the first")
	}
}
