package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants with 13 fraction bits, see ../idct.go.
const (
	c0298, c0390, c0541, c0765 = 2446, 3196, 4433, 6270
	c0899, c1175, c1501, c1847 = 7373, 9633, 12299, 15137
	c1961, c2053, c2562, c3072 = 16069, 16819, 20995, 25172
)

// inverse writes the function behind Inverse.
func (g *gen) inverse() {
	g.text("inverse256", "func(b *int16, dst *uint8, stride int)",
		"inverse256 transforms the 64 coefficients of a block to 8 rows of 8 samples.")
	b, dst, stride := g.param("b"), g.param("dst"), g.param("stride")
	row := func(y int) operand.Mem { return at(b, 16*y) }

	g.Comment("nothing below the first row: every column is its coefficient, shifted")
	any := reg.X0
	g.VMOVDQU(row(1), any)
	for y := 2; y < 8; y++ {
		g.VPOR(row(y), any, any)
	}
	g.VPTEST(any, any)
	g.JNE(operand.LabelRef("inverse256_columns"))
	g.VMOVDQU(row(0), reg.X1)
	g.VPSLLW(operand.U8(2), reg.X1, reg.X1)
	g.VPUNPCKLWD(reg.X1, reg.X1, reg.X0)
	g.VPUNPCKHWD(reg.X1, reg.X1, reg.X1)
	g.VINSERTI128(operand.U8(1), reg.X1, reg.Y0, reg.Y4)
	for i, y := range []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3} {
		g.VPSHUFD(operand.U8(0x55*uint8(i)), reg.Y4, y)
	}
	g.JMP(operand.LabelRef("inverse256_rows"))

	g.Label("inverse256_columns")
	for i, x := range []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7} {
		g.VMOVDQU(row(i), x)
	}
	g.transform(11)

	g.Label("inverse256_rows")
	g.Comment("Y0 to Y3: columns 0 and 4, 1 and 5, 2 and 6, 3 and 7")
	for i, x := range []reg.VecPhysical{reg.X4, reg.X5, reg.X6, reg.X7} {
		g.VEXTRACTI128(operand.U8(1), []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3}[i], x)
	}
	g.transform(18)
	g.Comment("rows 0, 1, 4, 5 and 2, 3, 6, 7, as bytes")
	g.VPACKSSWB(reg.Y1, reg.Y0, reg.Y0)
	g.VPACKSSWB(reg.Y3, reg.Y2, reg.Y2)
	level := g.bytes(-1) // 128
	g.VPADDB(level, reg.Y0, reg.Y0)
	g.VPADDB(level, reg.Y2, reg.Y2)
	g.VEXTRACTI128(operand.U8(1), reg.Y0, reg.X1)
	g.VEXTRACTI128(operand.U8(1), reg.Y2, reg.X3)
	for _, x := range []reg.VecPhysical{reg.X0, reg.X2, reg.X1, reg.X3} {
		g.VMOVQ(x, at(dst, 0))
		g.VPEXTRQ(operand.U8(1), x, operand.Mem{Base: dst, Index: stride, Scale: 1})
		g.LEAQ(operand.Mem{Base: dst, Index: stride, Scale: 2}, dst)
	}
	g.VZEROUPPER()
	g.RET()
}

// transform transforms eight vectors of 8 words, X0 to X7, in one direction: lane by lane.
// It leaves them transposed: Y0 holds lane 0 of all results and lane 4, Y1 lanes 1 and 5,
// Y2 lanes 2 and 6, Y3 lanes 3 and 7. Results are rounded by shift bits and saturated.
func (g *gen) transform(shift uint8) {
	i := []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7}
	// pair sets y to the lanes of two vectors in turn: in each 32 bits one of a, one of b.
	pair := func(a, b reg.VecPhysical, x, y, spare reg.VecPhysical) {
		g.VPUNPCKHWD(b, a, spare)
		g.VPUNPCKLWD(b, a, x)
		g.VINSERTI128(operand.U8(1), spare, y, y)
	}
	g.Comment("even part: Y8 to Y11 are what the outer to the inner pairs have in common")
	pair(i[2], i[6], reg.X12, reg.Y12, reg.X13)
	g.VPMADDWD(g.words(c0541+c0765, c0541), reg.Y12, reg.Y14)
	g.VPMADDWD(g.words(c0541, c0541-c1847), reg.Y12, reg.Y15)
	g.VPADDW(i[4], i[0], reg.X12)
	g.VPSUBW(i[4], i[0], reg.X13)
	g.VPMOVSXWD(reg.X12, reg.Y12)
	g.VPMOVSXWD(reg.X13, reg.Y13)
	g.VPSLLD(operand.U8(13), reg.Y12, reg.Y12)
	g.VPSLLD(operand.U8(13), reg.Y13, reg.Y13)
	round := g.longs(1 << (shift - 1))
	g.VPADDD(round, reg.Y12, reg.Y12)
	g.VPADDD(round, reg.Y13, reg.Y13)
	g.VPADDD(reg.Y14, reg.Y12, reg.Y8)
	g.VPSUBD(reg.Y14, reg.Y12, reg.Y11)
	g.VPADDD(reg.Y15, reg.Y13, reg.Y9)
	g.VPSUBD(reg.Y15, reg.Y13, reg.Y10)

	g.Comment("odd part: Y0, Y2, Y4, Y6 are what the outer to the inner pairs differ by")
	g.VPADDW(i[3], i[7], reg.X12)
	g.VPADDW(i[1], i[5], reg.X13)
	pair(reg.X12, reg.X13, reg.X14, reg.Y14, reg.X15)
	g.VPMADDWD(g.words(c1175-c1961, c1175), reg.Y14, reg.Y12) // z3
	g.VPMADDWD(g.words(c1175, c1175-c0390), reg.Y14, reg.Y13) // z4
	pair(i[7], i[1], reg.X14, reg.Y14, reg.X15)
	pair(i[5], i[3], reg.X2, reg.Y2, reg.X15)
	g.VPMADDWD(g.words(-c0899, c1501-c0899), reg.Y14, reg.Y0)
	g.VPMADDWD(g.words(c0298-c0899, -c0899), reg.Y14, reg.Y6)
	g.VPMADDWD(g.words(c2053-c2562, -c2562), reg.Y2, reg.Y4)
	g.VPMADDWD(g.words(-c2562, c3072-c2562), reg.Y2, reg.Y2)
	g.VPADDD(reg.Y13, reg.Y0, reg.Y0)
	g.VPADDD(reg.Y12, reg.Y2, reg.Y2)
	g.VPADDD(reg.Y13, reg.Y4, reg.Y4)
	g.VPADDD(reg.Y12, reg.Y6, reg.Y6)

	// The results: v0 to v7, packed so that their transposition needs no crossing of lanes.
	odd := []reg.VecPhysical{reg.Y0, reg.Y2, reg.Y4, reg.Y6}
	even := []reg.VecPhysical{reg.Y8, reg.Y9, reg.Y10, reg.Y11}
	low := []reg.VecPhysical{reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	for k := range 4 {
		g.VPADDD(odd[k], even[k], low[k])  // v0, v1, v2, v3
		g.VPSUBD(odd[k], even[k], even[k]) // v7, v6, v5, v4
		g.VPSRAD(operand.U8(shift), low[k], low[k])
		g.VPSRAD(operand.U8(shift), even[k], even[k])
	}
	for k := range 4 {
		g.VPACKSSDW(even[3-k], low[k], low[k]) // v0 and v4, v1 and v5, …
	}
	g.VPUNPCKLWD(low[1], low[0], reg.Y4) // v0 v1, lanes 0 to 3 and 4 to 7
	g.VPUNPCKHWD(low[1], low[0], reg.Y5) // v4 v5
	g.VPUNPCKLWD(low[3], low[2], reg.Y6) // v2 v3
	g.VPUNPCKHWD(low[3], low[2], reg.Y7) // v6 v7
	g.VPUNPCKLDQ(reg.Y6, reg.Y4, reg.Y8)
	g.VPUNPCKHDQ(reg.Y6, reg.Y4, reg.Y9)
	g.VPUNPCKLDQ(reg.Y7, reg.Y5, reg.Y10)
	g.VPUNPCKHDQ(reg.Y7, reg.Y5, reg.Y11)
	g.VPUNPCKLQDQ(reg.Y10, reg.Y8, reg.Y0)
	g.VPUNPCKHQDQ(reg.Y10, reg.Y8, reg.Y1)
	g.VPUNPCKLQDQ(reg.Y11, reg.Y9, reg.Y2)
	g.VPUNPCKHQDQ(reg.Y11, reg.Y9, reg.Y3)
}
