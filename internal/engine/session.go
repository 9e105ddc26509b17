package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/tensor"
)

// A Session runs a plan. It has its own memory and serves one goroutine at a time;
// any number of sessions may share a plan.
type Session struct {
	plan *Plan
	crew crew
	ran  bool
}

// NewSession returns a session with the memory it needs.
func (p *Plan) NewSession() *Session {
	s := &Session{plan: p}
	s.crew.steps, s.crew.shares = p.steps, make([]share, p.threads)
	mem, pairs := alloc[float32](p.arena+p.threads*p.scratch), alloc[kernel.Pair](p.threads*p.pairs)
	for i := range p.threads {
		s.crew.frames = append(s.crew.frames, frame{
			mem: mem[:p.arena], words: asWords(mem[:p.arena]), scratch: mem[p.arena+i*p.scratch:][:p.scratch], pairs: pairs[i*p.pairs:][:p.pairs],
			places: make([]int, p.places),
		})
	}
	return s
}

// Run computes the logits (N,K) of an input (N,C,H,W), both row-major. It allocates
// nothing. The slices must have exactly the sizes that the plan was compiled for, and
// are not kept.
func (s *Session) Run(logits, input []float32) error {
	return s.RunContext(context.Background(), logits, input)
}

// RunContext is Run, and ends with the context's error soon after the context has ended:
// once the tasks that are being computed are done. Then logits hold nothing of use.
func (s *Session) RunContext(ctx context.Context, logits, input []float32) error {
	p := s.plan
	size, err := p.input.Numel()
	if err != nil {
		return err
	}
	if len(input) != size {
		return fmt.Errorf("engine: input %v needs %d values, found %d", p.input, size, len(input))
	}
	if want := p.input[0] * p.classes; len(logits) != want {
		return fmt.Errorf("engine: expected room for %d logits, found %d", want, len(logits))
	}
	s.ran = false
	s.crew.quit = ctx.Done()
	s.crew.deadline, _ = ctx.Deadline()
	defer func() { s.crew.quit, s.crew.deadline = nil, time.Time{} }()
	in, out := len(input)/p.parts, len(logits)/p.parts
	for i := range p.parts {
		if !s.crew.run(input[i*in:][:in]) {
			return ended(ctx)
		}
		if err := ended(ctx); err != nil {
			return err // a result that comes too late is none
		}
		planar(s.crew.frames[0].mem, p.logits, p.input[0]/p.parts, logits[i*out:][:out])
	}
	s.ran = true
	return nil
}

// ended returns the context's error. A deadline that has passed is one even if the timer
// has not told so yet: it may take its time where every processor computes.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// Value returns a copy of a value as the last run left it, flattened in (N,C,H,W) or, of
// tokens, (N,L,C) order. Only values that the plan keeps can be asked for.
func (s *Session) Value(v int) ([]float32, error) {
	kept, ok := s.plan.values[v]
	if !ok || !s.ran {
		return nil, fmt.Errorf("engine: value %d is not there: compile with it in Options.Keep, and run first", v)
	}
	n, err := kept.size.Shape().Numel()
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	if kept.size.Tokens {
		byTokens(s.crew.frames[0].mem, kept.views, out)
	} else {
		planar(s.crew.frames[0].mem, kept.views, kept.size.N, out)
	}
	return out, nil
}

// planar writes n images whose channels lie in views, one after the other, to dst in
// (N,C,H,W) order.
func planar(mem []float32, views []view, n int, dst []float32) {
	for i := range n {
		for _, v := range views {
			size := v.c * v.buf.h * v.buf.w
			v.planar(mem, i, dst[:size])
			dst = dst[size:]
		}
	}
}

// byTokens writes all images, whose channels lie in views, one after the other, to dst in (N,L,C)
// order.
func byTokens(mem []float32, views []view, dst []float32) {
	b := views[0].buf
	for row := range views[0].rows() {
		for x := range b.w {
			for _, v := range views {
				v.pixel(mem, row/b.h, row%b.h, x, dst[:v.c])
				dst = dst[v.c:]
			}
		}
	}
}

// Input returns the input shape (N,C,H,W) that the plan was compiled for.
func (p *Plan) Input() tensor.Shape { return p.input }
