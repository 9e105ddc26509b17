package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// softmax writes the function that makes shares of m rows: three passes, of which the second
// stores exponentials and the third divides them by their sum.
func (g *gen) softmax() {
	name := "softmax" + g.suffix()
	masks := g.normMasks(name)
	x, most, sum, scale, spare := g.regs[0], g.regs[4], g.regs[5], g.regs[6], g.regs[7]
	b := &curve{g: g, x: x, free: g.regs[1:4], at: make(map[float32]int)}
	b.table = g.StaticGlobal(name + "_constants")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	g.text(name, "func(dst *float32, dstStride int, src *float32, srcStride int, n, m int, scale float32)",
		name+" makes shares of m rows of n values, strides apart.")
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride, dstStride := g.loadBytes("srcStride"), g.loadBytes("dstStride")
	m := g.Load(g.Param("m"), g.GP64())
	l := g.newNormLoop(name, masks)
	from, to := operand.Mem{Base: src, Index: l.at, Scale: 1}, operand.Mem{Base: dst, Index: l.at, Scale: 1}
	g.VBROADCASTSS(g.addr("scale"), scale)
	g.Label(name + "_pixel")

	g.Comment("the largest value")
	g.VBROADCASTSS(b.constant(-math.MaxFloat32), most)
	l.over("most", func(masked bool) {
		l.load(from, masked, x)
		if masked {
			l.orElse(most, x)
		}
		g.VMAXPS(x, most, most)
	})
	g.across(most, spare, g.VMAXPS)

	g.Comment("exponentials")
	g.zero(sum)
	l.over("exp", func(masked bool) {
		l.load(from, masked, x)
		g.VSUBPS(most, x, x)
		g.VMULPS(scale, x, x)
		b.atLeast(-expRange, x)
		b.exp(x)
		if masked {
			l.clear(x)
		}
		g.VADDPS(x, sum, sum)
		l.store(x, masked, to)
	})
	g.across(sum, spare, g.VADDPS)

	g.Comment("shares")
	g.VBROADCASTSS(b.constant(1), spare)
	g.VDIVPS(sum, spare, sum)
	l.over("shares", func(masked bool) {
		l.load(to, masked, x)
		g.VMULPS(sum, x, x)
		l.store(x, masked, to)
	})
	g.nextPixel(name+"_pixel", m, src, srcStride, dst, dstStride)
}

// orElse takes lanes that are not there from y.
func (l *normLoop) orElse(y, x reg.VecPhysical) {
	if l.g.masks {
		l.g.VBLENDMPS(x, y, reg.K3, x)
		return
	}
	l.g.VBLENDVPS(l.floats, x, y, x)
}

// clear sets lanes that are not there to 0.
func (l *normLoop) clear(x reg.VecPhysical) {
	if l.g.masks {
		l.g.VMOVAPS_Z(x, reg.K3, x)
		return
	}
	l.g.VANDPS(l.floats, x, x)
}

// across sets every lane of x to what all of its lanes come to.
func (g *gen) across(x, spare reg.VecPhysical, op func(ops ...operand.Op)) {
	if g.masks {
		g.VSHUFF32X4(operand.U8(0x4e), x, x, spare) // halves
		op(spare, x, x)
		g.VSHUFF32X4(operand.U8(0xb1), x, x, spare) // quarters
		op(spare, x, x)
	} else {
		g.VPERM2F128(operand.U8(1), x, x, spare)
		op(spare, x, x)
	}
	for _, order := range []uint8{0x4e, 0xb1} {
		g.VPERMILPS(operand.U8(order), x, spare)
		op(spare, x, x)
	}
}
