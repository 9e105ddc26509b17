package engine

import (
	"unsafe"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// chooseStorage settles how buffers are stored: in parts, as tiles load them, where
// nobody but directSteps reads and writes them, and whoever rounds what it writes. At
// medium that is half the bytes of float32; at high it is as many, but no task converts
// what another has stored. Three parts are not stored, but made from floats.
func (c *compiler) chooseStorage() {
	if c.options.Variant.Direct == nil || c.options.Precision == Highest {
		return
	}
	l, stored := c.layout, kernel.Pairs
	if c.options.Precision == High {
		stored = kernel.Halves
	}
	floats := make(map[*buffer]bool)
	mark := func(values ...int) {
		for _, v := range values {
			for _, w := range l.views(v) {
				floats[w.buf] = true
			}
		}
	}
	mark(0, l.graph.Logits)
	stem := false
	for _, u := range l.units {
		switch u.node.Op.(type) {
		case nn.Slice: // is computed by nobody
			continue
		case nn.FourierPosition: // reads nothing
			mark(u.out)
			continue
		case nn.Tokens, nn.Image, nn.PadTo, nn.CropLike:
			if l.isView(u) {
				continue
			}
		case nn.Concat:
			at := 0
			for _, v := range u.node.In {
				if !l.placed(v, u.out, at) {
					mark(v, u.out)
				}
				at += l.sizes[v].C
			}
			continue
		}
		w := c.ways[u.out]
		direct := w.method == byTiles
		stem = stem || direct && u.node.In[0] == 0 && l.sizes[0].C <= stemChannels
		if !direct || w.parts == 3 {
			mark(u.node.In...)
		}
		if !direct && u.residual >= 0 {
			mark(u.residual)
		}
		if !direct && !c.rounds(u) {
			mark(u.out)
		}
	}
	for _, b := range l.buffers {
		if !floats[b] {
			b.storage = stored
		}
	}
	if in := l.view(0).buf; stem {
		in.c, in.storage = stemChannels, kernel.Pairs
	}
}

// rounds reports whether a unit that computes with floats can store pairs, which its readers
// would round them to: it spares them that, and half of what a first layer writes.
func (c *compiler) rounds(u unit) bool {
	op, ok := u.node.Op.(nn.Conv)
	return ok && c.options.Precision == Medium && c.ways[u.out].method == byPanel && u.residual < 0 && c.notToTiles(u, op) == ""
}

// asWords returns floats as words.
func asWords(mem []float32) []kernel.Pair {
	return unsafe.Slice((*kernel.Pair)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem))
}

// planarOf is planar for a view of any storage.
func (v view) planarOf(mem []float32, n int, dst []float32) {
	b, pixel := v.buf, make([]float32, v.c)
	for y := range b.h {
		for x := range b.w {
			v.pixel(mem, n, y, x, pixel)
			for c, f := range pixel {
				dst[(c*b.h+y)*b.w+x] = f
			}
		}
	}
}

// pixel writes the channels of one pixel to dst.
func (v view) pixel(mem []float32, n, y, x int, dst []float32) {
	at := v.at(n, y, x)
	if v.buf.storage == kernel.Floats {
		copy(dst, mem[at:])
		return
	}
	words := asWords(mem)[at:]
	for c := range dst {
		dst[c] = v.buf.storage.Get(words, c)
	}
}
