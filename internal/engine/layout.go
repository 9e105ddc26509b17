package engine

import (
	"slices"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// A buffer is memory for images in NHWC order with a border of zeros around each,
// as wide as the widest window that reads it, so that no loop tests for borders.
type buffer struct {
	n, h, w, c               int
	top, bottom, left, right int
	written                  bool
	storage                  kernel.Storage
	first, last              int // steps that write it first and read it last
	offset                   int // in the arena, in words
}

// rowStride returns the words from one row to the next.
func (b *buffer) rowStride() int { return (b.left + b.w + b.right) * b.pixel() }

// pixel returns the words from one pixel to the next.
func (b *buffer) pixel() int { return b.storage.Words(b.c) }

// imageStride returns the words from one image to the next.
func (b *buffer) imageStride() int { return (b.top + b.h + b.bottom) * b.rowStride() }

// at returns the words from the first pixel of the first image to pixel (y,x) of image n.
func (b *buffer) at(n, y, x int) int { return n*b.imageStride() + y*b.rowStride() + x*b.pixel() }

// size returns the words of the buffer.
func (b *buffer) size() int { return b.n * b.imageStride() }

// hasBorder reports whether there is a border to be zeroed.
func (b *buffer) hasBorder() bool { return b.top+b.bottom+b.left+b.right > 0 }

// A view is a value's place: all pixels of a buffer, and c of its channels.
type view struct {
	buf  *buffer
	from int // first channel
	c    int
}

// at returns the offset in the arena of pixel (y,x) of image n; y and x may lie in
// the border.
func (v view) at(n, y, x int) int {
	b := v.buf
	return b.offset + b.at(n, y+b.top, x+b.left) + b.storage.Words(v.from)
}

// channels returns the view of channels from ≤ c < to of v.
func (v view) channels(from, to int) view { return view{v.buf, v.from + from, to - from} }

// A layout says where every value of a graph lives. Slices, concatenations and
// flattenings are views: their inputs are written into place, or they look into
// their input.
type layout struct {
	graph   *nn.Graph
	sizes   []nn.Size
	units   []unit
	homes   map[int]home // value → where in another value it lives
	roots   map[int]*buffer
	split   map[int][]int // value without a place of its own → its slices, which cover it
	buffers []*buffer
}

// home places a value within another, its first channel at channel from.
type home struct {
	in, from int
}

func newLayout(g *nn.Graph, sizes []nn.Size, units []unit) *layout {
	l := &layout{graph: g, sizes: sizes, units: units,
		homes: make(map[int]home), roots: make(map[int]*buffer), split: make(map[int][]int)}
	l.findSplits()
	l.findHomes()
	return l
}

// readers returns how many units read a value.
func (l *layout) readers(v int) (n int) {
	for _, u := range l.units {
		if u.residual == v || slices.Contains(u.node.In, v) {
			n++
		}
	}
	return n
}

// findSplits finds the values that are only read in slices which cover them one
// after the other: the step that computes such a value writes the slices instead,
// each where it is best for its readers.
func (l *layout) findSplits() {
	readers := make(map[int][]int) // value → units
	producer := make(map[int]int)
	for i, u := range l.units {
		producer[u.out] = i
		for _, v := range u.node.In {
			readers[v] = append(readers[v], i)
		}
		if u.residual >= 0 {
			readers[u.residual] = append(readers[u.residual], i)
		}
	}
	for v, rs := range readers {
		p, ok := producer[v]
		if !ok || len(rs) < 2 {
			continue
		}
		if op, ok := l.units[p].node.Op.(nn.Conv); !ok || op.Groups != 1 {
			continue
		}
		at := 0
		var outs []int
		for _, r := range rs { // in graph order
			s, ok := l.units[r].node.Op.(nn.Slice)
			if !ok || s.From != at {
				break
			}
			at = s.To
			outs = append(outs, l.units[r].out)
		}
		if len(outs) == len(rs) && at == l.sizes[v].C {
			l.split[v] = outs
		}
	}
}

// isSplit reports whether v is a slice of a split value.
func (l *layout) isSplit(v int) bool {
	for _, outs := range l.split {
		if slices.Contains(outs, v) {
			return true
		}
	}
	return false
}

// findHomes places slices, flattenings and the inputs of concatenations.
func (l *layout) findHomes() {
	for _, u := range l.units {
		switch op := u.node.Op.(type) {
		case nn.Slice:
			if !l.isSplit(u.out) {
				l.homes[u.out] = home{u.node.In[0], op.From}
			}
		case nn.Flatten:
			if s := l.sizes[u.node.In[0]]; s.H == 1 && s.W == 1 {
				l.homes[u.out] = home{u.node.In[0], 0}
			}
		case nn.Tokens, nn.Image:
			if l.sizes[u.node.In[0]].Extra == 0 {
				l.homes[u.out] = home{u.node.In[0], 0}
			}
		case nn.PadTo, nn.CropLike:
			if l.sizes[u.node.In[0]] == l.sizes[u.out] {
				l.homes[u.out] = home{u.node.In[0], 0}
			}
		}
	}
	for _, u := range l.units {
		if _, ok := u.node.Op.(nn.Concat); !ok {
			continue
		}
		at := 0
		for _, v := range u.node.In {
			_, placed := l.homes[v]
			_, isSplit := l.split[v]
			if v != 0 && !placed && !isSplit {
				l.homes[v] = home{u.out, at}
			}
			at += l.sizes[v].C
		}
	}
}

// isView reports whether a unit's output is a view of its input, and not written into the place
// that a concatenation has for it.
func (l *layout) isView(u unit) bool {
	h, ok := l.homes[u.out]
	return ok && h.in == u.node.In[0]
}

// view returns where value v lives. A split value has no view.
func (l *layout) view(v int) view {
	c, from := l.sizes[v].C, 0
	for {
		h, ok := l.homes[v]
		if !ok {
			break
		}
		v, from = h.in, from+h.from
	}
	b, ok := l.roots[v]
	if !ok {
		b = &buffer{n: l.sizes[v].N, c: l.sizes[v].C}
		b.h, b.w = l.grid(v)
		l.roots[v] = b
		l.buffers = append(l.buffers, b)
	}
	return view{b, from, c}
}

// grid returns the rows and columns in which the vectors of a value lie. Tokens that are no pixels
// make one row of all.
func (l *layout) grid(v int) (h, w int) {
	if s := l.sizes[v]; s.Extra == 0 && !s.Features() {
		return s.H, s.W
	}
	return 1, l.sizes[v].Positions()
}

// views returns where value v lives: one view, or those of its slices in order.
func (l *layout) views(v int) []view {
	outs, ok := l.split[v]
	if !ok {
		return []view{l.view(v)}
	}
	var views []view
	for _, s := range outs {
		views = append(views, l.view(s))
	}
	return views
}

// addBorder widens the border of the buffer that conv reads at in.
func addBorder(in view, conv nn.Conv) {
	b := in.buf
	top, bottom, left, right := conv.Pads(b.h, b.w)
	b.top, b.bottom = max(b.top, top), max(b.bottom, bottom)
	b.left, b.right = max(b.left, left), max(b.right, right)
}

// placed reports whether input v of a concatenation lies in its place already.
func (l *layout) placed(v, concat, at int) bool { return l.homes[v] == home{concat, at} }
