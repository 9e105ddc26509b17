package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A crew is the goroutines of one run: the one that called Session.Run, and workers
// that it could recruit. They go through the steps together. The caller announces each
// step; everyone claims its tasks one by one; the next step begins when all of them
// are done. Nothing is allocated, and no goroutine sleeps between two steps: a step
// can be shorter than it takes to wake one.
type crew struct {
	steps  []timedStep
	frames []frame         // of the caller, and of each worker
	times  []time.Duration // of each step over all runs, when asked for

	// What ends a run between two tasks: that quit is closed, or that the deadline has
	// passed. The clock is asked besides, since the timer that closes quit may be late
	// where every processor computes. Nil and zero are never.
	quit     <-chan struct{}
	deadline time.Time

	// state is what may be claimed: the run, the step of it, and the next task.
	state atomic.Uint64
	done  atomic.Int64 // tasks of the step that have been computed
}

// Fields of crew.state. A worker that a busy machine holds up must not take a later
// run for its own, so runs are numbered.
const (
	taskBits = 24
	stepBits = 16
	runBits  = 64 - taskBits - stepBits
	taskMask = 1<<taskBits - 1
	stepMask = 1<<stepBits - 1
	runMask  = 1<<runBits - 1
)

// Bounds of a plan, which Compile checks.
const (
	maxTasks = taskMask - 1 // of a step; the count may go one beyond, see claim
	maxSteps = stepMask
)

func pack(run uint64, step int) uint64 { return run<<(taskBits+stepBits) | uint64(step)<<taskBits }

// run computes all steps for a network input with up to as many threads as there are
// frames. It reports whether it came to the end: quit may end it before.
func (c *crew) run(input []float32) bool {
	for i := range c.frames {
		c.frames[i].src = input
	}
	threads := len(c.frames)
	run := (c.state.Load()>>(taskBits+stepBits) + 1) & runMask
	whole := true
	for i := 0; i < len(c.steps) && whole; i++ {
		var start time.Time
		if c.quit != nil {
			// Processors that compute do not look at their timers. Without this, a call that
			// waits for its turn hears of its deadline up to two time slices late.
			runtime.Gosched()
		}
		if c.times != nil {
			start = time.Now()
		}
		c.clearBorders(&c.steps[i])
		for f := range c.frames {
			c.frames[f].rounded = none
		}
		if threads == 1 {
			whole = c.alone(i)
		} else {
			whole = c.together(run, i, threads)
		}
		if c.times != nil {
			c.times[i] += time.Since(start)
		}
	}
	c.state.Store(pack(run, stepMask)) // no such step: the run is over
	for i := range c.frames {
		c.frames[i].src = nil
	}
	return whole
}

// stopped reports whether the run is to end.
func (c *crew) stopped() bool {
	select {
	case <-c.quit:
		return true
	default:
		return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
	}
}

// alone computes step i without help, and reports whether it came to the end.
func (c *crew) alone(i int) bool {
	s := &c.steps[i]
	for task := range s.n {
		if c.stopped() {
			return false
		}
		s.run(&c.frames[0], task)
	}
	return true
}

// together computes step i with the workers of the run, which step 0 recruits. It reports
// whether it came to the end. Only the caller looks at quit: what it no longer announces
// nobody claims.
func (c *crew) together(run uint64, i, threads int) bool {
	s := &c.steps[i]
	c.done.Store(0)
	c.state.Store(pack(run, i))
	if i == 0 {
		workers.recruit(c, run, threads-1)
	}
	claimed := s.n
	for {
		if c.stopped() {
			// From here on the run is over for the workers, but for the tasks they are at.
			claimed = min(int(c.state.Swap(pack(run, stepMask))&taskMask), s.n)
			break
		}
		task, ok := c.claim(run, i)
		if !ok {
			break
		}
		s.run(&c.frames[0], task)
		c.done.Add(1)
	}
	for spin := 1; c.done.Load() < int64(claimed); spin++ {
		pause(spin)
	}
	return claimed == s.n
}

// claim returns a task of the given step, if one is left.
func (c *crew) claim(run uint64, step int) (task int, ok bool) {
	if now := c.state.Load(); now>>taskBits != pack(run, step)>>taskBits || int(now&taskMask) >= c.steps[step].n {
		return 0, false
	}
	// Between the look and the claim others can only have taken tasks of this step:
	// while the caller of the run is here, the step does not change.
	task = int((c.state.Add(1) - 1) & taskMask)
	return task, task < c.steps[step].n
}

// help computes tasks until the run is over, with frame i.
func (c *crew) help(run uint64, i int) {
	for spin := 1; ; spin++ {
		now := c.state.Load()
		step := int(now >> taskBits & stepMask)
		if now>>(taskBits+stepBits) != run || step == stepMask {
			return
		}
		if int(now&taskMask) >= c.steps[step].n {
			pause(spin)
			continue
		}
		// Unlike the caller, a worker can be overtaken by the next step, so that only
		// the exact state it has seen is a claim.
		if !c.state.CompareAndSwap(now, now+1) {
			continue
		}
		c.steps[step].run(&c.frames[i], int(now&taskMask))
		c.done.Add(1)
		spin = 0
	}
}

// clearBorders zeroes the borders that a step's output needs: the memory may have
// held something else.
func (c *crew) clearBorders(s *timedStep) {
	for _, b := range s.borders {
		b.clearBorder(c.frames[0].mem)
	}
}

// clearBorder zeroes the pixels around each image of a buffer.
func (b *buffer) clearBorder(mem []float32) {
	row := b.rowStride()
	for n := range b.n {
		image := mem[b.offset+n*b.imageStride():][:b.imageStride()]
		clear(image[:b.top*row+b.left*b.c])
		for y := range b.h - 1 {
			at := (b.top+y)*row + (b.left+b.w)*b.c
			clear(image[at : at+(b.right+b.left)*b.c])
		}
		clear(image[(b.top+b.h-1)*row+(b.left+b.w)*b.c:])
	}
}

// pause is one turn of a waiting loop. Now and then it lets another goroutine run,
// which on a busy machine may be the one that is waited for.
func pause(spin int) {
	if spin%64 == 0 {
		runtime.Gosched()
	}
}
