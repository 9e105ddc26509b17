package engine

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Plan computes one graph for one input shape. It is immutable and may be shared
// by any number of sessions.
type Plan struct {
	input   tensor.Shape
	parts   int // that the images of the input are computed in, one after the other
	logits  []view
	classes int // floats of one image's logits
	steps   []timedStep
	arena   int // floats
	scratch int // floats of each thread
	pairs   int // and its pairs of bf16
	places  int // and its integers
	threads int
	values  map[int]keptValue
}

// A step is one pass over memory, divided into tasks that may run at the same time.
type step interface {
	tasks() int
	run(f *frame, task int)
}

// A frame is what the steps of one run work on in one thread.
type frame struct {
	mem     []float32   // the arena
	src     []float32   // the network input, (N,C,H,W)
	scratch []float32   // of one thread, for the time of one task
	places  []int       // of one thread, for the time of one task
	pool    kernel.Pool // of a task that makes its own
	// pairs are of one thread, for the time of one step; rounded says which block of rows
	// they hold, and is none when a step begins.
	pairs   []kernel.Pair
	rounded int
	words   []kernel.Pair   // the arena, as words
	busy    []time.Duration // with each step, when asked for
}

// none is what frame.rounded is when no block has been rounded.
const none = -1

// timedStep is a step with what has to be done before it.
type timedStep struct {
	step
	layer   Layer
	n       int       // tasks
	borders []*buffer // that are written first by this step
}

// keptValue is where a value lies once a run has ended.
type keptValue struct {
	views []view // in channel order
	size  nn.Size
}

// Classes returns the floats of one image's logits.
func (p *Plan) Classes() int { return p.classes }

// ArenaBytes returns the scratch memory that one session takes, in bytes.
func (p *Plan) ArenaBytes() int {
	return 4*(p.arena+p.threads*(p.scratch+p.pairs)) + 8*p.threads*p.places
}

// compiler holds what the steps of a plan are made from.
type compiler struct {
	net     *Network
	options Options
	layout  *layout
	keep    map[int]bool
	ways    map[int]way     // of each value that has products
	moments map[int]*buffer // of each group norm, by the value that it makes
	parts   int             // of the batch; the layout is that of one
	arena   int             // floats
}

func (c *compiler) plan() (*Plan, error) {
	g, l := c.net.bound.Graph, c.layout
	p := &Plan{input: c.batch(l.sizes[0]), parts: c.parts, arena: c.arena, threads: c.options.Threads, values: make(map[int]keptValue)}
	p.logits = l.views(g.Logits)
	for _, v := range p.logits {
		p.classes += v.buf.h * v.buf.w * v.c
	}
	for v := range c.keep {
		p.values[v] = keptValue{l.views(v), l.sizes[v]}
	}
	input := Layer{Kind: "input", In: p.input, Out: p.input}
	if err := c.add(p, input, c.input()); err != nil {
		return nil, err
	}
	p.steps[0].borders = c.borders(-1)
	for i, u := range l.units {
		s, err := c.step(u)
		if err != nil {
			return nil, err
		}
		if s == nil || s.tasks() == 0 {
			continue // a view
		}
		first, layer := len(p.steps), c.describe(u)
		if b, ok := s.(interface{ before() step }); ok { // that all threads have to have done
			if err := c.add(p, layer, b.before()); err != nil {
				return nil, err
			}
		}
		if err := c.add(p, layer, s); err != nil {
			return nil, err
		}
		p.steps[first].borders = c.borders(i)
	}
	for _, s := range p.steps {
		if n, ok := s.step.(interface{ places() int }); ok {
			p.places = max(p.places, n.places())
		}
		if n, ok := s.step.(interface{ scratch() int }); ok {
			p.scratch = max(p.scratch, roundUp(n.scratch(), align))
		}
		if n, ok := s.step.(interface{ pairs() int }); ok {
			p.pairs = max(p.pairs, roundUp(n.pairs(), align))
		}
	}
	if len(p.steps) > maxSteps {
		return nil, fmt.Errorf("engine: %d steps: at most %d are possible", len(p.steps), maxSteps)
	}
	return p, nil
}

// place settles the border and the life of every buffer. Units are the clock: the
// input is written at -1, and what is kept is read once all of them have run.
func (c *compiler) place() {
	l := c.layout
	write := func(v, at int) {
		for _, w := range l.views(v) {
			if !w.buf.written {
				w.buf.written, w.buf.first = true, at
			}
			w.buf.last = max(w.buf.last, at)
		}
	}
	read := func(v, at int) {
		for _, r := range l.views(v) {
			r.buf.last = max(r.buf.last, at)
		}
	}
	write(0, -1)
	for i, u := range l.units {
		if _, ok := u.node.Op.(nn.GroupNorm); ok {
			c.placeMoments(u, i)
		}
		for _, v := range u.node.In {
			read(v, i)
		}
		if u.residual >= 0 {
			read(u.residual, i)
		}
		write(u.out, i)
		if op, ok := u.node.Op.(nn.Conv); ok {
			method := c.ways[u.out].method
			if method != bySlide { // which gathers what it reads
				addBorder(l.view(u.node.In[0]), op)
			}
			if method == byWinograd {
				c.winogradBorder(u, op)
			}
		}
	}
	read(l.graph.Logits, len(l.units))
	for v := range c.keep {
		read(v, len(l.units))
	}
}

// add appends a step to a plan, with its description.
func (c *compiler) add(p *Plan, l Layer, s step) error {
	t := timedStep{step: s, layer: l, n: s.tasks()}
	if t.n > maxTasks {
		return fmt.Errorf("engine: %s: %d tasks for input %v: at most %d are possible: take smaller batches", cmp.Or(l.Path, l.Kind), t.n, p.input, maxTasks)
	}
	t.layer.Tasks = t.n
	if k, ok := s.(interface{ kernel() string }); ok {
		t.layer.Kernel = k.kernel()
	}
	p.steps = append(p.steps, t)
	return nil
}

// borders returns the buffers whose borders have to be cleared before the unit at writes. Units are the
// clock, as in place.
func (c *compiler) borders(at int) (all []*buffer) {
	for _, b := range c.layout.buffers {
		if b.written && b.first == at && b.hasBorder() {
			all = append(all, b)
		}
	}
	return all
}

// step returns the step that computes a unit, or nil for one that is only a view.
func (c *compiler) step(u unit) (step, error) {
	l := c.layout
	switch op := u.node.Op.(type) {
	case nn.Conv:
		return c.conv(u, op)
	case nn.Linear:
		return c.linear(u, op)
	case nn.MaxPool:
		return c.pool(u, pooling{op.K, op.K, op.Stride, op.Pad, false}, c.options.Variant.MaxPool), nil
	case nn.AvgPool:
		return c.pool(u, pooling{op.K, op.K, op.Stride, op.Pad, op.CountPad}, c.options.Variant.AvgPool), nil
	case nn.GlobalAvgPool:
		return c.meanOfPixels(u), nil
	case nn.Act:
		if known(op) {
			return c.act(u, op)
		}
	case nn.BatchNorm, nn.LayerScale, nn.Scale, nn.Mul, nn.Add:
		return c.affine(u)
	case nn.SliceRuns:
		return &sliceRunsStep{l.view(u.node.In[0]), l.view(u.out), op}, nil
	case nn.Shuffle:
		return &shuffleStep{l.view(u.node.In[0]), l.view(u.out), op.Groups}, nil
	case nn.Upsample:
		return &upsampleStep{l.view(u.node.In[0]), l.view(u.out), op.Scale}, nil
	case nn.Rotary:
		return c.rotary(u, op)
	case nn.Transpose:
		return &transposeStep{l.view(u.node.In[0]), l.view(u.out), max(op.Split, 1), max(op.Join, 1)}, nil
	case nn.Unfold:
		return c.unfold(u, op), nil
	case nn.GlobalFilter:
		return c.globalFilter(u, op)
	case nn.LayerNorm:
		return c.layerNorm(u, op)
	case nn.GroupNorm:
		return c.groupNorm(u, op)
	case nn.ResponseNorm:
		return c.responseNorm(u, op)
	case nn.Concat:
		return c.concat(u), nil
	case nn.Flatten:
		if l.isView(u) {
			return nil, nil
		}
		return &flattenStep{l.view(u.node.In[0]), l.view(u.out)}, nil
	case nn.Slice, nn.Tokens:
		return nil, nil
	case nn.Image:
		if l.isView(u) {
			return nil, nil
		}
		return &tokenStep{l.view(u.node.In[0]), l.view(u.out), l.sizes[u.node.In[0]].Extra}, nil
	case nn.Token:
		return &tokenStep{l.view(u.node.In[0]), l.view(u.out), op.At}, nil
	case nn.ChannelAttention:
		return c.channelAttention(u, op)
	case nn.MaxRelative:
		return c.maxRelative(u, op)
	case nn.FourierPosition:
		return c.fourierPosition(u, op), nil
	case nn.FirstTokens:
		return &tokenStep{l.view(u.node.In[0]), l.view(u.out), 0}, nil
	case nn.JoinTokens:
		return &joinStep{l.view(u.node.In[0]), l.view(u.node.In[1]), l.view(u.out), op.Count}, nil
	case nn.Prefix:
		return c.prefix(u)
	case nn.PatchPosition:
		return c.patchPosition(u, op)
	case nn.Position:
		return c.position(u, op)
	case nn.Unit:
		return c.unitRuns(u, op)
	case nn.PadTo, nn.CropLike:
		if _, ok := l.homes[u.out]; ok {
			return nil, nil
		}
		if nn.Resizes(op) {
			return resizeOf(l.view(u.node.In[0]), l.view(u.out)), nil
		}
		return &fitStep{l.view(u.node.In[0]), l.view(u.out)}, nil
	case nn.DecomposedAttention:
		return c.decomposed(u, op)
	case nn.Attention:
		return c.attention(u, op)
	}
	return nil, fmt.Errorf("engine: %s: no step computes the operator %s", u.path, u.node.Op.Kind())
}
