package nn

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// A ScoreBias is what is learnt to be added to the scores of an attention: for each head a number for
// each relation that a query and a key can have.
type ScoreBias struct {
	// Table names the tensor of numbers, (entries,heads), or (heads,entries) where HeadsFirst is set.
	Table      string
	HeadsFirst bool
	// Index names the buffer in which checkpoints hold Relation.Index; empty where they do not.
	Index string
	// Again names another such buffer, where the reference has one beside those of its attentions.
	Again string
	// By says which entry belongs to a query and a key; nil where nothing is added.
	By Relation
	// Of computes the table, where it has hidden channels; Table then names nothing.
	Of Continuous
}

// Continuous is a table that a small network makes of offsets, which are coordinates then, so that
// windows of another size can take it over: 16 times the sigmoid of two linear layers with a ReLU
// between them, the second without a bias. It is Swin V2's, arXiv:2111.09883.
type Continuous struct {
	Module string // the layers are its 0 and 2
	Coords string // names the buffer in which checkpoints hold Coordinates; empty where they do not
	Hidden int    // channels between the layers
	Offsets
	// Trained is the side of the windows that the network was trained with first, by which offsets
	// are divided; 0 for windows of this size.
	Trained int
}

// At returns the element of the table that belongs to a relation and a head.
func (b ScoreBias) At(relation, head, heads int) int {
	if _, _, relations := b.By.Size(); b.HeadsFirst {
		return head*relations + relation
	}
	return relation*heads + head
}

// A Relation numbers the relations of queries and keys. Values of a type that implements it are
// comparable: equal ones have equal indices.
type Relation interface {
	// Size returns how many queries, keys and relations there are.
	Size() (queries, keys, relations int)
	// Index returns the relation of each query and key, (queries,keys) in row-major order.
	Index() []int64
}

// Offsets relates the pixels of a grid of H x W by how many rows and columns lie between them:
// (2H-1)(2W-1) relations, as Swin numbers them, that of a query to the first pixel from one to the
// last pixel first.
type Offsets struct{ H, W int }

// Size returns H*W, H*W and (2H-1)(2W-1).
func (o Offsets) Size() (queries, keys, relations int) {
	return o.H * o.W, o.H * o.W, (2*o.H - 1) * (2*o.W - 1)
}

// Index returns (rows between + H-1)(2W-1) + columns between + W-1.
func (o Offsets) Index() []int64 {
	n := o.H * o.W
	index := make([]int64, 0, n*n)
	for q := range n {
		for k := range n {
			index = append(index, int64((q/o.W-k/o.W+o.H-1)*(2*o.W-1)+q%o.W-k%o.W+o.W-1))
		}
	}
	return index
}

// Apart relates the pixels of a grid of H x W, as keys, to those of every Stride-th of its rows and columns, as
// queries, by how many rows and how many columns lie between them, whichever comes first: H*W relations, as
// EfficientFormer, LeViT and TinyViT number them, those of the first query in order. A Stride of 0 is 1.
type Apart struct{ H, W, Stride int }

// Size returns the queries, H*W and H*W.
func (a Apart) Size() (queries, keys, relations int) {
	h, w := a.queries()
	return h * w, a.H * a.W, a.H * a.W
}

// queries returns the rows and columns of queries.
func (a Apart) queries() (h, w int) {
	stride := max(a.Stride, 1)
	return (a.H-1)/stride + 1, (a.W-1)/stride + 1
}

// Index returns rows between * W + columns between.
func (a Apart) Index() []int64 {
	h, w := a.queries()
	index := make([]int64, 0, h*w*a.H*a.W)
	for q := range h * w {
		for k := range a.H * a.W {
			rows, columns := q/w*max(a.Stride, 1)-k/a.W, q%w*max(a.Stride, 1)-k%a.W
			index = append(index, int64(max(rows, -rows)*a.W+max(columns, -columns)))
		}
	}
	return index
}

// grids checks that queries and keys are the pixels that are related: as many in other rows are not.
func (a Apart) grids(q, k Size) error {
	h, w := a.queries()
	if q.Extra > 0 || k.Extra > 0 || q.H != h || q.W != w || k.H != a.H || k.W != a.W {
		return fmt.Errorf("expected queries and keys of %d x %d and %d x %d pixels, which the bias relates, found %v and %v: "+
			"take images of the size that the network is for", h, w, a.H, a.W, q, k)
	}
	return nil
}

// Coordinates returns the coordinates of each offset, (relations,2), rows first: sign(x) log2(8 |x| + 1) / 3,
// where x is the offset divided by the largest that there was in training. It is computed in float32, as
// checkpoints hold it.
func (c Continuous) Coordinates() []float32 {
	coordinate := func(i, side int) float32 {
		offset := float32(i - (side - 1))
		if c.Trained > 0 {
			side = c.Trained
		}
		x := offset / float32(side-1) * 8
		log := float32(math.Log2(math.Abs(float64(x)) + 1))
		return float32(math.Copysign(float64(log/3), float64(x)))
	}
	var all []float32
	for y := range 2*c.H - 1 {
		for x := range 2*c.W - 1 {
			all = append(all, coordinate(y, c.H), coordinate(x, c.W))
		}
	}
	return all
}

// Tensor returns the coordinates, (1,2H-1,2W-1,2).
func (c Continuous) Tensor() tensor.Tensor {
	return tensor.FromFloat32s(tensor.Shape{1, 2*c.H - 1, 2*c.W - 1, 2}, c.Coordinates())
}

// params lists the layers and the buffer of coordinates.
func (c Continuous) params(heads int) []Param {
	p := []Param{
		{Name: c.Module + ".0.weight", DType: tensor.F32, Shape: tensor.Shape{c.Hidden, 2}},
		{Name: c.Module + ".0.bias", DType: tensor.F32, Shape: tensor.Shape{c.Hidden}},
		{Name: c.Module + ".2.weight", DType: tensor.F32, Shape: tensor.Shape{heads, c.Hidden}},
	}
	if c.Coords != "" {
		shape := tensor.Shape{1, 2*c.H - 1, 2*c.W - 1, 2}
		p = append(p, Param{Name: c.Coords, DType: tensor.F32, Shape: shape, Buffer: true, Optional: true, Fixed: c})
	}
	return p
}

// indices is what a buffer of a Relation's indices is fixed to.
type indices struct{ of Relation }

// Tensor returns the indices, (queries,keys).
func (x indices) Tensor() tensor.Tensor {
	queries, keys, _ := x.of.Size()
	index := x.of.Index()
	data := make([]byte, 0, 8*len(index))
	for _, i := range index {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	t, err := tensor.New(tensor.I64, tensor.Shape{queries, keys}, data)
	if err != nil {
		panic(err) // a Relation has as many indices as it says
	}
	return t
}

// params lists the table of a bias, and the buffer of its indices.
func (b ScoreBias) params(heads int) []Param {
	if b.By == nil {
		return nil
	}
	queries, keys, relations := b.By.Size()
	p := b.Of.params(heads)
	if b.Of.Hidden == 0 {
		table := tensor.Shape{relations, heads}
		if b.HeadsFirst {
			table = tensor.Shape{heads, relations}
		}
		p = []Param{{Name: b.Table, DType: tensor.F32, Shape: table}}
	}
	for _, index := range []string{b.Index, b.Again} {
		if index != "" {
			p = append(p, Param{Name: index, DType: tensor.I64, Shape: tensor.Shape{queries, keys}, Buffer: true, Optional: true, Fixed: indices{b.By}})
		}
	}
	return p
}
