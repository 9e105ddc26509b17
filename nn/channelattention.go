package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// ChannelAttention is an attention of channels to each other, in which tokens are what channels
// have: v softmax(Scale qT k)T for each head, q (N,L,D), k (N,L,C) and v (N,M,C) to (N,M,D), of
// which each head has an equal run of channels.
//
// It is XCiT's cross-covariance attention, arXiv:2106.09681, with Unit and Temper, and with a Scale alone
// that of DaViT, arXiv:2204.03645, whose keys are q here, values k and queries v.
type ChannelAttention struct {
	Heads int
	Scale float64
	// Unit divides each channel of q and k by its 2-norm over the tokens first, or by 1e-12 where
	// that is more, as PyTorch's normalize does.
	Unit bool
	// Temper names a learnt tensor (Heads,1,1), by which the scores of a head are multiplied
	// besides; empty for none.
	Temper string
}

func (ChannelAttention) Kind() string { return "channel_attention" }

// Params of an attention of channels: the factors of its heads, if it has any.
func (a ChannelAttention) Params() []Param {
	if a.Temper == "" {
		return nil
	}
	return []Param{{Name: a.Temper, DType: tensor.F32, Shape: tensor.Shape{a.Heads, 1, 1}}}
}

// Size returns (N,M,D).
func (a ChannelAttention) Size(in ...Size) (Size, error) {
	if len(in) != 3 {
		return Size{}, fmt.Errorf("expected q, k and v, found %d inputs", len(in))
	}
	q, k, v, err := qkv(a.Heads, in)
	if err != nil {
		return Size{}, err
	}
	if k.C != v.C || q.Positions() != k.Positions() {
		return Size{}, fmt.Errorf("expected q and k of as many tokens, and k and v of as many channels, found %v", in)
	}
	v.C = q.C
	return v, nil
}

// ChannelAttention adds an attention of channels to each other. A Scale of 0 is 1.
func (b *Builder) ChannelAttention(q, k, v Value, a ChannelAttention) Value {
	if a.Scale == 0 {
		a.Scale = 1
	}
	if a.Heads < 1 || q.C%a.Heads != 0 || v.C%a.Heads != 0 {
		b.fail("%d heads do not divide %d and %d channels", a.Heads, q.C, v.C)
		return v
	}
	return b.node(a, q.C, q, k, v)
}
