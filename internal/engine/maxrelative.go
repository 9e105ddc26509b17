package engine

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// maxRelativeStep computes nn.MaxRelative, a block of an image's nodes at a time. The scratch of a thread holds
// the pixels that are neighbours, packed as the weights of panels, unless the task before has done so; and
// the directions and distances of a block's nodes.
//
// Distances are a panel of float32 at every precision, and neighbours' values are pooled as a window's are. From
// directions their mean is taken away first, of nodes and pixels, which leaves distances as they are: pixels of
// an image are much alike, and the squares of small numbers err by less. For the same reason the square of
// a node, which is in all of its distances, is left out.
type maxRelativeStep struct {
	x, y, out view
	op        nn.MaxRelative
	nodes     []run     // of an image, whose pixels are one row here
	most      int       // nodes of a block
	among     int       // pixels
	table     []float32 // (nodes,among); nil adds nothing
	distances kernel.Panel
	variant   *kernel.Variant
}

func (c *compiler) maxRelative(u unit, op nn.MaxRelative) (step, error) {
	s := &maxRelativeStep{
		x: c.layout.view(u.node.In[0]), y: c.layout.view(u.node.In[1]), out: c.layout.view(u.out),
		op: op, variant: c.options.Variant,
	}
	s.nodes, s.among = runs(s.x.buf.h*s.x.buf.w), s.y.buf.h*s.y.buf.w
	for _, r := range s.nodes {
		s.most = max(s.most, r.m)
	}
	s.distances = kernel.Panel{
		Segments: oneTap, SegmentLen: op.C, SrcStride: op.C, DstStride: s.among, ResStride: s.among,
		Epilogue: kernel.Epilogue{Act: kernel.Identity},
	}
	if op.Table == "" {
		return s, nil
	}
	var err error
	s.table, err = float32s(c.net.bound, u.node.Params[0])
	return s, err
}

func (s *maxRelativeStep) kernel() string {
	return fmt.Sprintf("%d of %d pixels, %d nodes", s.op.Neighbours, s.among, s.most)
}

func (s *maxRelativeStep) tasks() int { return s.x.buf.n * len(s.nodes) }

// A neighbourScratch is what a task works on.
type neighbourScratch struct {
	packed     []float32 // pixels, in panels: their squares, then for each channel a row of them
	mean       []float32 // of their directions
	directions []float32 // of the block's nodes, or, before, of all pixels
	distances  []float32 // (nodes,among)
	largest    []float32 // neighbours' values of a node
}

// panel returns the floats of a packed panel.
func (s *maxRelativeStep) panel() int { return (1 + s.op.C) * s.variant.Width }

// parts returns the floats of each part of neighbourScratch.
func (s *maxRelativeStep) parts() [5]int {
	panels := roundUp(s.among, s.variant.Width) / s.variant.Width
	return [5]int{panels * s.panel(), s.op.C, max(s.most, s.among) * s.op.C, s.most * s.among, s.op.C}
}

// places returns the integers that one task needs: what sortNearest makes, and the offsets of neighbours.
func (s *maxRelativeStep) places() int { return s.op.Nearest() + s.op.Neighbours }

// scratch returns the floats that one task needs.
func (s *maxRelativeStep) scratch() (n int) {
	for _, part := range s.parts() {
		n += part
	}
	return n
}

func (s *maxRelativeStep) in(scratch []float32) (n neighbourScratch) {
	for i, to := range []*[]float32{&n.packed, &n.mean, &n.directions, &n.distances, &n.largest} {
		part := s.parts()[i]
		*to, scratch = scratch[:part:part], scratch[part:]
	}
	return n
}

func (s *maxRelativeStep) run(f *frame, task int) {
	image, nodes := task/len(s.nodes), s.nodes[task%len(s.nodes)]
	n := s.in(f.scratch)
	if f.rounded != image {
		s.pack(f.mem, image, n)
		f.rounded = image
	}
	s.measure(f.mem, image, nodes, n)
	nearest, offsets := f.places[:s.op.Nearest()], f.places[s.op.Nearest():][:s.op.Neighbours]
	f.pool = kernel.Pool{Segments: offsets, Channels: s.op.C}
	pixels, first := f.mem[s.y.at(image, 0, 0):], s.y.at(image, 0, 0)
	for i := range nodes.m {
		sortNearest(nearest, n.distances[i*s.among:][:s.among])
		for j := range offsets {
			offsets[j] = s.y.token(image, place(nearest[j*s.op.Dilation])) - first
		}
		s.variant.MaxPool(&f.pool, 1, n.largest, pixels)
		own := f.mem[s.x.token(image, nodes.x+i):][:s.op.C]
		out := f.mem[s.out.token(image, nodes.x+i):][:2*s.op.C]
		for c, x := range own {
			out[2*c], out[2*c+1] = x, n.largest[c]-x
		}
	}
}

// pack writes the pixels of an image as kernel.PanelGeneric reads weights: their squares, then for each channel a
// row of them, times -2.
func (s *maxRelativeStep) pack(mem []float32, image int, n neighbourScratch) {
	w, channels := s.variant.Width, s.op.C
	clear(n.mean)
	for j := range s.among {
		to := n.directions[j*channels:][:channels]
		direction(to, mem[s.y.token(image, j):])
		for c, v := range to {
			n.mean[c] += v
		}
	}
	for c := range n.mean {
		n.mean[c] /= float32(s.among)
	}
	for j := range roundUp(s.among, w) {
		panel := n.packed[j/w*s.panel():][:s.panel()]
		to, square := panel[w+j%w:], float32(0)
		for c, mean := range n.mean {
			v := float32(0) // of what fills up a last panel
			if j < s.among {
				v = n.directions[j*channels+c] - mean
			}
			square += v * v
			to[c*w] = -2 * v
		}
		panel[j%w] = square
	}
}

// measure computes the distances of a block's nodes, less the square of each node.
func (s *maxRelativeStep) measure(mem []float32, image int, nodes run, n neighbourScratch) {
	for i := range nodes.m {
		to := n.directions[i*s.op.C:][:s.op.C]
		direction(to, mem[s.x.token(image, nodes.x+i):])
		for c, mean := range n.mean {
			to[c] -= mean
		}
	}
	for at := 0; at < s.among; at += s.variant.Width {
		size := (nodes.m-1)*s.among + min(s.variant.Width, s.among-at)
		var res []float32
		if s.table != nil {
			res = s.table[nodes.x*s.among+at:][:size]
		}
		packed := n.packed[at/s.variant.Width*s.panel():][:s.panel()]
		s.variant.Panel(&s.distances, nodes.m, n.distances[at:][:size], n.directions, packed, res)
	}
}

// direction writes a vector divided by its 2-norm, or by leastNorm where that is more.
func direction(dst, src []float32) {
	src = src[:len(dst)]
	sum := 0.0
	for _, v := range src {
		sum += float64(v) * float64(v)
	}
	by := float32(1 / max(math.Sqrt(sum), leastNorm))
	for c, v := range src {
		dst[c] = v * by
	}
}

// sortNearest puts the least of some distances in order, as many as there is room for: each as a number whose
// lower half is its place, and whose upper half grows as the distance does, so that of equal ones the first is less.
func sortNearest(least []int, distances []float32) {
	last := len(least) - 1
	for i := range least {
		insert(least[:i+1], rising(distances[i])<<32|i)
	}
	most := distances[place(least[last])]
	for i := last + 1; i < len(distances); i++ {
		if distances[i] >= most {
			continue
		}
		if x := rising(distances[i])<<32 | i; x < least[last] { // as it is but for what is not a number
			insert(least, x)
			most = distances[place(least[last])]
		}
	}
}

// insert puts a number in order among others, in the place of the last.
func insert(least []int, x int) {
	at := len(least) - 1
	for ; at > 0 && least[at-1] > x; at-- {
		least[at] = least[at-1]
	}
	least[at] = x
}

// place returns the place of a distance that sortNearest has put in order.
func place(x int) int { return int(uint32(x)) }

// rising returns an integer of 32 bits that grows as a number does.
func rising(x float32) int {
	bits := int32(math.Float32bits(x))
	return int(bits ^ bits>>31&math.MaxInt32)
}
