package transfer

import (
	"context"
	"strings"
	"sync"
)

// plan is which bytes of a file are there. The file is cut into segments; each
// segment grows from its start, and several may grow at once. Safe for concurrent
// use.
type plan struct {
	validator string // of the server's file, as If-Range takes it; empty: none
	size      int64  // bytes of the whole file; -1: not known yet
	segment   int64  // bytes of each segment but the last; 0: the file is one segment

	mu      sync.Mutex
	changed *sync.Cond
	done    []int64 // bytes that are there of each segment
	claimed []bool  // a worker fetches it
	front   int     // segments before this one are whole
	hashed  int64   // bytes that went through the hash
	ahead   int64   // offset that claims may not pass while hashed is not near it
	ended   bool    // nobody should wait any more
	save    func(segment int, done int64)
}

func newPlan() *plan {
	p := &plan{size: -1, save: func(int, int64) {}}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// lay cuts a file of a known or unknown (-1) size into segments that are empty.
func (p *plan) lay(size, segment int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size < 0 {
		segment = 0
	}
	p.size, p.segment = size, segment
	n := int64(1)
	if segment > 0 && size > 0 {
		n = (size + segment - 1) / segment
	}
	p.done, p.claimed = make([]int64, n), make([]bool, n)
	p.changed.Broadcast()
}

// isETag reports whether the validator is an ETag; else it is a date, or none.
func (p *plan) isETag() bool { return strings.HasPrefix(p.validator, `"`) }

// span returns the offsets of a segment; the second is -1 when it is not known.
func (p *plan) span(i int) (from, to int64) {
	from = int64(i) * p.segment
	if p.segment == 0 || from+p.segment > p.size {
		return from, p.size
	}
	return from, from + p.segment
}

// frontier returns how many bytes are there without a hole. The lock is held.
func (p *plan) frontier() int64 {
	for p.front < len(p.done) {
		from, to := p.span(p.front)
		if from+p.done[p.front] != to {
			return from + p.done[p.front]
		}
		p.front++
	}
	return p.size
}

// there returns how many bytes are there, holes or not.
func (p *plan) there() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int64
	for _, d := range p.done {
		n += d
	}
	return n
}

// complete reports whether every byte is there.
func (p *plan) complete() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size >= 0 && p.frontier() == p.size
}

// wrote notes that n bytes at an offset are in the file now. They continue what
// is there of the segments that they fall in.
func (p *plan) wrote(off, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n > 0 {
		i, take := 0, n
		if p.segment > 0 {
			i = int(off / p.segment)
			_, to := p.span(i)
			take = min(n, to-off)
		}
		p.done[i] += take
		p.save(i, p.done[i])
		off, n = off+take, n-take
	}
	p.changed.Broadcast()
}

// finish sets the size of a file that ended where it was not known to.
func (p *plan) finish(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size < 0 {
		p.size = size
		p.changed.Broadcast()
	}
}

// claim returns offsets of bytes that are missing and that nobody else fetches:
// the rest of one segment, or with alone all up to the next bytes that are there.
// It waits for the hash to come near, and for what others may give back; ok is
// false once there is nothing left to do.
func (p *plan) claim(ctx context.Context, alone bool, window int64) (from, to int64, ok bool) {
	stop := context.AfterFunc(ctx, p.wake)
	defer stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.ended || ctx.Err() != nil {
			return 0, 0, false
		}
		busy := false
		for i := p.front; i < len(p.done); i++ {
			start, end := p.span(i)
			if start+p.done[i] == end {
				continue
			}
			busy = true
			if p.claimed[i] {
				continue
			}
			if from = start + p.done[i]; from > max(p.hashed, p.ahead)+window {
				break
			}
			to = end
			p.claimed[i] = true
			for i++; alone && i < len(p.done) && p.done[i] == 0 && !p.claimed[i]; i++ {
				p.claimed[i] = true
				_, to = p.span(i)
			}
			return from, to, true
		}
		if !busy {
			return 0, 0, false
		}
		p.changed.Wait()
	}
}

// claimFirst claims segments from the start: one, or all.
func (p *plan) claimFirst(all bool) (from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.claimed {
		p.claimed[i] = i == 0 || all
	}
	if all {
		return 0, p.size
	}
	return p.span(0)
}

// release gives back what was claimed; to is -1 for everything from an offset on.
func (p *plan) release(from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.claimed {
		if start, end := p.span(i); p.segment == 0 || end > from && (to < 0 || start < to) {
			p.claimed[i] = false
		}
	}
	p.changed.Broadcast()
}

// wake makes everybody who waits look again.
func (p *plan) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}

// end makes everybody who waits stop waiting.
func (p *plan) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.changed.Broadcast()
}

// nextHash waits for bytes without a hole beyond those that were hashed, and
// returns up to which offset they are; more is false when there will be none.
func (p *plan) nextHash() (to int64, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		to = p.frontier()
		switch {
		case p.ended:
			return to, false
		case to > p.hashed:
			return to, true
		case p.size >= 0 && to == p.size:
			return to, false
		}
		p.changed.Wait()
	}
}

// setHashed notes how many bytes went through the hash.
func (p *plan) setHashed(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hashed = n
	p.changed.Broadcast()
}

// missing returns how many segments are not whole.
func (p *plan) missing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for i, done := range p.done {
		if from, to := p.span(i); from+done != to {
			n++
		}
	}
	return n
}
