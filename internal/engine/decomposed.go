package engine

import (
	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// decomposedStep is an attention whose scores have terms for how far queries and keys are apart in
// rows and in columns. A query is multiplied by all vectors of both tables, and what its distances
// come to is added to its scores. As products with ones, of queries and keys with channels for the
// rows and columns of keys, the terms take as much time as added.
type decomposedStep struct {
	attentionStep
	rows, columns int       // of keys
	tables        []float32 // packed panels: a column for each distance of rows, then of columns
	terms         kernel.Panel
	rowAt         []int // for each row of queries and of keys a column of tables
	columnAt      []int // and for each column of both
}

func (c *compiler) decomposed(u unit, op nn.DecomposedAttention) (step, error) {
	s := &decomposedStep{attentionStep: c.attentionOf(u, nn.Attention{Heads: op.Heads, Scale: op.Scale})}
	q, k := c.layout.sizes[u.node.In[0]], c.layout.sizes[u.node.In[1]]
	s.rows, s.columns = k.H, k.W
	var table []float32 // (distances,C)
	for i, side := range []struct {
		length, queries, keys int
		at                    *[]int
	}{{op.Rows, q.H, k.H, &s.rowAt}, {op.Columns, q.W, k.W, &s.columnAt}} {
		learnt, err := float32s(c.net.bound, u.node.Params[i])
		if err != nil {
			return nil, err
		}
		*side.at = distances(side.queries, side.keys, len(table)/op.C)
		table = append(table, linear(learnt, side.length, op.C, 2*max(side.queries, side.keys)-1)...)
	}
	n := len(table) / op.C
	s.terms = kernel.Panel{
		Segments: oneTap, SegmentLen: op.C, SrcStride: s.q.buf.c, DstStride: roundUp(n, s.width),
		Epilogue: kernel.Epilogue{Act: kernel.Identity},
	}
	s.tables = make([]float32, s.terms.DstStride/s.width*s.tableFloats())
	for i := range n {
		panel := s.tables[i/s.width*s.tableFloats():]
		for ch, x := range table[i*op.C:][:op.C] { // the softmax multiplies by the scale
			panel[(1+ch)*s.width+i%s.width] = float32(float64(x) / op.Scale)
		}
	}
	return s, nil
}

// distances returns at plus the distance of each query of a side from each key, query by query, as
// the reference computes it in float32.
func distances(queries, keys, at int) []int {
	perQuery := float32(max(float64(keys)/float64(queries), 1))
	perKey := float32(max(float64(queries)/float64(keys), 1))
	last := float32(float64(keys-1) * max(float64(queries)/float64(keys), 1))
	var all []int
	for i := range queries {
		for j := range keys {
			apart := float32(float32(i)*perQuery) - float32(float32(j)*perKey)
			all = append(all, at+int(apart+last))
		}
	}
	return all
}

// linear resizes a table (n,c) to out rows as PyTorch's interpolate does with mode "linear", without
// align_corners: beyond the first and the last row they are repeated.
func linear(table []float32, n, c, out int) []float32 {
	if out == n {
		return table
	}
	var resized []float32
	for i := range out {
		at := max((float64(i)+0.5)*float64(n)/float64(out)-0.5, 0)
		first := int(at)
		share := at - float64(first)
		low, high := table[first*c:][:c], table[min(first+1, n-1)*c:][:c]
		for ch, x := range low {
			resized = append(resized, float32(float64(x)*(1-share)+float64(high[ch])*share))
		}
	}
	return resized
}

// tableFloats returns the floats of a packed panel of the tables.
func (s *decomposedStep) tableFloats() int { return (1 + s.terms.SegmentLen) * s.width }

// scratch returns the floats that one task needs: besides those of every attention, the terms of each
// query, and of one query those of columns.
func (s *decomposedStep) scratch() int {
	return s.attentionStep.scratch() + s.most*s.terms.DstStride + s.columns
}

func (s *decomposedStep) run(f *frame, task int) {
	b := s.block(f, task)
	terms := f.scratch[s.attentionStep.scratch():]
	terms, columns := terms[:s.most*s.terms.DstStride], terms[s.most*s.terms.DstStride:][:s.columns]
	src := f.mem[s.q.at(b.image, b.y, b.x)+b.head*s.channels():]
	s.score(b, src)
	for at := 0; at < s.terms.DstStride; at += s.width {
		dst := terms[at:][:(b.m-1)*s.terms.DstStride+s.width]
		s.variant.Panel(&s.terms, b.m, dst, src, s.tables[at/s.width*s.tableFloats():][:s.tableFloats()], nil)
	}
	for i := range b.m {
		of, scores := terms[i*s.terms.DstStride:], b.scores[i*s.scores.DstStride:]
		y, x := b.y+(b.x+i)/s.q.buf.w, (b.x+i)%s.q.buf.w
		for j, at := range s.columnAt[x*s.columns:][:s.columns] {
			columns[j] = of[at]
		}
		for j, at := range s.rowAt[y*s.rows:][:s.rows] {
			row, scores := of[at], scores[j*s.columns:][:len(columns)]
			for k, column := range columns {
				scores[k] += row + column
			}
		}
	}
	s.share(f.mem, b)
}
