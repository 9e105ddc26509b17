package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise writes the function for depthwise convolutions. Its outer loop takes two
// registers of channels at a time, then one if one is left; the sums of all pixels
// for them stay in registers while the taps pass by.
func (g *gen) depthwise() {
	name := "depthwise" + g.suffix()
	doc := "All channels are computed, the last of them under a mask."
	if !g.masks {
		doc = fmt.Sprintf("channels is a multiple of %d.", g.lanes)
	}
	g.text(name, "func(segments *int, segmentCount int, src *float32, srcStride int, w *float32, wStride, channels, m int, "+epilogueParams+")",
		fmt.Sprintf("%s computes 1 ≤ m ≤ %d pixels of a depthwise convolution. wStride leads from", name, g.filtered),
		"the weights of one tap to those of the next, and from the biases to the first.",
		doc)
	end := g.Load(g.Param("channels"), g.GP64())
	g.SHLQ(operand.U8(2), end)
	at := g.GP64()
	g.XORQ(at, at)
	m := g.Load(g.Param("m"), g.GP64())
	g.choose(m, 1, g.filtered, name)
	for n := 1; n <= g.filtered; n++ {
		g.depthwiseBody(name, n, at, end)
	}
}

func (g *gen) depthwiseBody(name string, pixels int, at, end reg.Register) {
	label := func(s string) string { return fmt.Sprintf("%s_pixels%d%s", name, pixels, s) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	g.Label(label(""))
	g.maskRemaining(at, end)
	left := g.GP64()
	g.MOVQ(end, left)
	g.SUBQ(at, left)
	g.CMPQ(left, operand.I32(int32(g.bytes())))
	g.JLE(ref("_x1"))
	for _, vectors := range []int{2, 1} {
		part := fmt.Sprintf("_x%d", vectors)
		sum := func(i, v int) reg.VecPhysical { return g.regs[i*vectors+v] }
		free := g.regs[pixels*vectors:]
		weights := free[:vectors]

		if vectors == 1 {
			g.Label(label(part))
		}
		g.Comment(fmt.Sprintf("%d pixels by %d registers of channels: sums in %s to %s, from the biases", pixels, vectors, sum(0, 0).Asm(), sum(pixels-1, vectors-1).Asm()))
		w := g.Load(g.Param("w"), g.GP64())
		g.ADDQ(at, w)
		for v := range vectors {
			g.load(operand.Mem{Base: w, Disp: v * g.bytes()}, mask(v), sum(0, v))
			for i := 1; i < pixels; i++ {
				g.VMOVAPS(sum(0, v), sum(i, v))
			}
		}
		wStride := g.Load(g.Param("wStride"), g.GP64())
		src := g.rowsOf(pixels)
		segments, count := g.segments()
		g.Label(label(part + "_tap"))
		g.LEAQ(operand.Mem{Base: w, Index: wStride, Scale: 4}, w)
		g.segment(segments, at, src)
		for v := range vectors {
			g.load(operand.Mem{Base: w, Disp: v * g.bytes()}, mask(v), weights[v])
		}
		for i := range pixels {
			for v := range vectors {
				m := src.at(i, v*g.bytes())
				if g.masks {
					g.VFMADD231PS(m, weights[v], mask(v), sum(i, v))
				} else {
					g.VFMADD231PS(m, weights[v], sum(i, v))
				}
			}
		}
		g.DECQ(count)
		g.JNE(ref(part + "_tap"))
		g.epilogue(label(part), grid(pixels, vectors, sum), pixels, at, free)
		g.ADDQ(operand.I32(int32(vectors*g.bytes())), at)
		g.CMPQ(at, end)
		g.JLT(ref(""))
		g.VZEROUPPER()
		g.RET()
	}
}

// rowsOf makes a set of pixels rows without setting its pointers; its stride is the
// parameter srcStride.
func (g *gen) rowsOf(pixels int) rowSet {
	stride := g.Load(g.Param("srcStride"), g.GP64()).(reg.GPVirtual)
	g.SHLQ(operand.U8(2), stride)
	src := rowSet{stride: stride}
	for i := 0; i < pixels; i += 3 {
		src.bases = append(src.bases, g.GP64().(reg.GPVirtual))
	}
	return src
}

// segments loads the parameters segments and segmentCount.
func (g *gen) segments() (segments, count reg.Register) {
	return g.Load(g.Param("segments"), g.GP64()), g.Load(g.Param("segmentCount"), g.GP64())
}

// segment sets rows to the next segment, at bytes into it where at is not nil.
func (g *gen) segment(segments, at reg.Register, rows rowSet) {
	offset := g.GP64()
	g.MOVQ(operand.Mem{Base: segments}, offset)
	g.ADDQ(operand.U8(8), segments)
	g.Load(g.Param("src"), rows.bases[0])
	if at != nil {
		g.ADDQ(at, rows.bases[0])
	}
	g.LEAQ(operand.Mem{Base: rows.bases[0], Index: offset, Scale: 4}, rows.bases[0])
	g.spread(rows)
}

// grid lists the sums of rows by vectors registers.
func grid(rows, vectors int, sum func(i, v int) reg.VecPhysical) []vector {
	var sums []vector
	for i := range rows {
		for v := range vectors {
			sums = append(sums, vector{sum(i, v), i, v})
		}
	}
	return sums
}
