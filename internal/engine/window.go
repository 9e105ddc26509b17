package engine

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// A square is a window of an attention.
type square struct {
	tokens []int32 // its pixels, counted from row to row of the image; nil for all tokens as they lie
	masked []masked
}

// masked are queries of a window that follow one another and see the same keys; add holds a
// convolution of one tap, which adds to the scores what hides the others.
type masked struct {
	from, to int // queries
	add      []float32
}

// windows divides an image of h x w pixels, not all of which those of padded windows had. What a window's
// pixels that came from opposite edges of the image, or are padding and are none, add to each other's scores,
// of which a row has so many, is hide.
func windows(win nn.Window, h, w int, pixels nn.Size, row int, hide float32) []square {
	if win.Grid {
		return grids(win.Side, h, w)
	}
	// What lies behind the cut, in the last windows, came from the opposite edge, or is padding.
	cut := [2]int{win.Side - win.Shift, win.Side - win.Shift}
	hides := win.Shift > 0
	if win.Padded {
		cut = [2]int{win.Side - (h - pixels.H), win.Side - (w - pixels.W)}
		hides = h > pixels.H && w > pixels.W
	}
	var squares []square
	masks := make(map[[2]bool][]masked) // by whether a window is in the last row, and the last column
	for top := 0; top < h; top += win.Side {
		for left := 0; left < w; left += win.Side {
			var s square
			for y := range win.Side {
				for x := range win.Side {
					s.tokens = append(s.tokens, int32((top+y+win.Shift)%h*w+(left+x+win.Shift)%w))
				}
			}
			edge := [2]bool{top+win.Side == h, left+win.Side == w}
			if _, ok := masks[edge]; !ok && hides {
				masks[edge] = masksOf(win, edge, cut, row, hide)
			}
			s.masked = masks[edge]
			squares = append(squares, s)
		}
	}
	return squares
}

// grids divides an image of h x w pixels into those at one place of squares of side x side.
func grids(side, h, w int) []square {
	squares := make([]square, side*side)
	for at := range h * w {
		s := &squares[at/w%side*side+at%w%side]
		s.tokens = append(s.tokens, int32(at))
	}
	return squares
}

// masksOf returns the masks of a window that is in the last row or column.
func masksOf(win nn.Window, edge [2]bool, cut [2]int, row int, hide float32) []masked {
	if !edge[0] && !edge[1] {
		return nil
	}
	region := func(i int) [2]bool {
		below, right := edge[0] && i/win.Side >= cut[0], edge[1] && i%win.Side >= cut[1]
		if win.Padded { // all padding is alike
			return [2]bool{below || right}
		}
		return [2]bool{below, right}
	}
	rows := make(map[[2]bool][]float32)
	var out []masked
	for i := range win.Side * win.Side {
		r := region(i)
		if n := len(out); n > 0 && region(i-1) == r {
			out[n-1].to++
			continue
		}
		if rows[r] == nil {
			add := make([]float32, 2*row)
			for k := range row {
				if add[row+k] = 1; k < win.Side*win.Side && region(k) != r {
					add[k] = hide
				}
			}
			rows[r] = add
		}
		out = append(out, masked{i, i + 1, rows[r]})
	}
	return out
}

// token returns the place in the image of the i-th token.
func (s *square) token(i int) int {
	if s.tokens == nil {
		return i
	}
	return int(s.tokens[i])
}

// mask adds to the scores of a block what hides keys from its queries.
func (s *attentionStep) mask(b block) {
	row := s.scores.DstStride
	for i := range b.square.masked {
		m := &b.square.masked[i]
		from, to := max(m.from, b.x)-b.x, min(m.to, b.x+b.m)-b.x
		if from >= to {
			continue
		}
		x := b.scores[from*row : to*row]
		s.variant.Depthwise(&s.hide, to-from, x, x, m.add, nil)
	}
}

// oneTap are the segments of a window of one pixel.
var oneTap = []int{0}

// scoreBias returns what an attention adds to its scores, (heads,queries,row), divided by the scale
// that they are multiplied by later; nil where that is nothing.
func (c *compiler) scoreBias(u unit, op nn.Attention, row int) ([]float32, error) {
	if op.Bias.By == nil {
		return nil, nil
	}
	table, err := c.biasTable(u, op)
	if err != nil {
		return nil, err
	}
	queries, keys, _ := op.Bias.By.Size()
	bias := make([]float32, op.Heads*queries*row)
	for at, relation := range op.Bias.By.Index() {
		q, k := at/keys, at%keys
		for head := range op.Heads {
			bias[(head*queries+q)*row+k] = float32(table[op.Bias.At(int(relation), head, op.Heads)] / op.Scale)
		}
	}
	return bias, nil
}

// biasTable returns the table of a bias, (relations,heads).
func (c *compiler) biasTable(u unit, op nn.Attention) ([]float64, error) {
	if of := op.Bias.Of; of.Hidden > 0 {
		return c.continuous(u, of, op.Heads)
	}
	learnt, err := float32s(c.net.bound, u.node.Params[0])
	table := make([]float64, len(learnt))
	for i, v := range learnt {
		table[i] = float64(v)
	}
	return table, err
}

// continuous computes a table of coordinates.
func (c *compiler) continuous(u unit, of nn.Continuous, heads int) ([]float64, error) {
	var layers [3][]float32 // weights (hidden,2), bias (hidden), weights (heads,hidden)
	for i := range layers {
		var err error
		if layers[i], err = float32s(c.net.bound, u.node.Params[i]); err != nil {
			return nil, err
		}
	}
	coordinates := of.Coordinates()
	table := make([]float64, len(coordinates)/2*heads)
	parallel(len(coordinates)/2, func(i int) {
		row, hidden := table[i*heads:][:heads], make([]float64, of.Hidden)
		y, x := float64(coordinates[2*i]), float64(coordinates[2*i+1])
		for j := range hidden {
			hidden[j] = max(0, y*float64(layers[0][2*j])+x*float64(layers[0][2*j+1])+float64(layers[1][j]))
		}
		for head := range row {
			sum := 0.0
			for j, w := range layers[2][head*of.Hidden:][:of.Hidden] {
				sum += hidden[j] * float64(w)
			}
			row[head] = 16 / (1 + math.Exp(-sum))
		}
	})
	return table, nil
}

// biasOf returns what is added to the scores of a block, from the first to the last of its rows; nil
// for nothing.
func (s *attentionStep) biasOf(b block) []float32 {
	if s.bias == nil {
		return nil
	}
	row := s.scores.DstStride
	queries := len(s.bias) / s.heads / row
	return s.bias[(b.head*queries+b.y*s.q.buf.w+b.x)*row:][:b.m*row]
}

// fitStep copies the pixels that its input and its output both have, from the upper left on; others
// are zero. One task is one row of output.
type fitStep struct{ in, out view }

func (s *fitStep) tasks() int { return s.out.rows() }

func (s *fitStep) run(f *frame, task int) {
	image, y := task/s.out.buf.h, task%s.out.buf.h
	out, stride := s.out.row(f.mem, task)
	n := 0
	if y < s.in.buf.h {
		n = min(s.in.buf.w, s.out.buf.w)
		in, from := s.in.row(f.mem, image*s.in.buf.h+y)
		for x := range n {
			copy(out[x*stride:][:s.out.c], in[x*from:])
		}
	}
	for x := n; x < s.out.buf.w; x++ {
		clear(out[x*stride:][:s.out.c])
	}
}
