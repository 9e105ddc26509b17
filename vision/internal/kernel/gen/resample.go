package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// precision is the number of fraction bits of a weight, see ../resample.go.
const precision = 22

// columns writes the function behind Columns.
func (g *gen) columns() {
	g.text("columns256", "func(dst *uint8, src *uint8, stride int, weights *int32, n int, chunks int)",
		"columns256 writes 32 weighted sums over n ≥ 1 rows, chunks times.")
	dst, src, stride := g.param("dst"), g.param("src"), g.param("stride")
	weights, n, chunks := g.param("weights"), g.param("n"), g.param("chunks")
	next := g.each("columns256_chunk", chunks)
	sums := []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3}
	g.VMOVDQU(g.longs(1<<(precision-1)), reg.Y0)
	for _, s := range sums[1:] {
		g.VMOVDQA(reg.Y0, s)
	}
	p, w, left := g.GP64(), g.GP64(), g.GP64()
	g.MOVQ(src, p)
	g.MOVQ(weights, w)
	g.MOVQ(n, left)
	g.Label("columns256_row")
	g.VPBROADCASTD(at(w, 0), reg.Y4)
	for i, s := range sums {
		x := []reg.VecPhysical{reg.Y5, reg.Y6, reg.Y7, reg.Y8}[i]
		g.VPMOVZXBD(at(p, 8*i), x)
		g.VPMULLD(reg.Y4, x, x)
		g.VPADDD(x, s, s)
	}
	g.ADDQ(stride, p)
	g.ADDQ(operand.U8(4), w)
	g.DECQ(left)
	g.JNE(operand.LabelRef("columns256_row"))
	for _, s := range sums {
		g.VPSRAD(operand.U8(precision), s, s)
	}
	g.VPACKSSDW(reg.Y1, reg.Y0, reg.Y0)
	g.VPACKSSDW(reg.Y3, reg.Y2, reg.Y2)
	g.VPACKUSWB(reg.Y2, reg.Y0, reg.Y0)
	g.Comment("in each lane are 4 bytes of each sum")
	g.VMOVDQU(g.longs(0, 4, 1, 5, 2, 6, 3, 7), reg.Y1)
	g.VPERMD(reg.Y0, reg.Y1, reg.Y0)
	g.VMOVDQU(reg.Y0, at(dst, 0))
	g.ADDQ(operand.U8(32), src)
	g.ADDQ(operand.U8(32), dst)
	next()
}

// rows writes the function behind Rows.
func (g *gen) rows() {
	g.text("rows256", "func(dst *uint8, dstStride int, src *uint8, srcStride int, at *int32, weights *int32, pairs int, n int)",
		"rows256 writes n ≥ 1 pixels of each of 4 rows, and one byte more. Pixel i is the sum of 2*pairs",
		"pixels, the first at[i] bytes into the row; 2 bytes more are read. There are 2*pairs weights of",
		"each.")
	dst, dstStride := g.param("dst"), g.param("dstStride")
	src, srcStride := g.param("src"), g.param("srcStride")
	offsets, weights, pairs, n := g.param("at"), g.param("weights"), g.param("pairs"), g.param("n")
	dst3, src3 := g.GP64(), g.GP64() // 3 strides
	g.LEAQ(operand.Mem{Base: dstStride, Index: dstStride, Scale: 2}, dst3)
	g.LEAQ(operand.Mem{Base: srcStride, Index: srcStride, Scale: 2}, src3)
	g.VMOVDQU(g.longs(0, 0, 0, 0, 1, 1, 1, 1), reg.Y8)
	g.Comment("of 8 bytes, the first pixel to the lower lane and the second to the upper")
	first, second := []int{0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1}, []int{3, -1, -1, -1, 4, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1, -1}
	g.VMOVDQU(g.bytes(append(first, second...)...), reg.Y9)
	g.Comment("rounding, once for the two lanes")
	half := int32(1 << (precision - 1))
	g.VMOVDQU(g.longs(half, half, half, half, 0, 0, 0, 0), reg.Y10)

	next := g.each("rows256_pixel", n)
	p, left := g.GP64(), g.GP64()
	g.MOVLQSX(at(offsets, 0), p)
	g.ADDQ(src, p)
	g.MOVQ(pairs, left)
	sums := []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3}
	for _, s := range sums {
		g.VMOVDQA(reg.Y10, s)
	}
	g.Label("rows256_pair")
	g.VPBROADCASTQ(at(weights, 0), reg.Y11)
	g.VPERMD(reg.Y11, reg.Y8, reg.Y11)
	for i, s := range sums {
		m := at(p, 0)
		switch i {
		case 1, 2:
			m.Index, m.Scale = srcStride, uint8(i)
		case 3:
			m.Index, m.Scale = src3, 1
		}
		x := []reg.VecPhysical{reg.Y4, reg.Y5, reg.Y6, reg.Y7}[i]
		g.VPBROADCASTQ(m, x)
		g.VPSHUFB(reg.Y9, x, x)
		g.VPMULLD(reg.Y11, x, x)
		g.VPADDD(x, s, s)
	}
	g.ADDQ(operand.U8(6), p)
	g.ADDQ(operand.U8(8), weights)
	g.DECQ(left)
	g.JNE(operand.LabelRef("rows256_pair"))
	for i, s := range []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3} {
		upper := []reg.VecPhysical{reg.X4, reg.X5, reg.X6, reg.X7}[i]
		g.VEXTRACTI128(operand.U8(1), sums[i], upper)
		g.VPADDD(upper, s, s)
		g.VPSRAD(operand.U8(precision), s, s)
	}
	g.VPACKSSDW(reg.X1, reg.X0, reg.X0)
	g.VPACKSSDW(reg.X3, reg.X2, reg.X2)
	g.VPACKUSWB(reg.X2, reg.X0, reg.X0)
	g.VMOVD(reg.X0, at(dst, 0))
	g.VPEXTRD(operand.U8(1), reg.X0, operand.Mem{Base: dst, Index: dstStride, Scale: 1})
	g.VPEXTRD(operand.U8(2), reg.X0, operand.Mem{Base: dst, Index: dstStride, Scale: 2})
	g.VPEXTRD(operand.U8(3), reg.X0, operand.Mem{Base: dst, Index: dst3, Scale: 1})
	g.ADDQ(operand.U8(4), offsets)
	g.ADDQ(operand.U8(3), dst)
	next()
}
