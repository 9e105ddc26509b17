package model

import (
	"context"
	"sync"
)

// A gate lets a number of holders in at a time. Those who wait get in in the order they
// came.
type gate struct {
	mu    sync.Mutex
	free  int
	queue []chan struct{} // closed when its owner has been let in
}

func newGate(n int) *gate { return &gate{free: n} }

// enter waits until there is room. It returns the context's error when that ends first,
// and ErrClosed when closing does.
func (g *gate) enter(ctx context.Context, closing <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.free > 0 && len(g.queue) == 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	in := make(chan struct{})
	g.queue = append(g.queue, in)
	g.mu.Unlock()
	var err error
	select {
	case <-in:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-closing:
		err = ErrClosed
	}
	g.mu.Lock()
	for i, other := range g.queue {
		if other == in {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			g.mu.Unlock()
			return err
		}
	}
	g.mu.Unlock()
	g.leave() // was let in at the same moment
	return err
}

// leave makes room for the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.free++
		return
	}
	close(g.queue[0])
	g.queue = g.queue[1:]
}
