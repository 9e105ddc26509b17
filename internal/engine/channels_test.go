package engine

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// randomChannels adds an attention of channels, whose queries are as many as its keys or not, of pixels that
// know where they are.
func randomChannels(b *nn.Builder, x nn.Value, r *rand.Rand) nn.Value {
	heads := 1 + r.IntN(3)
	x = few(b.At("widen"), x, heads*(normed+r.IntN(40)))
	if r.IntN(2) == 0 {
		x = b.Add(x, b.At("position").Conv(b.FourierPosition(x, 1+r.IntN(20)), x.C))
	}
	op := nn.ChannelAttention{Heads: heads, Scale: 0.1}
	if r.IntN(2) == 0 {
		op = nn.ChannelAttention{Heads: heads, Unit: true, Temper: "factors"}
	}
	if x = b.Tokens(x); r.IntN(2) == 0 {
		x = b.Prefix(x, "token")
	}
	y := b.At("norm").LayerNorm(x)
	if r.IntN(2) == 0 {
		x = b.ChannelAttention(b.At("q").Linear(y, heads*(1+r.IntN(70))), y, x, op)
	} else {
		qkv := b.Split(b.At("qkv").Linear(y, 3*x.C), 3)
		x = b.Add(b.At("proj").Linear(b.ChannelAttention(qkv[0], qkv[1], qkv[2], op), x.C), x)
	}
	if x = b.Image(x); r.IntN(2) == 0 {
		x = b.ConvNormAct(x, 1+r.IntN(20), nn.K(3))
	}
	return x
}

// channelAttention computes an attention of channels, each of which is a row of values.
func channelAttention(op nn.ChannelAttention, in [][]float64, sizes []nn.Size, out []float64, p [][]float64) {
	row := func(i, c int) []float64 {
		x := in[i][c*sizes[i].Positions():][:sizes[i].Positions()]
		if !op.Unit || i == 2 {
			return x
		}
		norm := 0.0
		for _, v := range x {
			norm = math.Hypot(norm, v)
		}
		unit := make([]float64, len(x))
		for j, v := range x {
			unit[j] = v / math.Max(norm, 1e-12)
		}
		return unit
	}
	dq, dk, tokens := sizes[0].C/op.Heads, sizes[1].C/op.Heads, sizes[2].Positions()
	for c := range sizes[0].N * sizes[0].C {
		head, q := c/dq, row(0, c)
		shares, sum := make([]float64, dk), 0.0
		for j := range shares {
			for t, k := range row(1, head*dk+j) {
				shares[j] += q[t] * k
			}
			if shares[j] *= op.Scale; op.Temper != "" {
				shares[j] *= p[0][head%op.Heads]
			}
			shares[j] = math.Exp(shares[j])
			sum += shares[j]
		}
		for j, share := range shares {
			for t, v := range row(2, head*dk+j) {
				out[c*tokens+t] += share / sum * v
			}
		}
	}
}

// fourierPosition computes where each pixel of an image of size s is.
func fourierPosition(op nn.FourierPosition, s nn.Size, out []float64) {
	for i := range out {
		c := i / (s.H * s.W) % s.C
		at, n := i/s.W%s.H, s.H
		if c >= op.Hidden {
			at, n, c = i%s.W, s.W, c-op.Hidden
		}
		angle := 2 * math.Pi * float64(at+1) / (float64(n) + 1e-6) / math.Pow(op.Temperature, float64(c-c%2)/float64(op.Hidden))
		out[i] = math.Sin(angle + float64(c%2)*math.Pi/2)
	}
}

// TestScoresOfManyTokens wants scores that are sums of thousands of products of one sign, nearly alike, to
// err by little: their exponentials are what is shared.
func TestScoresOfManyTokens(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	b := nn.NewBuilder(8, 1e-5, nn.ReLU())
	x := b.Tokens(b.Input())
	x = b.At("sum").Output(b.ChannelAttention(x, x, b.At("norm").LayerNorm(x), nn.ChannelAttention{Heads: 1, Scale: 0.13}))
	g, err := b.Graph(b.At("fc").Linear(b.At("neck").Features(b.GlobalMean(x)), 3))
	if err != nil {
		t.Fatal(err)
	}
	c := newReferenced(t, g, tensor.Shape{1, 8, 64, 80}, r)
	for i := range c.input {
		c.input[i] = 1 + c.input[i]/100
	}
	c.want = reference(t, c.bound, c.shape, c.input)
	for _, v := range kernel.Variants() {
		value := g.Probes[0].Value
		plan, err := Compile(c.bound, c.shape, Options{Variant: v, Keep: []int{value}})
		if err != nil {
			t.Fatal(err)
		}
		s := plan.NewSession()
		if err := s.Run(make([]float32, plan.Classes()), c.input); err != nil {
			t.Fatal(err)
		}
		got, err := s.Value(value)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, v.Name, c.want[value], got, 3e-4)
	}
}
