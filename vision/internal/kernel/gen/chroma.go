package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// each starts a loop over chunks: it decrements count and jumps back from where its result
// is called, until there are none left.
func (g *gen) each(label string, count reg.GPVirtual) (next func()) {
	g.Label(label)
	return func() {
		g.DECQ(count)
		g.JNE(operand.LabelRef(label))
		g.VZEROUPPER()
		g.RET()
	}
}

// doubled stores the 16 pairs of new samples that 3*a + b and 3*b + a make, of 16 words
// each, with their rounding.
func (g *gen) doubled(a, b reg.VecPhysical, roundA, roundB int16, shift uint8, dst operand.Mem) {
	sum, left, right := reg.Y4, reg.Y5, reg.Y6
	g.VPADDW(b, a, sum)
	g.VPADDW(a, a, left)
	g.VPADDW(b, b, right)
	g.VPADDW(sum, left, left)
	g.VPADDW(sum, right, right)
	g.VPADDW(g.words(roundA), left, left)
	g.VPADDW(g.words(roundB), right, right)
	g.VPSRLW(operand.U8(shift), left, left)
	g.VPSRLW(operand.U8(shift), right, right)
	g.VPSLLW(operand.U8(8), right, right)
	g.VPOR(left, right, right)
	g.VMOVDQU(right, dst)
}

// widen writes the function behind Widen.
func (g *gen) widen() {
	g.text("widen256", "func(dst *uint8, src *uint8, chunks int)",
		"widen256 writes the 32 samples between each 16 and the 16 that are one further, chunks times.")
	dst, src, chunks := g.param("dst"), g.param("src"), g.param("chunks")
	next := g.each("widen256_chunk", chunks)
	g.VPMOVZXBW(at(src, 0), reg.Y0)
	g.VPMOVZXBW(at(src, 1), reg.Y1)
	g.doubled(reg.Y0, reg.Y1, 2, 1, 2, at(dst, 0))
	g.ADDQ(operand.U8(16), src)
	g.ADDQ(operand.U8(32), dst)
	next()
}

// widenBlend writes the function behind WidenBlend.
func (g *gen) widenBlend() {
	g.text("widenBlend256", "func(dst *uint8, near *uint8, far *uint8, chunks int)",
		"widenBlend256 writes the 32 samples between each 16 and the 16 that are one further, of",
		"sums of the two rows, chunks times.")
	dst, near, far, chunks := g.param("dst"), g.param("near"), g.param("far"), g.param("chunks")
	next := g.each("widenBlend256_chunk", chunks)
	for i, y := range []reg.VecPhysical{reg.Y0, reg.Y1} {
		g.VPMOVZXBW(at(near, i), y)
		g.VPMOVZXBW(at(far, i), reg.Y2)
		g.VPADDW(y, reg.Y2, reg.Y2)
		g.VPADDW(y, y, y)
		g.VPADDW(reg.Y2, y, y)
	}
	g.doubled(reg.Y0, reg.Y1, 7, 8, 4, at(dst, 0))
	g.ADDQ(operand.U8(16), near)
	g.ADDQ(operand.U8(16), far)
	g.ADDQ(operand.U8(32), dst)
	next()
}

// storePixels stores 32 pixels of 3 bytes, whose bytes are in three vectors. It uses Y3
// to Y8.
func (g *gen) storePixels(r, gr, b reg.VecPhysical, dst reg.GPVirtual) {
	low := []reg.VecPhysical{reg.X3, reg.X4, reg.X5}
	high := []reg.VecPhysical{reg.X6, reg.X7, reg.X8}
	y := []reg.VecPhysical{reg.Y3, reg.Y4, reg.Y5}
	for part := range 3 { // of 16 bytes, for the first 16 pixels and the last
		for c, color := range []reg.VecPhysical{r, gr, b} {
			from := make([]int, 16)
			for i := range from {
				from[i] = -1
				if at := 16*part + i; at%3 == c {
					from[i] = at / 3
				}
			}
			if c == 0 {
				g.VPSHUFB(g.bytes(from...), color, y[part])
				continue
			}
			g.VPSHUFB(g.bytes(from...), color, reg.Y6)
			g.VPOR(reg.Y6, y[part], y[part])
		}
	}
	for part := range 3 {
		g.VEXTRACTI128(operand.U8(1), y[part], high[part])
		g.VMOVDQU(low[part], at(dst, 16*part))
		g.VMOVDQU(high[part], at(dst, 48+16*part))
	}
}

// interleave writes the function behind Interleave.
func (g *gen) interleave() {
	g.text("interleave256", "func(dst *uint8, red *uint8, green *uint8, blue *uint8, chunks int)",
		"interleave256 writes 32 pixels, chunks times.")
	dst, chunks := g.param("dst"), g.param("chunks")
	planes := []reg.GPVirtual{g.param("red"), g.param("green"), g.param("blue")}
	next := g.each("interleave256_chunk", chunks)
	for i, y := range []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2} {
		g.VMOVDQU(at(planes[i], 0), y)
		g.ADDQ(operand.U8(32), planes[i])
	}
	g.storePixels(reg.Y0, reg.Y1, reg.Y2, dst)
	g.ADDQ(operand.U8(96), dst)
	next()
}

// yCbCr writes the function behind YCbCr. With 16 fraction bits, 1.402 is 65536 + 26345 and
// 1.772 is 131072 - 14942; of products with these remainders the upper half, of twice the
// number, is rounded. For green, -0.714 is 18734 - 65536.
func (g *gen) yCbCr() {
	g.text("yCbCr256", "func(dst *uint8, y *uint8, cb *uint8, cr *uint8, chunks int)",
		"yCbCr256 converts 32 pixels, chunks times.")
	dst, chunks := g.param("dst"), g.param("chunks")
	y, cb, cr := g.param("y"), g.param("cb"), g.param("cr")
	next := g.each("yCbCr256_chunk", chunks)
	colors := [][2]reg.VecPhysical{{reg.Y0, reg.Y9}, {reg.Y1, reg.Y10}, {reg.Y2, reg.Y11}}
	for half := range 2 {
		luma, b, r := reg.Y3, reg.Y4, reg.Y5
		g.VPMOVZXBW(at(y, 16*half), luma)
		g.VPMOVZXBW(at(cb, 16*half), b)
		g.VPMOVZXBW(at(cr, 16*half), r)
		g.VPSUBW(g.words(128), b, b)
		g.VPSUBW(g.words(128), r, r)
		// scaled sets out to the rounded product of x with remainder, 16 fraction bits.
		scaled := func(x reg.VecPhysical, remainder int16, out reg.VecPhysical) {
			g.VPADDW(x, x, out)
			g.VPMULHW(g.words(remainder), out, out)
			g.VPADDW(g.words(1), out, out)
			g.VPSRAW(operand.U8(1), out, out)
		}
		red, green, blue := colors[0][half], colors[1][half], colors[2][half]
		scaled(r, 26345, red)
		g.VPADDW(r, red, red)
		g.VPADDW(luma, red, red)
		scaled(b, -14942, blue)
		g.VPADDW(b, blue, blue)
		g.VPADDW(b, blue, blue)
		g.VPADDW(luma, blue, blue)
		g.VPUNPCKLWD(r, b, reg.Y6)
		g.VPUNPCKHWD(r, b, reg.Y7)
		for _, v := range []reg.VecPhysical{reg.Y6, reg.Y7} {
			g.VPMADDWD(g.words(-22554, 18734), v, v)
			g.VPADDD(g.longs(1<<15), v, v)
			g.VPSRAD(operand.U8(16), v, v)
		}
		g.VPACKSSDW(reg.Y7, reg.Y6, green)
		g.VPSUBW(r, green, green)
		g.VPADDW(luma, green, green)
	}
	for _, c := range colors {
		g.VPACKUSWB(c[1], c[0], c[0])
		g.VPERMQ(operand.U8(0xd8), c[0], c[0])
	}
	g.storePixels(reg.Y0, reg.Y1, reg.Y2, dst)
	for _, p := range []reg.GPVirtual{y, cb, cr} {
		g.ADDQ(operand.U8(32), p)
	}
	g.ADDQ(operand.U8(96), dst)
	next()
}
