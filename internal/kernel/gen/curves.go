package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// curves writes the functions behind Activate: the activations that are not piecewise
// linear in two pieces.
func (g *gen) curves() {
	g.curve("sigmoid", func(b *curve) {
		d := b.onePlusExpMinus(b.x)
		b.g.VBROADCASTSS(b.constant(1), b.x)
		b.g.VDIVPS(d, b.x, b.x)
	})
	g.curve("silu", func(b *curve) {
		b.g.VDIVPS(b.onePlusExpMinus(b.x), b.x, b.x)
	})
	g.curve("hardSigmoid", func(b *curve) {
		b.mul(b.clampedPlus3(), 1.0/6, b.x)
	})
	g.curve("hardSwish", func(b *curve) {
		gate := b.clampedPlus3()
		b.mul(b.x, 1.0/6, b.x)
		b.g.VMULPS(gate, b.x, b.x)
	})
	g.curve("gelu", (*curve).gelu)
	g.curve("quickGELU", func(b *curve) {
		y := b.free[4]
		b.mul(b.x, 1.702, y)
		b.g.VDIVPS(b.onePlusExpMinus(y), b.x, b.x)
	})
	g.curve("geluTanh", func(b *curve) {
		const c = 1.5957691216057308 // twice the root of 2/pi
		square, y := b.free[5], b.free[4]
		b.g.VMULPS(b.x, b.x, square)
		b.polynomial(square, y, []float64{c, c * 0.044715})
		b.g.VMULPS(b.x, y, y)
		b.g.VDIVPS(b.onePlusExpMinus(y), b.x, b.x)
	})
	g.curve("tanh", (*curve).tanh)
}

// A curve is one function under construction.
type curve struct {
	g     *gen
	x     reg.VecPhysical // the input, and in the end the output
	free  []reg.VecPhysical
	table operand.Mem
	at    map[float32]int // of constants in the table
}

// curve writes the function NAME over m pixels of n channels; body turns b.x into its
// value. Where there are no masks, n is a multiple of the lanes.
func (g *gen) curve(name string, body func(b *curve)) {
	name += g.suffix()
	b := &curve{g: g, x: g.regs[0], free: g.regs[1:], at: make(map[float32]int)}
	b.table = g.StaticGlobal(name + "_constants")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	doc := "n floats, strides apart."
	if !g.masks {
		doc = fmt.Sprintf("n floats, a multiple of %d, strides apart.", g.lanes)
	}
	g.text(name, "func(dst *float32, dstStride int, src *float32, srcStride, n, m int)", name+" computes m pixels of "+doc)
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride, dstStride := g.loadBytes("srcStride"), g.loadBytes("dstStride")
	m, bytes := g.Load(g.Param("m"), g.GP64()), g.loadBytes("n")
	at := g.GP64()
	vector := func(mask reg.OpmaskPhysical) {
		from, to := operand.Mem{Base: src, Index: at, Scale: 1}, operand.Mem{Base: dst, Index: at, Scale: 1}
		if mask == nil {
			g.VMOVUPS(from, b.x)
			body(b)
			g.VMOVUPS(b.x, to)
		} else {
			g.load(from, mask, b.x)
			body(b)
			g.store(b.x, mask, to)
		}
	}
	whole := bytes
	if g.masks {
		g.Comment("K1: the floats of the last register that are there")
		rest, lanes := g.GP64(), g.GP32()
		g.MOVQ(bytes, rest)
		g.SHRQ(operand.U8(2), rest)
		g.ANDQ(operand.U8(g.lanes-1), rest)
		g.MOVL(operand.U32(1<<32-1), lanes)
		g.BZHIL(rest.As32(), lanes, lanes)
		g.KMOVW(lanes, reg.K1)
		whole = g.GP64()
		g.MOVQ(bytes, whole)
		g.ANDQ(operand.I32(int32(-g.bytes())), whole)
	}
	g.Label(name + "_pixel")
	g.XORQ(at, at)
	g.CMPQ(at, whole)
	g.JGE(operand.LabelRef(name + "_rest"))
	g.Label(name + "_vector")
	vector(nil)
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.CMPQ(at, whole)
	g.JLT(operand.LabelRef(name + "_vector"))
	g.Label(name + "_rest")
	if g.masks {
		g.CMPQ(at, bytes)
		g.JGE(operand.LabelRef(name + "_next"))
		vector(reg.K1)
		g.Label(name + "_next")
	}
	g.nextPixel(name+"_pixel", m, src, srcStride, dst, dstStride)
}

// constant returns where v lies: alone where operands can repeat it, as a whole
// register otherwise.
func (b *curve) constant(v float64) operand.Mem {
	x := float32(v)
	repeat := 1
	if !b.g.masks {
		repeat = b.g.lanes
	}
	at, ok := b.at[x]
	if !ok {
		at = 4 * repeat * len(b.at)
		b.at[x] = at
		for i := range repeat {
			b.g.AddDatum(at+4*i, operand.F32(x))
		}
	}
	return b.table.Offset(at)
}

// The operations with a constant: its register comes last.

func (b *curve) mul(x reg.VecPhysical, c float64, to reg.VecPhysical) {
	if m := b.constant(c); b.g.masks {
		b.g.VMULPS_BCST(m, x, to)
	} else {
		b.g.VMULPS(m, x, to)
	}
}

func (b *curve) add(x reg.VecPhysical, c float64, to reg.VecPhysical) {
	if m := b.constant(c); b.g.masks {
		b.g.VADDPS_BCST(m, x, to)
	} else {
		b.g.VADDPS(m, x, to)
	}
}

// fnmadd sets x to x - y*c.
func (b *curve) fnmadd(y reg.VecPhysical, c float64, x reg.VecPhysical) {
	if m := b.constant(c); b.g.masks {
		b.g.VFNMADD231PS_BCST(m, y, x)
	} else {
		b.g.VFNMADD231PS(m, y, x)
	}
}

// atLeast and atMost bound x; a NaN stays one.

func (b *curve) atLeast(lo float64, x reg.VecPhysical) {
	b.g.VBROADCASTSS(b.constant(lo), b.free[0])
	b.g.VMAXPS(x, b.free[0], x) // of a NaN: the second, x
}

func (b *curve) atMost(hi float64, x reg.VecPhysical) {
	b.g.VBROADCASTSS(b.constant(hi), b.free[0])
	b.g.VMINPS(x, b.free[0], x)
}

// polynomial returns c[0] + c[1] y + ….
func (b *curve) polynomial(y, p reg.VecPhysical, c []float64) {
	b.g.VBROADCASTSS(b.constant(c[len(c)-1]), p)
	for i := len(c) - 2; i >= 0; i-- {
		if m := b.constant(c[i]); b.g.masks {
			b.g.VFMADD213PS_BCST(m, y, p)
		} else {
			b.g.VFMADD213PS(m, y, p)
		}
	}
}

// Below -expRange, exp is less than half of the smallest subnormal number; above
// expRange it is more than the largest float.
const expRange = 104

// exp replaces y by its exponential function, which errs by less than 1.5 units in the
// last place but where it is subnormal. It needs free[1] and free[2]; y, a NaN or
// within ±expRange, is none of the free ones used.
//
// exp(y) = 2^n exp(r), n the integer nearest to y/log(2); |r| < 0.35, so that eight
// terms of the series leave out 5e-9.
func (b *curve) exp(y reg.VecPhysical) {
	g, n, p := b.g, b.free[1], b.free[2]
	ln2 := float64(float32(math.Ln2))
	b.mul(y, math.Log2E, n)
	const nearest = 8 // without an exception for what is inexact
	if g.masks {
		g.VRNDSCALEPS(operand.U8(nearest), n, n)
	} else {
		g.VROUNDPS(operand.U8(nearest), n, n)
	}
	b.fnmadd(n, ln2, y)
	b.fnmadd(n, math.Ln2-ln2, y)
	terms, factorial := []float64{1}, 1.0
	for i := 1; i < 8; i++ {
		factorial *= float64(i)
		terms = append(terms, 1/factorial)
	}
	b.polynomial(y, p, terms)
	if g.masks {
		g.VSCALEFPS(n, p, y)
		return
	}
	// 2^n is made of two factors: it may be no float.
	half := y
	g.VCVTPS2DQ(n, n)
	g.VPSRAD(operand.U8(1), n, half)
	g.VPSUBD(half, n, n)
	g.VPSLLD(operand.U8(23), half, half)
	g.VPSLLD(operand.U8(23), n, n)
	one := b.constant(1)
	g.VPADDD(one, half, half)
	g.VPADDD(one, n, n)
	g.VMULPS(half, p, p)
	g.VMULPS(n, p, y)
}

// onePlusExpMinus returns 1 + exp(-x).
func (b *curve) onePlusExpMinus(x reg.VecPhysical) reg.VecPhysical {
	y := b.free[3]
	b.negate(x, y)
	b.atLeast(-expRange, y)
	b.atMost(expRange, y)
	b.exp(y)
	b.add(y, 1, y)
	return y
}

// negate sets y to -x.
func (b *curve) negate(x, y reg.VecPhysical) {
	b.g.zero(y)
	b.g.VSUBPS(x, y, y)
}

// clampedPlus3 returns min(max(x+3,0),6).
func (b *curve) clampedPlus3() reg.VecPhysical {
	y := b.free[3]
	b.add(b.x, 3, y)
	b.atLeast(0, y)
	b.atMost(6, y)
	return y
}

// Below tanhSmall a polynomial is taken, since the difference from 1 would leave few digits.
const tanhSmall = 0.625

// tanh computes x p(x*x) near 0 and 1 - 2/(1+exp(2x)) elsewhere.
func (b *curve) tanh() {
	g := b.g
	y, p, square, beyond := b.free[4], b.free[5], b.free[6], b.free[7]
	b.mul(b.x, -2, y)
	d := b.onePlusExpMinus(y)
	g.VBROADCASTSS(b.constant(2), y)
	g.VDIVPS(d, y, y)
	g.VBROADCASTSS(b.constant(1), p)
	g.VSUBPS(y, p, y)
	g.VMULPS(b.x, b.x, square)
	b.add(square, -tanhSmall*tanhSmall, beyond)
	b.polynomial(square, p, interpolated(6, 0, tanhSmall*tanhSmall, func(z float64) float64 { return math.Tanh(math.Sqrt(z)) / math.Sqrt(z) }))
	g.VMULPS(b.x, p, p)
	if g.masks {
		g.VPMOVD2M(beyond, reg.K2)
		g.VMOVAPS(p, reg.K2, y)
	} else {
		g.VBLENDVPS(beyond, p, y, y)
	}
	g.VMOVAPS(y, b.x)
}

// Beyond geluRange the normal distribution's share is less than any float.
const geluRange = 14.5

// gelu computes x q for negative x and x (1-q) for others, where q = exp(-t*t/2) r(t)
// is the share of the normal distribution beyond t = |x|, and r a smooth function; see
// tail.
func (b *curve) gelu() {
	g := b.g
	t, y, low, v, p := b.free[3], b.free[4], b.free[5], b.free[6], b.free[7]
	b.negate(b.x, t)
	g.VMAXPS(t, b.x, t)
	b.atMost(geluRange, t)
	g.Comment("exp(-t*t/2), of which t*t needs more bits than a float has")
	g.VMULPS(t, t, y)
	g.VMOVAPS(y, low)
	g.VFMSUB231PS(t, t, low)
	b.mul(y, -0.5, y)
	b.mul(low, 0.5, low)
	b.exp(y)
	g.VFNMADD231PS(low, y, y)
	g.Comment("r(t)")
	b.add(t, tailPole, v)
	g.VBROADCASTSS(b.constant(1), p)
	g.VDIVPS(v, p, v)
	b.add(t, -tailPole, t)
	g.VMULPS(v, t, t)
	b.polynomial(t, p, tail())
	g.VMULPS(v, p, p)
	g.VMULPS(y, p, p)
	g.Comment("q of negative x, 1-q of others")
	g.VBROADCASTSS(b.constant(1), y)
	g.VSUBPS(p, y, y)
	if g.masks {
		g.VPMOVD2M(b.x, reg.K2)
		g.VMOVAPS(p, reg.K2, y)
	} else {
		g.VBLENDVPS(b.x, p, y, y)
	}
	g.VMULPS(y, b.x, b.x)
}

// tailPole is where the terms of tail have their pole; with 2 they fall off fast.
const tailPole = 2.0

// tail returns the coefficients of a polynomial f so that the share of the normal
// distribution beyond t is exp(-t*t/2) f(u)/(t+tailPole) with u = (t-tailPole)/(t+tailPole),
// for 0 ≤ t ≤ geluRange: f interpolates at the Chebyshev nodes, which errs by 4e-8.
func tail() []float64 {
	return interpolated(11, -1, (geluRange-tailPole)/(geluRange+tailPole), func(u float64) float64 {
		t := tailPole * (1 + u) / (1 - u)
		return 0.5 * math.Exp(t*t/2) * math.Erfc(t/math.Sqrt2) * (t + tailPole)
	})
}

// interpolated returns the n coefficients of the polynomial that is f at the Chebyshev nodes of an
// interval, from the constant term on.
func interpolated(n int, lo, hi float64, of func(float64) float64) []float64 {
	nodes, f := make([]float64, n), make([]float64, n)
	for i := range nodes {
		nodes[i] = (lo+hi)/2 + (hi-lo)/2*math.Cos(math.Pi*(2*float64(i)+1)/(2*float64(n)))
		f[i] = of(nodes[i])
	}
	for k := 1; k < n; k++ { // Newton's divided differences
		for i := n - 1; i >= k; i-- {
			f[i] = (f[i] - f[i-1]) / (nodes[i] - nodes[i-k])
		}
	}
	c := make([]float64, n)
	for k := n - 1; k >= 0; k-- { // Horner's scheme on Newton's form
		for i := n - 1; i > 0; i-- {
			c[i] = c[i-1] - c[i]*nodes[k]
		}
		c[0] = f[k] - c[0]*nodes[k]
	}
	return c
}
