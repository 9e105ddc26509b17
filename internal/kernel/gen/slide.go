package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// slides writes the functions that compute one row of output and two.
func (g *gen) slides() {
	for rows := 1; rows <= 2; rows++ {
		g.slide(rows)
	}
}

// slide writes the function for blocks of so many rows of output. The sums of all pixels stay in registers while
// the vectors of a row pass by; what slides is loaded once for both rows, so that of two instructions that multiply
// one loads.
func (g *gen) slide(rows int) {
	name := fmt.Sprintf("slide%sx%d", g.suffix(), rows)
	second, others, mask := "", "", ""
	if rows == 2 {
		second, others = "fixed2 *float32, ", ", dst2, before2, after2 *float32"
	}
	if g.masks {
		mask = ", channels uint32"
	}
	params := "fixed *float32, " + second + "fixedRow int, sliding *float32, slidingRow, rows, steps int, bias *float32, m int, "
	g.text(name, "func("+params+epilogueParams+others+mask+")",
		fmt.Sprintf("%s computes 1 ≤ m ≤ %d pixels of %d rows of output by %d channels from steps", name, g.pixels, rows, g.lanes),
		"vectors of each of some rows. Strides are in floats. The residual is added before or after the",
		"activation, where it is not nil; linear leaves the activation out.")
	g.byPixels(name, func(pixels int) { g.slideBody(name, rows, pixels) })
}

func (g *gen) slideBody(name string, rows, pixels int) {
	label := func(s string) string { return fmt.Sprintf("%s_pixels%d%s", name, pixels, s) }
	ref := func(s string) operand.LabelRef { return operand.LabelRef(label(s)) }
	sum := func(r, i int) reg.VecPhysical { return g.regs[r*pixels+i] }
	free := g.regs[rows*pixels:]
	taken, inputs := free[:rows], free[rows:]
	params := []string{"fixed", "fixed2"}[:rows]

	g.Label(label(""))
	g.Comment(fmt.Sprintf("%d pixels: sums in %s to %s, row by row, from the biases", pixels, sum(0, 0).Asm(), sum(rows-1, pixels-1).Asm()))
	bias := g.Load(g.Param("bias"), g.GP64())
	g.VMOVUPS(operand.Mem{Base: bias}, sum(0, 0))
	for i := 1; i < rows*pixels; i++ {
		g.VMOVAPS(sum(0, 0), g.regs[i])
	}
	g.Comment("pointers lie behind the vectors of a row, to which at counts up")
	length, at := g.Load(g.Param("steps"), g.GP64()), g.GP64()
	g.IMUL3Q(operand.I32(int32(g.bytes())), length, length)
	sliding, slidingRow := g.Load(g.Param("sliding"), g.GP64()), g.loadBytes("slidingRow")
	g.ADDQ(length, sliding)
	fixed, fixedRow := make([]reg.Register, rows), g.loadBytes("fixedRow")
	for r, p := range params {
		fixed[r] = g.Load(g.Param(p), g.GP64())
		g.ADDQ(length, fixed[r])
	}
	g.NEGQ(length)
	count := g.Load(g.Param("rows"), g.GP64())

	g.Label(label("_row"))
	g.MOVQ(length, at)
	g.Label(label("_step"))
	for r := range rows {
		g.VMOVUPS(operand.Mem{Base: fixed[r], Index: at, Scale: 1}, taken[r])
	}
	for i := range pixels {
		m := operand.Mem{Base: sliding, Index: at, Scale: 1, Disp: i * g.bytes()}
		if rows == 1 {
			g.VFMADD231PS(m, taken[0], sum(0, i))
			continue
		}
		x := inputs[i%len(inputs)]
		g.VMOVUPS(m, x)
		for r := range rows {
			g.VFMADD231PS(x, taken[r], sum(r, i))
		}
	}
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.JNE(ref("_step"))
	g.ADDQ(slidingRow, sliding)
	for r := range rows {
		g.ADDQ(fixedRow, fixed[r])
	}
	g.DECQ(count)
	g.JNE(ref("_row"))

	for r := range rows {
		sums := grid(pixels, 1, func(i, _ int) reg.VecPhysical { return sum(r, i) })
		g.epilogueOf([]string{"", "2"}[r], label([]string{"", "_second"}[r]), sums, pixels, nil, free)
	}
	g.VZEROUPPER()
	g.RET()
}
