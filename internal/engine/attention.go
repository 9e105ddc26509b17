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
// Both products are panels: scores are queries times keys, the output is shares times values. A bias
// is what the first adds to its products.
type attentionStep struct {
	q, k, v, out view
	heads        int
	squares      []square // of an image; one of all tokens where there are no windows
	queries      []run    // blocks of them, for each head
	most         int      // of a block
	keys         int
	bias         []float32 // (heads,queries,row of scores), divided by the scale; nil adds nothing
	width        int       // of a panel
	scores, sums kernel.Panel
	softmax      kernel.Softmax
	hide         kernel.Depthwise // adds to rows of scores
	variant      *kernel.Variant
	paired       paired
}

// attentionQueries is about how many queries make a block: their scores are to stay in the
// second-level cache, and the packed keys are read once for each block. Up to wholeQueries are one.
const (
	attentionQueries = 28
	wholeQueries     = 64
)

func (c *compiler) attention(u unit, op nn.Attention) (step, error) {
	s := c.attentionOf(u, op)
	var err error
	s.bias, err = c.scoreBias(u, op, s.scores.DstStride)
	return &s, err
}

// attentionOf makes the step of an attention without a bias.
func (c *compiler) attentionOf(u unit, op nn.Attention) attentionStep {
	s := attentionStep{
		q: c.layout.view(u.node.In[0]), k: c.layout.view(u.node.In[1]), v: c.layout.view(u.node.In[2]), out: c.layout.view(u.out),
		heads: op.Heads, width: c.options.Variant.Width, variant: c.options.Variant,
	}
	s.keys = op.Keys(s.k.buf.h * s.k.buf.w)
	s.queries, s.squares = s.runs(), []square{{}}
	row, src, dst := roundUp(s.keys, s.width), s.q.buf.c, s.out.buf.c
	if op.Window.Side > 0 {
		h, w := s.q.buf.h, s.q.buf.w
		pixels := c.layout.sizes[u.node.In[len(u.node.In)-1]]
		s.squares, s.queries = windows(op.Window.Of(h, w), h, w, pixels, row, float32(op.Window.Hide/op.Scale)), runs(s.keys)
		src, dst = s.q.c/op.Heads, s.v.c/op.Heads // gathered
	}
	for _, r := range s.queries {
		s.most = max(s.most, r.m)
	}
	identity := kernel.Epilogue{Act: kernel.Identity}
	s.scores = kernel.Panel{Segments: oneTap, SegmentLen: s.q.c / op.Heads, SrcStride: src, DstStride: row, ResStride: row, Epilogue: identity}
	s.sums = kernel.Panel{Segments: oneTap, SegmentLen: s.keys, SrcStride: row, DstStride: dst, Epilogue: identity}
	s.softmax = kernel.Softmax{Channels: s.keys, SrcStride: row, DstStride: row, Scale: float32(op.Scale)}
	s.hide = kernel.Depthwise{Segments: oneTap, Channels: row, SrcStride: row, DstStride: row, Epilogue: identity}
	s.pair(c.options.Precision)
	return s
}

// A run is m queries that follow one another: pixels of an image from pixel (y,x) on, or those of a
// window from query x on.
type run struct{ y, x, m int }

// runs divides the queries of an image into blocks: of a row where there are borders, and of
// all rows as one where there are none.
func (s *attentionStep) runs() []run {
	h, w := s.q.buf.h, s.q.buf.w
	if !s.q.buf.hasBorder() && !s.out.buf.hasBorder() {
		h, w = 1, h*w
	}
	var all []run
	for y := range h {
		for _, r := range runs(w) {
			all = append(all, run{y, r.x, r.m})
		}
	}
	return all
}

// runs divides a row of n queries.
func runs(n int) (runs []run) {
	count := 1
	if n > wholeQueries {
		count = (n + attentionQueries/2) / attentionQueries
	}
	for i := range count {
		x := i * n / count
		runs = append(runs, run{0, x, (i+1)*n/count - x})
	}
	return runs
}

func (s *attentionStep) kernel() string {
	products := ""
	if s.paired.on {
		products = "bf16, "
	}
	if n := len(s.squares); n > 1 {
		return fmt.Sprintf("%s%d heads, %d windows", products, s.heads, n)
	}
	return fmt.Sprintf("%s%d heads, %d queries", products, s.heads, s.most)
}

func (s *attentionStep) tasks() int {
	return s.q.buf.n * len(s.squares) * s.heads * len(s.queries)
}

// keyFloats and valueFloats return the floats of a packed panel.
func (s *attentionStep) keyFloats() int   { return (1 + s.scores.SegmentLen) * s.width }
func (s *attentionStep) valueFloats() int { return (1 + s.keys) * s.width }

// parts returns the floats of the packed keys and values of one head, of the scores of one block, and
// of the queries and the output of a block where they are gathered.
func (s *attentionStep) parts() (keys, values, scores, gathered int) {
	dk, dv := s.scores.SegmentLen, s.v.c/s.heads
	values = roundUp(dv, s.width) / s.width * s.valueFloats()
	if s.squares[0].tokens != nil {
		gathered = s.most * max(dk, dv)
	}
	return s.scores.DstStride / s.width * s.keyFloats(), values, s.most * s.scores.DstStride, gathered
}

// scratch returns the floats that one task needs.
func (s *attentionStep) scratch() int {
	keys, values, scores, gathered := s.parts()
	return keys + values + scores + gathered
}

func (s *attentionStep) run(f *frame, task int) {
	b := s.block(f, task)
	s.score(b, s.rows(f.mem, b))
	s.share(f.mem, b)
}

// A block is queries of a head of an image, or of a window of it, in the scratch of a thread.
type block struct {
	run
	image, head          int
	square               *square
	keys, values, scores []float32
	gathered             []float32     // queries, and later the output, of a window
	pairs                []kernel.Pair // in place of packed keys and values, for products of bf16
}

// channels returns the channels of a query.
func (s *attentionStep) channels() int { return s.q.c / s.heads }

// block returns the block of a task, whose keys and values are packed.
func (s *attentionStep) block(f *frame, task int) block {
	b, head := block{run: s.queries[task%len(s.queries)]}, task/len(s.queries)
	at := head / s.heads
	b.image, b.square, b.head = at/len(s.squares), &s.squares[at%len(s.squares)], head%s.heads
	nk, nv, ns, ng := s.parts()
	b.keys, b.values, b.scores, b.gathered = f.scratch[:nk], f.scratch[nk:][:nv], f.scratch[nk+nv:][:ns], f.scratch[nk+nv+ns:][:ng]
	b.pairs = f.pairs[:s.pairs()]
	if f.rounded != head {
		if s.paired.on {
			s.packPairs(f.mem, b)
		} else {
			s.pack(f.mem, b)
		}
		f.rounded = head
	}
	return b
}

// rows returns the queries of a block, from the first channel of the first.
func (s *attentionStep) rows(mem []float32, b block) []float32 {
	if b.square.tokens == nil {
		return mem[s.q.at(b.image, b.y, b.x)+b.head*s.channels():]
	}
	dk := s.channels()
	for i, t := range b.square.tokens[b.x:][:b.m] {
		copy(b.gathered[i*dk:][:dk], mem[s.q.token(b.image, int(t))+b.head*dk:])
	}
	return b.gathered
}

// score computes the scores of a block whose first query is at src.
func (s *attentionStep) score(b block, src []float32) {
	row, bias := s.scores.DstStride, s.biasOf(b)
	if s.paired.on {
		s.multiply(&s.paired.scores, &s.paired.queries, b, src, b.scores, row, 0, bias)
		return
	}
	for at := 0; at < row; at += s.width {
		dst := b.scores[at:][:(b.m-1)*row+s.width]
		var res []float32
		if bias != nil {
			res = bias[at:][:len(dst)]
		}
		s.variant.Panel(&s.scores, b.m, dst, src, b.keys[at/s.width*s.keyFloats():][:s.keyFloats()], res)
	}
}

// share makes shares of the scores of a block, and writes what they come to.
func (s *attentionStep) share(mem []float32, b block) {
	s.mask(b)
	s.variant.Softmax(&s.softmax, b.m, b.scores, b.scores)
	dv, out := s.v.c/s.heads, b.gathered
	if b.square.tokens == nil {
		out = mem[s.out.at(b.image, b.y, b.x)+b.head*dv:]
	}
	if keys, _ := s.packedPairs(); s.paired.on {
		s.multiply(&s.paired.sums, &s.paired.share, b, b.scores, out, dv, keys, nil)
	}
	for at := 0; at < dv && !s.paired.on; at += s.width {
		dst := out[at:][:(b.m-1)*s.sums.DstStride+min(s.width, dv-at)]
		s.variant.Panel(&s.sums, b.m, dst, b.scores, b.values[at/s.width*s.valueFloats():][:s.valueFloats()], nil)
	}
	if b.square.tokens == nil {
		return
	}
	for i, t := range b.square.tokens[b.x:][:b.m] {
		copy(mem[s.out.token(b.image, int(t))+b.head*dv:][:dv], out[i*dv:])
	}
}

// token returns the offset in the arena of a token of an image, counted from row to row.
func (v view) token(image, at int) int { return v.at(image, at/v.buf.w, at%v.buf.w) }

// pack writes the keys and values of a block as kernel.PanelGeneric reads weights: no biases; for
// each channel of a key a row of keys, for each value a row of its channels. What fills up a last
// panel is zero.
func (s *attentionStep) pack(mem []float32, b block) {
	w, dk, dv := s.width, s.channels(), s.v.c/s.heads
	for first := 0; first < s.keys; first += w {
		panel := b.keys[first/w*s.keyFloats():][:s.keyFloats()]
		n := min(w, s.keys-first)
		if clear(panel[:w]); n < w {
			clear(panel)
		}
		for t := range n {
			to := panel[w+t:]
			for i, x := range mem[s.k.token(b.image, b.square.token(first+t))+b.head*dk:][:dk] {
				to[i*w] = x
			}
		}
	}
	for first := 0; first < dv; first += w {
		panel := b.values[first/w*s.valueFloats():][:s.valueFloats()]
		n := min(w, dv-first)
		clear(panel[:w])
		for t := range s.keys {
			row := panel[(1+t)*w:][:w]
			copy(row[:n], mem[s.v.token(b.image, b.square.token(t))+b.head*dv+first:])
			clear(row[n:])
		}
	}
}
