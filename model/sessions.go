package model

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/tensor"
)

// maxPlans is how many compiled plans are kept. Images of many sizes, without a crop,
// would ask for as many.
const maxPlans = 8

// sessions computes one network. Plans are compiled at first use of an input shape, and
// the least recently used is dropped. Never more engine sessions exist than may compute
// at a time, in use or waiting to be used again: each has an arena of its own, which is
// what a network takes most memory for beside its weights.
type sessions struct {
	network *engine.Network
	compute Compute
	life    *life

	mu    sync.Mutex
	clock uint64
	plans map[planKey]*plan
	busy  int
	idle  []*session // the most recently used last
}

// planKey tells compiled plans apart.
type planKey struct {
	n, h, w int
	keep    string
}

// A plan is one that is compiled, or being so.
type plan struct {
	ready chan struct{} // closed when plan and err are there
	plan  *engine.Plan
	err   error
	used  uint64 // by the clock
}

// A session is an engine session with room for its input and output.
type session struct {
	*engine.Session
	plan   *plan
	input  []float32 // (N,C,H,W)
	logits []float32 // (N,K)
}

// take returns a session for inputs of a shape that keeps some values, and what gives it
// back. The caller must be one of those who may compute.
func (s *sessions) take(ctx context.Context, shape tensor.Shape, keep []int) (*session, func(), error) {
	p, err := s.planFor(ctx, shape, keep)
	if err != nil {
		return nil, nil, err
	}
	one := s.reuse(p)
	if one == nil {
		size, err := shape.Numel()
		if err != nil {
			return nil, nil, err
		}
		one = &session{Session: p.plan.NewSession(), plan: p, input: make([]float32, size), logits: make([]float32, shape[0]*p.plan.Classes())}
	}
	return one, func() { s.give(one) }, nil
}

// reuse returns an idle session of a plan; nil for none, for which it makes room.
func (s *sessions) reuse(p *plan) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
	for i, one := range slices.Backward(s.idle) {
		if one.plan == p {
			s.idle = slices.Delete(s.idle, i, i+1)
			return one
		}
	}
	if s.busy+len(s.idle) > s.compute.Concurrency && len(s.idle) > 0 {
		s.idle = slices.Delete(s.idle, 0, 1)
	}
	return nil
}

// give keeps a session for the next that wants it.
func (s *sessions) give(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	for _, p := range s.plans {
		if p == one.plan {
			s.idle = append(s.idle, one)
			return
		}
	}
}

// planFor returns the plan for an input shape, compiling it at first use: beside this
// call, which ends with its context while the plan is still to come.
func (s *sessions) planFor(ctx context.Context, shape tensor.Shape, keep []int) (*plan, error) {
	keep = slices.Compact(slices.Sorted(slices.Values(keep)))
	key := planKey{shape[0], shape[2], shape[3], fmt.Sprint(keep)}
	s.mu.Lock()
	s.clock++
	p, ok := s.plans[key]
	if !ok {
		p = &plan{ready: make(chan struct{})}
		s.makeRoom()
		s.plans[key] = p
		s.life.share() // compiling reads the weights
		go func() {
			defer s.life.leave()
			p.plan, p.err = s.network.Compile(shape, engine.Options{Threads: s.compute.Threads, Precision: s.compute.Precision, Keep: keep})
			if p.err != nil {
				s.forget(key, p)
			}
			close(p.ready)
		}()
	}
	p.used = s.clock
	s.mu.Unlock()
	select {
	case <-p.ready:
		return p, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// makeRoom drops the least recently used plan, with its sessions, when there are as many
// as are kept. The caller holds the lock.
func (s *sessions) makeRoom() {
	if s.plans == nil {
		s.plans = make(map[planKey]*plan)
	}
	if len(s.plans) < maxPlans {
		return
	}
	var oldest planKey
	for key, p := range s.plans {
		if o := s.plans[oldest]; o == nil || p.used < o.used {
			oldest = key
		}
	}
	dropped := s.plans[oldest]
	delete(s.plans, oldest)
	s.idle = slices.DeleteFunc(s.idle, func(one *session) bool { return one.plan == dropped })
}

// forget drops a plan that could not be compiled.
func (s *sessions) forget(key planKey, p *plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plans[key] == p {
		delete(s.plans, key)
	}
}
