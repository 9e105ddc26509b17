package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rounding writes the function behind RoundBF16, or RoundSplit: pixel by pixel two
// registers of floats become one of pairs, or two, then the rest under masks.
func (g *gen) rounding(split bool) {
	name, param := "roundBF16", ""
	doc := []string{
		"%s rounds m pixels of n floats to bf16. Strides are in pairs and floats.",
		"Where n is odd, the last pair of a pixel ends with a zero.",
	}
	if split {
		name, param = "roundSplit", "low int, "
		doc = append(doc, "What rounding leaves is rounded too, low pairs further on.")
	}
	doc[0] = fmt.Sprintf(doc[0], name)
	g.text(name, "func(dst *uint32, dstStride int, "+param+"src *float32, srcStride, n, m int)", doc...)
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride, dstStride := g.loadBytes("srcStride"), g.loadBytes("dstStride")
	n, m := g.Load(g.Param("n"), g.GP64()), g.Load(g.Param("m"), g.GP64())
	whole := g.GP64()
	g.MOVQ(n, whole)
	g.SHRQ(operand.U8(5), whole)
	g.Comment("K1, K2: the floats of the rest that are there; K3: its pairs")
	rest := g.GP64()
	g.MOVQ(n, rest)
	g.ANDQ(operand.U8(31), rest)
	pairs, ones, bits := g.GP64(), g.GP32(), g.GP32()
	g.LEAQ(operand.Mem{Base: rest, Disp: 1}, pairs)
	g.SHRQ(operand.U8(1), pairs)
	g.MOVL(operand.U32(1<<32-1), ones)
	g.BZHIL(pairs.As32(), ones, bits)
	g.KMOVW(bits, reg.K3)
	g.BZHIL(rest.As32(), ones, bits)
	g.setMasks(bits)

	from, to, count := g.GP64(), g.GP64(), g.GP64()
	low, high := g.regs[0], g.regs[1]
	lowParts := operand.Mem{Base: to, Scale: 4}
	if split {
		lowParts.Index = g.Load(g.Param("low"), g.GP64())
	}
	g.Label(name + "_pixel")
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	g.MOVQ(whole, count)
	g.TESTQ(count, count)
	g.JEQ(operand.LabelRef(name + "_rest"))
	g.Label(name + "_whole")
	g.VMOVUPS(operand.Mem{Base: from}, low)
	g.VMOVUPS(operand.Mem{Base: from, Disp: 64}, high)
	pairsOf := g.regs[2]
	g.bf16(vcvtne2ps2bf16, low, high, pairsOf)
	g.VMOVUPS(pairsOf, operand.Mem{Base: to})
	if split {
		g.leave(low, high, pairsOf)
		g.VMOVUPS(low, lowParts)
	}
	g.ADDQ(operand.I32(128), from)
	g.ADDQ(operand.I32(64), to)
	g.DECQ(count)
	g.JNE(operand.LabelRef(name + "_whole"))
	g.Label(name + "_rest")
	g.TESTQ(rest, rest)
	g.JEQ(operand.LabelRef(name + "_next"))
	g.VMOVUPS_Z(operand.Mem{Base: from}, reg.K1, low)
	g.VMOVUPS_Z(operand.Mem{Base: from, Disp: 64}, reg.K2, high)
	g.bf16(vcvtne2ps2bf16, low, high, pairsOf)
	g.VMOVUPS(pairsOf, reg.K3, operand.Mem{Base: to})
	if split {
		g.leave(low, high, pairsOf)
		g.VMOVUPS(low, reg.K3, lowParts)
	}
	g.Label(name + "_next")
	g.nextPixel(name+"_pixel", m, src, srcStride, dst, dstStride)
}

// nextPixel goes on with the next of m pixels at a label, or returns after the last.
func (g *gen) nextPixel(pixel string, m, src, srcStride, dst, dstStride reg.Register) {
	g.ADDQ(srcStride, src)
	g.ADDQ(dstStride, dst)
	g.DECQ(m)
	g.JNE(operand.LabelRef(pixel))
	g.VZEROUPPER()
	g.RET()
}

// leave sets low to the pairs of what is left of the floats in low and high when those
// they are rounded to are taken away.
func (g *gen) leave(low, high, pairs reg.VecPhysical) {
	g.leaveFloats(low, high, pairs)
	g.bf16(vcvtne2ps2bf16, low, high, low)
}

// leaveFloats takes from the floats in low and high those that they are rounded to.
func (g *gen) leaveFloats(low, high, pairs reg.VecPhysical) {
	wide := [2]reg.VecPhysical{g.regs[3], g.regs[4]}
	half := [2]reg.Register{reg.Y3, reg.Y4}
	g.VEXTRACTI64X4(operand.U8(0), pairs, half[0])
	g.VEXTRACTI64X4(operand.U8(1), pairs, half[1])
	for i, x := range []reg.VecPhysical{low, high} {
		g.VPMOVZXWD(half[i], wide[i])
		g.VPSLLD(operand.U8(16), wide[i], wide[i])
		g.VSUBPS(wide[i], x, x)
	}
}
