package engine

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// channelAttentionStep computes an attention of channels to each other, a panel of a head's output
// channels at a time. The scratch of a thread holds the keys of a head, packed as the weights of panels,
// unless the task before has done so; and the scores of the panel's channels.
//
// Both products are panels. Scores are queries times keys, in which a token's keys are a row of weights, and
// pixels are channels: one float apart, each of one float for each token. The output is values times shares.
type channelAttentionStep struct {
	q, k, v, out  view
	heads         int
	queries, keys int // channels of a head
	width         int // of a panel
	panels        int // of a head's output channels
	scale         float64
	temper        []float32    // of each head; nil is 1
	unit          bool         // channels are divided by their norms
	norms         [2]*unitNorm // of queries and keys
	tokens        int
	scores        []kernel.Panel // of some tokens, each of which adds to those before
	sums          kernel.Panel
	softmax       kernel.Softmax
	variant       *kernel.Variant
}

// scoreTokens is how many tokens' products are added up one after the other: a score is of thousands
// of tokens, may be a thousand large, and errs by less as a sum of sums.
const scoreTokens = 128

// unitNorm is how the norms of a head's channels are taken.
type unitNorm struct {
	kernel.Pool
	of view
}

// leastNorm is the least that a channel is divided by.
const leastNorm = 1e-12

func (c *compiler) channelAttention(u unit, op nn.ChannelAttention) (step, error) {
	s := &channelAttentionStep{
		q: c.layout.view(u.node.In[0]), k: c.layout.view(u.node.In[1]), v: c.layout.view(u.node.In[2]), out: c.layout.view(u.out),
		heads: op.Heads, scale: op.Scale, unit: op.Unit, width: c.options.Variant.Width, variant: c.options.Variant,
	}
	if op.Temper != "" {
		var err error
		if s.temper, err = float32s(c.net.bound, u.node.Params[0]); err != nil {
			return nil, err
		}
	}
	s.queries, s.keys = s.q.c/op.Heads, s.k.c/op.Heads
	s.panels = (s.queries + s.width - 1) / s.width
	tokens := func(v view) []int { return segments(v.buf, v.buf.h, v.buf.w) }
	row, identity := roundUp(s.keys, s.width), kernel.Epilogue{Act: kernel.Identity}
	s.norms[0] = &unitNorm{kernel.Pool{Segments: tokens(s.q), Channels: s.queries}, s.q}
	s.norms[1] = &unitNorm{kernel.Pool{Segments: tokens(s.k), Channels: s.keys}, s.k}
	s.tokens = s.q.buf.h * s.q.buf.w
	for some := range slices.Chunk(tokens(s.q), scoreTokens) {
		s.scores = append(s.scores, kernel.Panel{Segments: some, SegmentLen: 1, SrcStride: 1, DstStride: row, ResStride: row, Epilogue: identity})
	}
	s.softmax = kernel.Softmax{Channels: s.keys, SrcStride: row, DstStride: row, Scale: 1}
	s.sums = kernel.Panel{Segments: []int{0}, SegmentLen: s.keys, SrcStride: s.v.buf.c, DstStride: s.out.buf.c, Epilogue: identity}
	return s, nil
}

func (s *channelAttentionStep) kernel() string {
	return fmt.Sprintf("%d heads, %d channels", s.heads, min(s.queries, s.width))
}

func (s *channelAttentionStep) tasks() int { return s.q.buf.n * s.heads * s.panels }

// keyFloats returns the floats of a packed panel of keys.
func (s *channelAttentionStep) keyFloats() int { return (len(s.scores) + s.tokens) * s.width }

// row returns the floats of a query's scores.
func (s *channelAttentionStep) row() int { return s.softmax.SrcStride }

// A channelScratch is what a task works on: the keys of a head, the factors of the scores of its queries and
// keys, the scores of some queries, and their shares as the weights of a panel.
type channelScratch struct{ keys, queryFactors, keyFactors, scores, shares []float32 }

// in returns the parts of scratch.
func (s *channelAttentionStep) in(scratch []float32) (c channelScratch) {
	take := func(n int) (part []float32) {
		part, scratch = scratch[:n:n], scratch[n:]
		return part
	}
	row := s.row()
	c.keys, c.queryFactors, c.keyFactors = take(row/s.width*s.keyFloats()), take(s.queries), take(s.keys)
	c.scores, c.shares = take(s.width*row), take((1+s.keys)*s.width)
	return c
}

// scratch returns the floats that one task needs: those of channelScratch.
func (s *channelAttentionStep) scratch() int {
	row := s.row()
	return row/s.width*s.keyFloats() + s.queries + s.keys + s.width*row + (1+s.keys)*s.width
}

func (s *channelAttentionStep) run(f *frame, task int) {
	first, head := task%s.panels*s.width, task/s.panels
	c, image := s.in(f.scratch), head/s.heads
	if f.rounded != head {
		s.pack(f.mem, image, head%s.heads, c)
		f.rounded = head
	}
	head %= s.heads
	row, m := s.row(), min(s.width, s.queries-first)
	src := f.mem[s.q.at(image, 0, 0)+head*s.queries+first:]
	for at := 0; at < row; at += s.width {
		dst := c.scores[at:][:(m-1)*row+s.width]
		keys, before := c.keys[at/s.width*s.keyFloats():][:s.keyFloats()], []float32(nil)
		for i := range s.scores {
			n := (1 + s.scores[i].K()) * s.width
			s.variant.Panel(&s.scores[i], m, dst, src, keys[:n], before)
			keys, before = keys[n:], dst
		}
	}
	for i := range m {
		factor := c.queryFactors[first+i]
		for j, by := range c.keyFactors {
			c.scores[i*row+j] *= factor * by
		}
	}
	s.variant.Softmax(&s.softmax, m, c.scores, c.scores)
	clear(c.shares)
	for i := range m {
		for j, share := range c.scores[i*row:][:s.keys] {
			c.shares[(1+j)*s.width+i] = share
		}
	}
	s.sum(f.mem, image, head, first, m, c.shares)
}

// sum computes m output channels of a head from channel first on: its values times the shares.
func (s *channelAttentionStep) sum(mem []float32, image, head, first, m int, shares []float32) {
	h, w := s.v.buf.h, s.v.buf.w
	if !s.v.buf.hasBorder() && !s.out.buf.hasBorder() {
		h, w = 1, h*w
	}
	for y := range h {
		dst := mem[s.out.at(image, y, 0)+head*s.queries+first:][:(w-1)*s.sums.DstStride+m]
		s.variant.Panel(&s.sums, w, dst, mem[s.v.at(image, y, 0)+head*s.keys:], shares, nil)
	}
}

// pack writes the keys of a head as kernel.PanelGeneric reads weights: no biases, then for each of some tokens
// a row of its channels, which is filled up with zeros. And it finds the factors of scores.
func (s *channelAttentionStep) pack(mem []float32, image, head int, c channelScratch) {
	w, b := s.width, s.k.buf
	for first := 0; first < s.keys; first += w {
		panel := c.keys[first/w*s.keyFloats():][:s.keyFloats()]
		n := min(w, s.keys-first)
		for t := range s.tokens {
			if t%scoreTokens == 0 {
				clear(panel[:w])
				panel = panel[w:]
			}
			to := panel[:w]
			panel = panel[w:]
			copy(to[:n], mem[s.k.at(image, t/b.w, t%b.w)+head*s.keys+first:])
			clear(to[n:])
		}
	}
	scale := s.scale
	if s.temper != nil {
		scale *= float64(s.temper[head])
	}
	for i, factors := range [][]float32{c.queryFactors, c.keyFactors} {
		n := s.norms[i]
		if s.unit {
			s.variant.NormPool(&n.Pool, 1, factors, mem[n.of.at(image, 0, 0)+head*n.Channels:])
		}
		for j, norm := range factors {
			factors[j] = float32(scale)
			if s.unit {
				factors[j] = float32(scale / max(float64(norm), leastNorm))
			}
		}
		scale = 1
	}
}
