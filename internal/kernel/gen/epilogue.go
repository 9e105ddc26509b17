package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// epilogueParams are the parameters that epilogue reads.
const epilogueParams = "dst *float32, dstStride int, before, after *float32, resStride int, slope, limit float32, linear bool"

// A vector is a register that holds lanes of row i, v registers into it.
type vector struct {
	reg  reg.VecPhysical
	i, v int
}

// epilogue finishes sums and stores them, all at bytes into their rows: residual
// before the activation, activation, residual after it. It needs four free registers.
func (g *gen) epilogue(label string, sums []vector, rows int, at reg.Register, free []reg.VecPhysical) {
	g.epilogueOf("", label, sums, rows, at, free)
}

// epilogueOf is epilogue for the parameters dst, before and after whose names end so.
func (g *gen) epilogueOf(end, label string, sums []vector, rows int, at reg.Register, free []reg.VecPhysical) {
	row := func(name string) reg.GPVirtual {
		p := g.Load(g.Param(name+end), g.GP64()).(reg.GPVirtual)
		if at != nil {
			g.ADDQ(at, p)
		}
		return p
	}
	residual := func(name string) {
		done := label + "_not" + name
		given := g.Load(g.Param(name+end), g.GP64())
		g.TESTQ(given, given)
		g.JEQ(operand.LabelRef(done))
		p := row(name)
		stride := g.Load(g.Param("resStride"), g.GP64()).(reg.GPVirtual)
		g.SHLQ(operand.U8(2), stride)
		r := g.rows(rows, p, stride)
		for _, s := range sums {
			g.add(r.at(s.i, s.v*g.bytes()), mask(s.v), s.reg)
		}
		g.Label(done)
	}
	residual("before")
	g.activateUnlessLinear(label, sums, free)
	residual("after")
	p := row("dst")
	stride := g.Load(g.Param("dstStride"), g.GP64()).(reg.GPVirtual)
	g.SHLQ(operand.U8(2), stride)
	r := g.rows(rows, p, stride)
	for _, s := range sums {
		g.store(s.reg, mask(s.v), r.at(s.i, s.v*g.bytes()))
	}
}

// mask returns the mask of the channels of register v.
func mask(v int) reg.OpmaskPhysical { return [...]reg.OpmaskPhysical{reg.K1, reg.K2}[v] }

// activateUnlessLinear applies the activation unless the parameter linear is set.
func (g *gen) activateUnlessLinear(label string, sums []vector, free []reg.VecPhysical) {
	linear := g.GP8()
	g.Load(g.Param("linear"), linear)
	g.TESTB(linear, linear)
	g.JNE(operand.LabelRef(label + "_linear"))
	g.activate(sums, free)
	g.Label(label + "_linear")
}

// activate applies the activation of the parameters slope and limit: x*slope where
// x < 0, then limit where x > limit; a NaN stays one and a -0 stays -0, as in Go.
func (g *gen) activate(sums []vector, free []reg.VecPhysical) {
	zero, slope, limit := free[0], free[1], free[1]
	g.zero(zero)
	g.VBROADCASTSS(g.addr("slope"), slope)
	for n, s := range sums {
		if g.masks {
			k := [...]reg.OpmaskPhysical{reg.K3, reg.K4, reg.K5, reg.K6}[n%4]
			g.VCMPPS(operand.U8(lessThan), zero, s.reg, k)
			g.VMULPS(slope, s.reg, k, s.reg)
			continue
		}
		negative, scaled := free[2], free[3]
		g.VCMPPS(operand.U8(lessThan), zero, s.reg, negative)
		g.VMULPS(slope, s.reg, scaled)
		g.VBLENDVPS(negative, scaled, s.reg, s.reg)
	}
	g.VBROADCASTSS(g.addr("limit"), limit)
	for _, s := range sums {
		g.VMINPS(s.reg, limit, s.reg) // of equals and of a NaN: the second, s
	}
}

// addr returns where a parameter lies.
func (g *gen) addr(param string) operand.Mem {
	b, err := g.Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
