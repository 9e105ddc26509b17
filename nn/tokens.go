package nn

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/tensor"
)

// Tokens tells that the reference holds an image (N,C,H,W) as (N,H*W,C) from here on.
type Tokens struct{}

// Image is the way back, without tokens that are no pixels: (N,Extra+H*W,C) to (N,C,H,W).
type Image struct{}

// Prefix puts learnt tokens of C channels before all others: (N,L,C) to (N,len(Names)+L,C).
// Each is a tensor (1,1,C), the same for every image.
type Prefix struct {
	Names []string
	C     int
}

// Position adds a learnt table (1,Extra+GridH*GridW,C) to tokens. Where the pixels are no grid of
// that size the rows of the grid are resized to it, as PyTorch's interpolate does with mode "bicubic".
type Position struct {
	Name         string
	C, Extra     int
	GridH, GridW int
	// Sinusoid tells that the table is not learnt, but a Sinusoid.
	Sinusoid bool
	// Exact tells that the reference does not resize the table: another grid is refused.
	Exact bool
}

// Token takes one token of each image: (N,L,C) to (N,C).
type Token struct{ At int }

// Attention is softmax(Scale q kT + bias) v for each head, over the tokens of an image: q (N,L,C),
// k (N,M,C) and v (N,M,D) to (N,L,D), of which each head has an equal run of channels.
type Attention struct {
	Heads int
	Scale float64
	// Window divides the pixels into squares, each an attention of its own, where it has a side.
	Window Window
	// Bias is what is added to scores, where it relates queries and keys.
	Bias ScoreBias
}

// Keys returns how many keys a query of an attention over so many has.
func (a Attention) Keys(all int) int {
	if a.Window.Side > 0 {
		return a.Window.Pixels(all)
	}
	return all
}

func (Tokens) Kind() string    { return "tokens" }
func (Image) Kind() string     { return "image" }
func (Prefix) Kind() string    { return "prefix" }
func (Position) Kind() string  { return "position" }
func (Token) Kind() string     { return "token" }
func (Attention) Kind() string { return "attention" }

// Params of a prefix: its tokens, first to last.
func (p Prefix) Params() []Param {
	var params []Param
	for _, name := range p.Names {
		params = append(params, Param{Name: name, DType: tensor.F32, Shape: tensor.Shape{1, 1, p.C}})
	}
	return params
}

// Params of a position: its table.
func (p Position) Params() []Param {
	table := Param{Name: p.Name, DType: tensor.F32, Shape: tensor.Shape{1, p.Extra + p.GridH*p.GridW, p.C}}
	if p.Sinusoid {
		table.Buffer, table.Fixed = true, Sinusoid{p.Extra + p.GridH*p.GridW, p.C}
	}
	return []Param{table}
}

// Params of an attention: those of its bias.
func (a Attention) Params() []Param { return a.Bias.params(a.Heads) }

// The remaining operators want no tensors.
func (Tokens) Params() []Param { return nil }
func (Image) Params() []Param  { return nil }
func (Token) Params() []Param  { return nil }

// Size returns the input's size, as tokens.
func (Tokens) Size(in ...Size) (Size, error) {
	x, err := images(0, in)
	x.Tokens = true
	return x, err
}

// Size returns (N,C,H,W).
func (Image) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	x.Tokens, x.Extra = false, 0
	return x, err
}

// Size returns (N,len(Names)+L,C).
func (p Prefix) Size(in ...Size) (Size, error) {
	x, err := tokens(p.C, in)
	x.Extra += len(p.Names)
	return x, err
}

// Size returns the input's size.
func (p Position) Size(in ...Size) (Size, error) {
	x, err := tokens(p.C, in)
	if err == nil && x.Extra != p.Extra {
		err = fmt.Errorf("expected %d tokens before those of pixels, found %v", p.Extra, x)
	}
	if err == nil && p.Exact && (x.H != p.GridH || x.W != p.GridW) {
		err = fmt.Errorf("expected a grid of %d x %d, as the positions have and which the reference does not resize, found %v: "+
			"take images of the size that the network is for", p.GridH, p.GridW, x)
	}
	return x, err
}

// Size returns (N,C).
func (t Token) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	if err == nil && (t.At < 0 || t.At >= x.Positions()) {
		err = fmt.Errorf("token %d of %v", t.At, x)
	}
	return Size{N: x.N, C: x.C}, err
}

// Size returns (N,L,D).
func (a Attention) Size(in ...Size) (Size, error) {
	if err := a.Window.fit(in); err != nil {
		return Size{}, err
	}
	q, k, v, err := qkv(a.Heads, in)
	if err != nil {
		return Size{}, err
	}
	if q.C != k.C || k.Positions() != v.Positions() {
		return Size{}, fmt.Errorf("expected q and k of as many channels, and k and v of as many tokens, found %v", in)
	}
	if d, ok := a.Bias.By.(interface{ grids(q, k Size) error }); ok && a.Window.Side == 0 {
		if err := d.grids(q, k); err != nil {
			return Size{}, err
		}
	}
	if a.Bias.By != nil {
		queries, keys, _ := a.Bias.By.Size()
		if l, m := a.Keys(q.Positions()), a.Keys(k.Positions()); l != queries || m != keys {
			return Size{}, fmt.Errorf("expected %d queries and %d keys, which the bias relates, found %d and %d", queries, keys, l, m)
		}
	}
	q.C = v.C
	return q, nil
}

// qkv returns the first three inputs, which must be tokens of as many images, with channels for each head.
func qkv(heads int, in []Size) (q, k, v Size, err error) {
	q, k, v = in[0], in[1], in[2]
	for _, x := range in[:3] {
		if _, err := tokens(0, []Size{x}); err != nil {
			return q, k, v, err
		}
		if x.N != q.N || heads < 1 || x.C%heads != 0 {
			return q, k, v, fmt.Errorf("%d heads of %v", heads, in)
		}
	}
	return q, k, v, nil
}

// tokens returns the only input, which must be (N,L,c); c of 0 allows any.
func tokens(c int, in []Size) (Size, error) {
	x, err := one(in)
	if err == nil && (!x.Tokens || x.Features() || c != 0 && x.C != c) {
		channels := "C"
		if c != 0 {
			channels = fmt.Sprint(c)
		}
		err = fmt.Errorf("expected tokens (N,L,%s), found %v", channels, x)
	}
	return x, err
}

// Tokens tells that the reference holds x, (N,C,H,W), as (N,H*W,C).
func (b *Builder) Tokens(x Value) Value { return b.node(Tokens{}, x.C, x) }

// Image turns tokens into (N,C,H,W), without those that are no pixels.
func (b *Builder) Image(x Value) Value { return b.node(Image{}, x.C, x) }

// Prefix puts learnt tokens before all others.
func (b *Builder) Prefix(x Value, names ...string) Value {
	return b.node(Prefix{names, x.C}, x.C, x)
}

// Position adds a learnt table of extra tokens and a grid to tokens.
func (b *Builder) Position(x Value, name string, extra, gridH, gridW int) Value {
	return b.node(Position{Name: name, C: x.C, Extra: extra, GridH: gridH, GridW: gridW}, x.C, x)
}

// ExactPosition is Position for one grid alone.
func (b *Builder) ExactPosition(x Value, name string, extra, gridH, gridW int) Value {
	return b.node(Position{Name: name, C: x.C, Extra: extra, GridH: gridH, GridW: gridW, Exact: true}, x.C, x)
}

// SinusoidPosition is Position by a Sinusoid.
func (b *Builder) SinusoidPosition(x Value, name string, extra, gridH, gridW int) Value {
	return b.node(Position{Name: name, C: x.C, Extra: extra, GridH: gridH, GridW: gridW, Sinusoid: true}, x.C, x)
}

// Token takes one token of each image, (N,L,C) to (N,C).
func (b *Builder) Token(x Value, at int) Value { return b.node(Token{at}, x.C, x) }

// Attention adds an attention of heads over q, k and v, of all tokens and without a bias.
func (b *Builder) Attention(q, k, v Value, heads int) Value {
	return b.AttentionOf(q, k, v, Attention{Heads: heads})
}

// AttentionOf adds an attention over q, k and v. A scale of 0 is 1 over the root of the channels
// that a head has of q.
func (b *Builder) AttentionOf(q, k, v Value, a Attention) Value { return b.attention(a, q, k, v) }

// attention adds an attention over q, k, v and what its windows have besides.
func (b *Builder) attention(a Attention, in ...Value) Value {
	q, v := in[0], in[2]
	if a.Heads < 1 || q.C%a.Heads != 0 || v.C%a.Heads != 0 {
		b.fail("%d heads do not divide %d and %d channels", a.Heads, q.C, v.C)
		return v
	}
	if a.Scale == 0 {
		a.Scale = 1 / math.Sqrt(float64(q.C/a.Heads))
	}
	return b.node(a, v.C, in...)
}
