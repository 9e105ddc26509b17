package nn

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// DecomposedAttention is the attention of MViT V2 (arXiv:2112.01526), that of Attention over pixels
// alone, with learnt vectors for how many rows and columns a query and a key are apart. The score
// of a query q at (y,x) for a key k at (i,j) is
//
//	Scale q·k + q·rows[distance(y,i)] + q·columns[distance(x,j)]
//
// The tables "rel_pos_h" (Rows,C) and "rel_pos_w" (Columns,C) are the same for all heads, of C channels
// each. Where a side has queries and keys so many that its table should have 2*max(queries,keys)-1
// rows and has not, it is resized, as PyTorch's interpolate does with mode "linear". The distance of
// query y and key i is y-i, counted from that of the first query and the last key, where the
// shorter of both sides is stretched to the longer one, in float32, and what is left of a row is dropped.
type DecomposedAttention struct {
	Heads         int
	Scale         float64
	C             int
	Rows, Columns int
}

// Kind names the operator.
func (DecomposedAttention) Kind() string { return "decomposed_attention" }

// Params are the tables of rows and of columns.
func (a DecomposedAttention) Params() []Param {
	return []Param{
		{Name: "rel_pos_h", DType: tensor.F32, Shape: tensor.Shape{a.Rows, a.C}},
		{Name: "rel_pos_w", DType: tensor.F32, Shape: tensor.Shape{a.Columns, a.C}},
	}
}

// Size returns (N,L,D) of q (N,L,Heads*C), k (N,M,Heads*C) and v (N,M,D).
func (a DecomposedAttention) Size(in ...Size) (Size, error) {
	out, err := Attention{Heads: a.Heads, Scale: a.Scale}.Size(in...)
	if err != nil {
		return Size{}, err
	}
	if q, k := in[0], in[1]; q.Extra+k.Extra > 0 || q.C != a.Heads*a.C || k.H != in[2].H {
		return Size{}, fmt.Errorf("expected pixels alone, queries of %d channels, and keys and values of the same ones, found %v",
			a.Heads*a.C, in)
	}
	return out, nil
}

// DecomposedAttention adds an attention of heads over pixels, whose scale is 1 over the root of a
// head's channels and whose tables have so many rows.
func (b *Builder) DecomposedAttention(q, k, v Value, heads, rows, columns int) Value {
	if heads < 1 || q.C%heads != 0 || v.C%heads != 0 {
		b.fail("%d heads do not divide %d and %d channels", heads, q.C, v.C)
		return v
	}
	c := q.C / heads
	return b.node(DecomposedAttention{heads, 1 / math.Sqrt(float64(c)), c, rows, columns}, v.C, q, k, v)
}
