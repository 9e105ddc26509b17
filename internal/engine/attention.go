package engine

import (
	"fmt"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// attentionStep computes attention, a block of queries of one head at a time: their scores stay in
// the scratch of the thread. There the keys and values of a head are packed as the weights of
// panels, unless the task before has done so.
//
// Both products are panels: scores are queries times keys, the output is shares times values.
type attentionStep struct {
	q, k, v, out view
	heads        int
	queries      []run // blocks of them, for each head
	most         int   // of a block
	keys         int
	width        int // of a panel
	scores, sums kernel.Panel
	softmax      kernel.Softmax
	variant      *kernel.Variant
}

// attentionQueries is about how many queries make a block: their scores are to stay in the
// second-level cache, and the packed keys are read once for each block.
const attentionQueries = 28

func (c *compiler) attention(u unit, op nn.Attention) (step, error) {
	s := c.attentionOf(u, op)
	return &s, nil
}

func (c *compiler) attentionOf(u unit, op nn.Attention) attentionStep {
	s := attentionStep{
		q: c.layout.view(u.node.In[0]), k: c.layout.view(u.node.In[1]), v: c.layout.view(u.node.In[2]), out: c.layout.view(u.out),
		heads: op.Heads, width: c.options.Variant.Width, variant: c.options.Variant,
	}
	s.keys = s.k.buf.h * s.k.buf.w
	s.queries = s.runs()
	for _, r := range s.queries {
		s.most = max(s.most, r.m)
	}
	row := roundUp(s.keys, s.width)
	identity := kernel.Epilogue{Act: kernel.Identity}
	s.scores = kernel.Panel{Segments: []int{0}, SegmentLen: s.q.c / op.Heads, SrcStride: s.q.buf.c, DstStride: row, Epilogue: identity}
	s.sums = kernel.Panel{Segments: []int{0}, SegmentLen: s.keys, SrcStride: row, DstStride: s.out.buf.c, Epilogue: identity}
	s.softmax = kernel.Softmax{Channels: s.keys, SrcStride: row, DstStride: row, Scale: float32(op.Scale)}
	return s
}

// A run is m pixels of an image from pixel (y,x) on that follow one another in memory.
type run struct{ y, x, m int }

// runs divides the queries of an image into blocks: of a row where there are borders, and of
// all rows as one where there are none.
func (s *attentionStep) runs() (runs []run) {
	h, w := s.q.buf.h, s.q.buf.w
	if !s.q.buf.hasBorder() && !s.out.buf.hasBorder() {
		h, w = 1, h*w
	}
	n := max(1, (w+attentionQueries/2)/attentionQueries)
	for y := range h {
		for i := range n {
			x := i * w / n
			runs = append(runs, run{y, x, (i+1)*w/n - x})
		}
	}
	return runs
}

func (s *attentionStep) kernel() string { return fmt.Sprintf("%d heads, %d queries", s.heads, s.most) }

func (s *attentionStep) tasks() int { return s.q.buf.n * s.heads * len(s.queries) }

// keyFloats and valueFloats return the floats of a packed panel.
func (s *attentionStep) keyFloats() int   { return (1 + s.scores.SegmentLen) * s.width }
func (s *attentionStep) valueFloats() int { return (1 + s.keys) * s.width }

// parts returns the floats of the packed keys and values of one head, and of the scores of one block.
func (s *attentionStep) parts() (keys, values, scores int) {
	values = roundUp(s.v.c/s.heads, s.width) / s.width * s.valueFloats()
	return s.scores.DstStride / s.width * s.keyFloats(), values, s.most * s.scores.DstStride
}

// scratch returns the floats that one task needs.
func (s *attentionStep) scratch() int {
	keys, values, scores := s.parts()
	return keys + values + scores
}

func (s *attentionStep) run(f *frame, task int) {
	b := s.block(f, task)
	s.score(b, f.mem[s.q.at(b.image, b.y, b.x)+b.head*s.channels():])
	s.share(f.mem, b)
}

// A block is queries of a head of an image, in the scratch of a thread.
type block struct {
	run
	image, head          int
	keys, values, scores []float32
}

// channels returns the channels of a query.
func (s *attentionStep) channels() int { return s.q.c / s.heads }

// block returns the block of a task, whose keys and values are packed.
func (s *attentionStep) block(f *frame, task int) block {
	b, head := block{run: s.queries[task%len(s.queries)]}, task/len(s.queries)
	b.image, b.head = head/s.heads, head%s.heads
	nk, nv, ns := s.parts()
	b.keys, b.values, b.scores = f.scratch[:nk], f.scratch[nk:][:nv], f.scratch[nk+nv:][:ns]
	if f.rounded != head {
		s.pack(f.mem, b.image, b.head, b.keys, b.values)
		f.rounded = head
	}
	return b
}

// score computes the scores of a block whose first query is at src.
func (s *attentionStep) score(b block, src []float32) {
	for at := 0; at < s.scores.DstStride; at += s.width {
		dst := b.scores[at:][:(b.m-1)*s.scores.DstStride+s.width]
		s.variant.Panel(&s.scores, b.m, dst, src, b.keys[at/s.width*s.keyFloats():][:s.keyFloats()], nil)
	}
}

// share makes shares of the scores of a block, and writes what they come to.
func (s *attentionStep) share(mem []float32, b block) {
	s.variant.Softmax(&s.softmax, b.m, b.scores, b.scores)
	dv := s.v.c / s.heads
	out := mem[s.out.at(b.image, b.y, b.x)+b.head*dv:]
	for at := 0; at < dv; at += s.width {
		dst := out[at:][:(b.m-1)*s.sums.DstStride+min(s.width, dv-at)]
		s.variant.Panel(&s.sums, b.m, dst, b.scores, b.values[at/s.width*s.valueFloats():][:s.valueFloats()], nil)
	}
}

// pack writes the keys and values of a head as kernel.PanelGeneric reads weights: no biases; for
// each channel of a key a row of keys, for each value a row of its channels. What fills up a last
// panel is zero.
func (s *attentionStep) pack(mem []float32, image, head int, keys, values []float32) {
	w, dk, dv := s.width, s.channels(), s.v.c/s.heads
	for first := 0; first < s.keys; first += w {
		panel := keys[first/w*s.keyFloats():][:s.keyFloats()]
		n := min(w, s.keys-first)
		if clear(panel[:w]); n < w {
			clear(panel)
		}
		for t := range n {
			to := panel[w+t:]
			key := s.k.at(image, (first+t)/s.k.buf.w, (first+t)%s.k.buf.w) + head*dk
			for i, x := range mem[key:][:dk] {
				to[i*w] = x
			}
		}
	}
	for first := 0; first < dv; first += w {
		panel := values[first/w*s.valueFloats():][:s.valueFloats()]
		n := min(w, dv-first)
		clear(panel[:w])
		for t := range s.keys {
			row := panel[(1+t)*w:][:w]
			copy(row[:n], mem[s.v.at(image, t/s.v.buf.w, t%s.v.buf.w)+head*dv+first:])
			clear(row[n:])
		}
	}
}
