package engine

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/gozoo/zoo/internal/kernel"
)

// align is the alignment of memory in floats or pairs: one cache line.
const align = 16

// arena places buffers in one block of memory so that those that live at the same
// time do not overlap, and returns its size in floats. Larger buffers are placed
// first, each at the lowest place that is free for all of its life.
func arena(buffers []*buffer) int {
	order := slices.Clone(buffers)
	slices.SortStableFunc(order, func(a, b *buffer) int { return cmp.Compare(b.size(), a.size()) })
	var placed []*buffer // sorted by offset
	size := 0
	for _, b := range order {
		at := 0
		for _, p := range placed {
			if p.last < b.first || b.last < p.first {
				continue
			}
			if at+b.size() <= p.offset {
				break
			}
			at = max(at, roundUp(p.offset+p.size(), align))
		}
		b.offset = at
		size = max(size, at+b.size())
		i, _ := slices.BinarySearchFunc(placed, at, func(p *buffer, at int) int { return cmp.Compare(p.offset, at) })
		placed = slices.Insert(placed, i, b)
	}
	return size
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// alloc returns n zeroed elements that start a cache line, on large pages where that
// is possible.
func alloc[T float32 | kernel.Pair](n int) []T {
	x := make([]T, n+align)
	at := unsafe.Pointer(unsafe.SliceData(x))
	preferHugePages(unsafe.Slice((*byte)(at), 4*len(x)))
	skip := int(-uintptr(at)/4) & (align - 1)
	return x[skip : skip+n : skip+n]
}
