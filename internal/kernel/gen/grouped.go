package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// grouped writes the functions for convolutions in groups of four and of eight
// channels. Larger groups are better served by panels: with sixteen channels these
// would be 3 % faster on a processor that permutes twice a cycle beside its products,
// and much slower on one that has a single unit for both.
//
// Each tap takes as many products as a group has channels. In product r every lane l
// takes the input of lane l^r, so that after all of them it has taken every input of
// its group; the permutations that this needs are cheap, and the first is none.
func (g *gen) grouped() {
	for _, size := range []int{4, 8} {
		name := fmt.Sprintf("grouped%sby%d", g.suffix(), size)
		doc := "channels: the last are computed under a mask."
		if !g.masks {
			doc = fmt.Sprintf("channels, a multiple of %d.", g.lanes)
		}
		g.text(name, "func(segments *int, segmentCount int, src *float32, srcStride int, w *float32, channels, m int, "+epilogueParams+")",
			fmt.Sprintf("%s computes 1 ≤ m ≤ %d pixels of a convolution in groups of %d", name, g.groupedPixels, size), doc)
		end := g.Load(g.Param("channels"), g.GP64())
		g.SHLQ(operand.U8(2), end)
		at := g.GP64()
		g.XORQ(at, at)
		w := g.Load(g.Param("w"), g.GP64())
		m := g.Load(g.Param("m"), g.GP64())
		g.choose(m, 1, g.groupedPixels, name)
		for n := 1; n <= g.groupedPixels; n++ {
			g.groupedBody(name, size, n, at, end, w)
		}
	}
}

func (g *gen) groupedBody(name string, size, pixels int, at, end, w reg.Register) {
	label := func(s string) string { return fmt.Sprintf("%s_pixels%d%s", name, pixels, s) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	sum := func(i, _ int) reg.VecPhysical { return g.regs[i] }
	free := g.regs[pixels:]
	weights, temps := free[:4], free[4:]

	g.Label(label(""))
	g.maskRemaining(at, end)
	g.Comment(fmt.Sprintf("%d pixels: sums in %s to %s, from the biases", pixels, sum(0, 0).Asm(), sum(pixels-1, 0).Asm()))
	g.VMOVUPS(operand.Mem{Base: w}, sum(0, 0))
	for i := 1; i < pixels; i++ {
		g.VMOVAPS(sum(0, 0), sum(i, 0))
	}
	g.ADDQ(operand.I32(int32(g.bytes())), w)
	src := g.rowsOf(pixels)
	segments, count := g.segments()
	g.Label(label("_tap"))
	g.segment(segments, at, src)
	for from := 0; from < size; from += 4 {
		for r := range weights {
			g.VMOVUPS(operand.Mem{Base: w, Disp: (from + r) * g.bytes()}, weights[r])
		}
		for i := range pixels {
			// Two registers a pixel, and neighbours use different ones where they can.
			pairs := len(temps) / 2
			x, y := temps[2*(i%pairs)], temps[2*(i%pairs)+1]
			g.load(src.at(i, 0), reg.K1, x)
			if from > 0 {
				g.swapLanes(x)
			}
			g.VFMADD231PS(weights[0], x, sum(i, 0))
			for r := 1; r < 4; r++ {
				g.VPERMILPS(operand.U8(exchange(r)), x, y)
				g.VFMADD231PS(weights[r], y, sum(i, 0))
			}
		}
	}
	g.ADDQ(operand.I32(int32(size*g.bytes())), w)
	g.DECQ(count)
	g.JNE(ref("_tap"))
	g.epilogue(label(""), grid(pixels, 1, sum), pixels, at, free)
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.CMPQ(at, end)
	g.JLT(ref(""))
	g.VZEROUPPER()
	g.RET()
}

// exchange returns the immediate of VPERMILPS that gives lane l the value of lane l^r.
func exchange(r int) uint8 {
	var imm uint8
	for l := range 4 {
		imm |= uint8(l^r) << (2 * l)
	}
	return imm
}

// swapLanes exchanges the 128-bit halves of every 256 bits of x.
func (g *gen) swapLanes(x reg.VecPhysical) {
	if g.masks {
		g.VSHUFF32X4(operand.U8(0xb1), x, x, x)
	} else {
		g.VPERM2F128(operand.U8(0x01), x, x, x)
	}
}
