package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// planes writes the function behind RoundPlanes: 16 pixels at a time, the last ones under masks.
func (g *gen) planes() {
	const name = "roundPlanes"
	g.text(name, "func(dst *uint32, src *float32, plane, channels, m int)",
		"roundPlanes rounds m pixels of up to four channels, in planes that lie plane floats apart, to",
		"pixels of two pairs each.")
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	plane := g.loadBytes("plane")
	m := g.Load(g.Param("m"), g.GP64())
	channels := g.Load(g.Param("channels"), g.GP64())
	from, ones, bits, mask := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	x := []reg.VecPhysical{reg.Z8, reg.Z9, reg.Z10, reg.Z11}
	pairs := []reg.VecPhysical{reg.Z12, reg.Z13}
	g.MOVQ(operand.I32(-1), ones)

	g.Label(name + "_pixels")
	g.Comment("K1: the pixels that are there; K2, K3: their words")
	g.MOVQ(operand.U32(16), bits)
	g.CMPQ(m, bits)
	g.CMOVQLT(m, bits)
	g.BZHIQ(bits, ones, mask)
	g.KMOVW(mask.As32(), reg.K1)
	g.SHLQ(operand.U8(1), bits)
	g.BZHIQ(bits, ones, mask)
	g.KMOVW(mask.As32(), reg.K2)
	g.SHRQ(operand.U8(16), mask)
	g.KMOVW(mask.As32(), reg.K3)

	for _, v := range x {
		g.zero(v)
	}
	g.MOVQ(src, from)
	for c, v := range x {
		if c > 0 {
			g.CMPQ(channels, operand.U8(uint8(c)))
			g.JLE(operand.LabelRef(name + "_loaded"))
			g.ADDQ(plane, from)
		}
		g.VMOVUPS_Z(operand.Mem{Base: from}, reg.K1, v)
	}
	g.Label(name + "_loaded")

	for i, p := range pairs {
		g.pairUp(x[2*i], x[2*i+1], p)
	}
	for i, mask := range []reg.OpmaskPhysical{reg.K2, reg.K3} { // 8 pixels each
		low, high := reg.Z0, reg.Z1
		for j, v := range []reg.VecPhysical{low, high} {
			g.VEXTRACTI64X4(operand.U8(uint8(i)), pairs[j], reg.Y2)
			g.VPMOVZXDQ(reg.Y2, v)
		}
		g.VPSLLQ(operand.U8(32), high, high)
		g.VPORQ(low, high, low)
		g.VMOVDQU32(low, mask, operand.Mem{Base: dst, Disp: 64 * i})
	}
	g.ADDQ(operand.U8(64), src)
	g.ADDQ(operand.I32(128), dst)
	g.SUBQ(operand.U8(16), m)
	g.JG(operand.LabelRef(name + "_pixels"))
	g.VZEROUPPER()
	g.RET()
}

// pairUp sets pairs to the numbers of x and y rounded to bf16, those of x in the lower halves.
func (g *gen) pairUp(x, y, pairs reg.VecPhysical) {
	g.bf16(vcvtne2ps2bf16, x, y, reg.Z2)
	g.VEXTRACTI64X4(operand.U8(1), reg.Z2, reg.Y3)
	g.VPMOVZXWD(reg.Y2, pairs)
	g.VPMOVZXWD(reg.Y3, reg.Z3)
	g.VPSLLD(operand.U8(16), reg.Z3, reg.Z3)
	g.VPORD(reg.Z3, pairs, pairs)
}
