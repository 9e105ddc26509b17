package nn

import (
	"fmt"
	"slices"
)

// ClassOffsets relates a class token and the pixels of a grid of H x W after it: pixels as Offsets does,
// and three relations more, as BEiT numbers them: of the token to a pixel, of a pixel to the token, and of the token
// to itself.
type ClassOffsets struct{ H, W int }

// Size returns 1+H*W, 1+H*W and (2H-1)(2W-1)+3.
func (o ClassOffsets) Size() (queries, keys, relations int) {
	queries, keys, relations = Offsets(o).Size()
	return queries + 1, keys + 1, relations + 3
}

// Index returns the relations.
func (o ClassOffsets) Index() []int64 {
	pixels, _, n := Offsets(o).Size()
	index := make([]int64, 0, (pixels+1)*(pixels+1))
	index = append(index, int64(n+2))
	for range pixels {
		index = append(index, int64(n))
	}
	for of := range slices.Chunk(Offsets(o).Index(), pixels) {
		index = append(append(index, int64(n+1)), of...)
	}
	return index
}

// grids checks that queries and keys are a token and the pixels that are related: as many in other rows are not.
func (o ClassOffsets) grids(q, k Size) error {
	if q.Extra != 1 || k.Extra != 1 || q.H != o.H || q.W != o.W || k.H != o.H || k.W != o.W {
		return fmt.Errorf("expected queries and keys of 1+%dx%d tokens, which the bias relates, found %v and %v: "+
			"take images of the size that the network is for", o.H, o.W, q, k)
	}
	return nil
}
