package nn

import "fmt"

// FirstTokens takes the first Count tokens of each image: (N,L,C) to (N,Count,C). They count as a
// row of pixels from there on.
type FirstTokens struct{ Count int }

// JoinTokens puts Count tokens before those of another value: (N,Count,C) and (N,L,C) to
// (N,Count+L,C). Its pixels are those of the second.
type JoinTokens struct{ Count int }

func (FirstTokens) Kind() string { return "first_tokens" }
func (JoinTokens) Kind() string  { return "join_tokens" }

func (FirstTokens) Params() []Param { return nil }
func (JoinTokens) Params() []Param  { return nil }

// Size returns (N,Count,C).
func (f FirstTokens) Size(in ...Size) (Size, error) {
	x, err := tokens(0, in)
	if err == nil && (f.Count < 1 || f.Count > x.Positions()) {
		err = fmt.Errorf("the first %d tokens of %v", f.Count, x)
	}
	return Size{N: x.N, C: x.C, H: 1, W: f.Count, Tokens: true}, err
}

// Size returns (N,Count+L,C).
func (j JoinTokens) Size(in ...Size) (Size, error) {
	if len(in) != 2 {
		return Size{}, fmt.Errorf("expected two inputs, found %d", len(in))
	}
	first, err := tokens(0, in[:1])
	if err != nil {
		return Size{}, err
	}
	x, err := tokens(first.C, in[1:])
	if err == nil && (first.N != x.N || first.Positions() != j.Count) {
		err = fmt.Errorf("expected %d tokens to put before others, found %v", j.Count, in)
	}
	x.Extra += j.Count
	return x, err
}

// FirstTokens takes the first count tokens of each image, (N,L,C) to (N,count,C).
func (b *Builder) FirstTokens(x Value, count int) Value { return b.node(FirstTokens{count}, x.C, x) }

// JoinTokens puts count tokens, (N,count,C), before others.
func (b *Builder) JoinTokens(first, x Value, count int) Value {
	return b.node(JoinTokens{count}, x.C, first, x)
}
