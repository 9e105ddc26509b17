package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is how many inputs a turn of a panel's inner loop takes.
const unroll = 4

// ahead is how far before their use weights are fetched, in bytes. Panels are packed
// one after the other, so that the end of one fetches the beginning of the next: the
// processor's own prefetcher starts each anew.
const ahead = 8 << 10

// panels writes the functions that compute panels of one register of channels, of
// two, ….
func (g *gen) panels() {
	for v := 1; v <= g.vectors; v++ {
		g.panel(v)
	}
}

// panel writes the function for panels of which vectors registers of channels are
// there. It holds a body for every number of pixels, since the sums of all pixels
// stay in registers.
//
// Every sum is the same chain of fused multiply-adds in every body: what a pixel
// comes to does not depend on the tile it is in.
func (g *gen) panel(vectors int) {
	name := fmt.Sprintf("panel%sx%d", g.suffix(), vectors)
	mask, element, strides := "", "float32", "Strides are in floats."
	if g.masks {
		mask = ", channels uint32"
	}
	if g.pairs {
		element, strides = "uint32", "Strides are in pairs and floats."
	}
	g.text(name, "func(segments *int, segmentCount, segmentLen int, src *"+element+", srcStride int, w *"+element+", m int, "+epilogueParams+mask+")",
		fmt.Sprintf("%s computes 1 ≤ m ≤ %d pixels of a panel of which %d registers of %d", name, g.pixels, vectors, g.lanes),
		"channels are there. "+strides+" The residual is added before or after",
		"the activation, where it is not nil; linear leaves the activation out.")
	g.byPixels(name, func(pixels int) { g.panelBody(name, vectors, pixels) })
}

// byPixels emits a body for each number of pixels that m can be, behind the masks of channels, where there are any.
func (g *gen) byPixels(name string, body func(pixels int)) {
	if g.masks {
		c := g.GP32()
		g.Load(g.Param("channels"), c)
		g.setMasks(c)
	}
	m := g.Load(g.Param("m"), g.GP64())
	g.choose(m, 1, g.pixels, name)
	for n := 1; n <= g.pixels; n++ {
		body(n)
	}
}

// suffix tells the widths of registers, and products of bf16, apart in names.
func (g *gen) suffix() string {
	if g.pairs {
		return "BF16"
	}
	return fmt.Sprint(32 * g.lanes)
}

// product adds to sum the products of weights with x, one float or one pair of bf16 in
// every lane.
func (g *gen) product(x, weights, sum reg.VecPhysical) {
	if g.pairs {
		g.bf16(vdpbf16ps, x, weights, sum)
	} else {
		g.VFMADD231PS(x, weights, sum)
	}
}

// choose jumps to the body of m pixels, lo ≤ m ≤ hi.
func (g *gen) choose(m reg.Register, lo, hi int, name string) {
	target := func(lo, hi int) operand.LabelRef {
		if lo == hi {
			return operand.LabelRef(fmt.Sprintf("%s_pixels%d", name, lo))
		}
		return operand.LabelRef(fmt.Sprintf("%s_pixels%dto%d", name, lo, hi))
	}
	if lo == hi {
		g.JMP(target(lo, hi))
		return
	}
	mid := (lo + hi) / 2
	g.CMPQ(m, operand.U8(mid))
	g.JG(target(mid+1, hi))
	g.choose(m, lo, mid, name)
	if mid+1 < hi {
		g.Label(string(target(mid+1, hi)))
		g.choose(m, mid+1, hi, name)
	}
}

func (g *gen) panelBody(name string, vectors, pixels int) {
	label := func(s string) string { return fmt.Sprintf("%s_pixels%d%s", name, pixels, s) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	sum := func(i, v int) reg.VecPhysical { return g.regs[i*vectors+v] }
	free := g.regs[pixels*vectors:]
	weights, inputs := free[:vectors], free[vectors:]
	if len(inputs) > 4 {
		inputs = inputs[:4]
	}
	panel := g.vectors * g.bytes() // of one input's weights

	g.Label(label(""))
	g.Comment(fmt.Sprintf("%d pixels: sums in %s to %s, pixel by pixel, from the biases", pixels, sum(0, 0).Asm(), sum(pixels-1, vectors-1).Asm()))
	w := g.Load(g.Param("w"), g.GP64())
	for v := range vectors {
		g.VMOVUPS(operand.Mem{Base: w, Disp: v * g.bytes()}, sum(0, v))
		for i := 1; i < pixels; i++ {
			g.VMOVAPS(sum(0, v), sum(i, v))
		}
	}
	g.ADDQ(operand.I32(int32(panel)), w)
	src := g.rowsOf(pixels)
	segments, count := g.segments()
	k := g.GP64()

	g.Label(label("_segment"))
	g.segment(segments, nil, src)
	step := func(u int) {
		for v := range vectors {
			g.VMOVUPS(operand.Mem{Base: w, Disp: u*panel + v*g.bytes()}, weights[v])
		}
		for i := range pixels {
			x := inputs[i%len(inputs)]
			g.VBROADCASTSS(src.at(i, 4*u), x)
			for v := range vectors {
				g.product(x, weights[v], sum(i, v))
			}
		}
	}
	g.Load(g.Param("segmentLen"), k)
	g.SUBQ(operand.U8(unroll), k)
	g.JLT(ref("_rest"))
	g.Label(label("_inputs"))
	for u := range unroll {
		for line := 0; line < vectors*g.bytes(); line += 64 {
			g.PREFETCHT0(operand.Mem{Base: w, Disp: ahead + u*panel + line})
		}
	}
	for u := range unroll {
		step(u)
	}
	g.advance(src, 4*unroll)
	g.ADDQ(operand.I32(int32(unroll*panel)), w)
	g.SUBQ(operand.U8(unroll), k)
	g.JGE(ref("_inputs"))
	g.Label(label("_rest"))
	g.ADDQ(operand.U8(unroll), k)
	g.JEQ(ref("_next"))
	g.Label(label("_input"))
	step(0)
	g.advance(src, 4)
	g.ADDQ(operand.I32(int32(panel)), w)
	g.DECQ(k)
	g.JNE(ref("_input"))
	g.Label(label("_next"))
	g.DECQ(count)
	g.JNE(ref("_segment"))

	g.epilogue(label(""), grid(pixels, vectors, sum), pixels, nil, free)
	g.VZEROUPPER()
	g.RET()
}
