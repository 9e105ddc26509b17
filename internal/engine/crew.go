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
//
// Each thread has a share of a step's tasks, which are in the order of what they read: so it finds
// most of its input in its own cache, having written it in the step before. Who has
// done his share takes from those of others.
type crew struct {
	steps  []timedStep
	frames []frame    // of the caller, and of each worker
	shares []share    // of each frame
	times  []StepTime // of each step over all parts of a batch, when asked for

	// What ends a run between two tasks: that quit is closed, or that the deadline has
	// passed. The clock is asked besides, since the timer that closes quit may be late
	// where every processor computes. Nil and zero are never.
	quit     <-chan struct{}
	deadline time.Time

	step atomic.Uint64 // the run, and the step of it whose tasks may be claimed
	done atomic.Int64  // tasks of the step that have been computed
}

// A share says how many of a thread's tasks have been claimed: the run, the step, and the next
// task. It is of the step that last had tasks for it. Each has a cache line of its own.
type share struct {
	next atomic.Uint64
	_    [56]byte
}

// Fields of crew.step and share.next. A worker that a busy machine holds up must not take a later
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
	maxTasks = taskMask // of a step
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
	run := (c.step.Load()>>(taskBits+stepBits) + 1) & runMask
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
			c.times[i].Wall += time.Since(start)
		}
	}
	c.step.Store(pack(run, stepMask)) // no such step: the run is over
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

// began returns the time when a frame begins a task, if that is asked for: the time when it
// finished the one before, or now. Only who has claimed a task may look at its frame.
func (c *crew) began(frame int, before time.Time) time.Time {
	if before.IsZero() && c.frames[frame].busy != nil {
		return time.Now()
	}
	return before
}

// finished counts a task as done, and adds the time since it was begun to what the frame has
// computed for the step. It returns the time when the next one begins.
func (c *crew) finished(step, frame int, start time.Time) (next time.Time) {
	if busy := c.frames[frame].busy; busy != nil {
		next = time.Now()
		busy[step] += next.Sub(start)
	}
	c.done.Add(1)
	return next
}

// together computes step i with the workers of the run, which step 0 recruits, and reports
// whether it came to the end.
func (c *crew) together(run uint64, i, threads int) bool {
	c.done.Store(0)
	c.step.Store(pack(run, i))
	if i == 0 {
		workers.recruit(c, run, threads-1)
	}
	whole := c.work(run, i, 0)
	for spin := 1; c.done.Load() < int64(c.steps[i].n); spin++ {
		pause(spin)
	}
	return whole
}

// work computes the tasks of a step that are left for a frame, and reports whether it left
// none out. Only the caller, frame 0, looks at quit: then it claims what is left and computes
// none of it.
func (c *crew) work(run uint64, step, frame int) bool {
	whole, start := true, time.Time{}
	for task, ok := c.claim(run, step, frame); ok; task, ok = c.claim(run, step, frame) {
		start = c.began(frame, start)
		if whole = whole && (frame > 0 || !c.stopped()); whole {
			c.steps[step].run(&c.frames[frame], task)
		}
		start = c.finished(step, frame, start)
	}
	return whole
}

// claim returns a task of the given step, if one is left: of the frame's own share, or of the
// next one that has some.
func (c *crew) claim(run uint64, step, frame int) (task int, ok bool) {
	n, threads, now := c.steps[step].n, len(c.shares), pack(run, step)
	for i := range threads {
		of := (frame + i) % threads
		first, end := n*of/threads, n*(of+1)/threads
		for s := &c.shares[of].next; first < end; {
			old := s.Load()
			task = first
			if old&^taskMask == now {
				if task = int(old & taskMask); task == end {
					break
				}
			} else if c.step.Load() != now {
				return 0, false // a worker can be overtaken by the steps after its own
			}
			// Had the step ended since that look, somebody would have claimed this task, and
			// the share would be another.
			if s.CompareAndSwap(old, now|uint64(task+1)) {
				return task, true
			}
		}
	}
	return 0, false
}

// help computes tasks until the run is over, with a frame.
func (c *crew) help(run uint64, frame int) {
	last := -1 // step
	for spin := 1; ; spin++ {
		now := c.step.Load()
		step := int(now >> taskBits & stepMask)
		if now>>(taskBits+stepBits) != run || step == stepMask {
			return
		}
		if step == last {
			pause(spin)
			continue
		}
		c.work(run, step, frame)
		last, spin = step, 0
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
		clear(image[:b.top*row+b.left*b.pixel()])
		for y := range b.h - 1 {
			at := (b.top+y)*row + (b.left+b.w)*b.pixel()
			clear(image[at : at+(b.right+b.left)*b.pixel()])
		}
		clear(image[(b.top+b.h-1)*row+(b.left+b.w)*b.pixel():])
	}
}

// pause is one turn of a waiting loop. Now and then it lets another goroutine run,
// which on a busy machine may be the one that is waited for.
func pause(spin int) {
	if spin%64 == 0 {
		runtime.Gosched()
	}
}
