package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// workers are the goroutines that help all runs of the process. They are started when
// a run first wants them, and sleep when nothing has wanted them for a while. A run
// takes the idle ones, up to its number of threads; when others are at work already,
// it computes alone.
var workers pool

type pool struct {
	mu      sync.Mutex
	idle    []*worker
	started int
}

// A worker waits for a crew to help.
type worker struct {
	crew   atomic.Pointer[crew]
	run    uint64 // of crew; written before crew is, like frame
	frame  int    // of crew
	asleep atomic.Bool
	wake   chan struct{}
}

// linger is how long a worker looks for the next run before it sleeps: waking it
// takes longer than many steps do.
const linger = 200 * time.Microsecond

// recruit sends up to n workers to help a run. Never more are started than the most
// that any run has wanted.
func (p *pool) recruit(c *crew, run uint64, n int) {
	p.mu.Lock()
	for i := range n {
		if len(p.idle) == 0 {
			if p.started >= n {
				break
			}
			w := &worker{wake: make(chan struct{}, 1)}
			p.started++
			p.idle = append(p.idle, w)
			go w.loop(p)
		}
		w := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		w.run, w.frame = run, 1+i
		w.crew.Store(c)
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.mu.Unlock()
}

func (w *worker) loop(p *pool) {
	for {
		c := w.next()
		c.help(w.run, w.frame)
		w.crew.Store(nil)
		p.mu.Lock()
		p.idle = append(p.idle, w)
		p.mu.Unlock()
	}
}

// next waits for a crew.
func (w *worker) next() *crew {
	start := time.Now()
	for spin := 1; ; spin++ {
		if c := w.crew.Load(); c != nil {
			return c
		}
		pause(spin)
		if spin%1024 == 0 && time.Since(start) > linger {
			break
		}
	}
	w.asleep.Store(true)
	if w.crew.Load() != nil && w.asleep.CompareAndSwap(true, false) {
		return w.crew.Load() // came just before falling asleep, and was not woken
	}
	<-w.wake
	return w.crew.Load()
}
