package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of the transforms, from the points ±a and ±b: see winograd.go of
// package kernel.
const (
	a1, b1 = 11.0 / 16, 11.0 / 8
	a2, b2 = a1 * a1, b1 * b1
	a3, b3 = a1 * a2, b1 * b2
	sum2   = a2 + b2
	prod   = a2 * b2
)

// constants says where each of them is: in a register, or where those are few in
// memory.
type constants map[float64]operand.Op

// winogradConstants makes constants available, in the last registers if they stay in
// some.
func (g *gen) winogradConstants(name string, values ...float64) constants {
	c := make(constants)
	table := g.StaticGlobal(name + "_constants")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	repeat := 1
	if !g.masks {
		repeat = g.lanes
	}
	for i, v := range values {
		for range repeat {
			g.AppendDatum(operand.F32(float32(v)))
		}
		at := table.Offset(4 * repeat * i)
		if g.masks {
			c[v] = g.regs[len(g.regs)-1-i]
		} else {
			c[v] = at
		}
	}
	return c
}

// loadConstants fills the registers of c.
func (g *gen) loadConstants(name string, c constants, values ...float64) {
	if !g.masks {
		return
	}
	for i, v := range values {
		g.VBROADCASTSS(operand.Mem{Symbol: operand.Symbol{Name: name + "_constants", Static: true}, Base: reg.StaticBase, Disp: 4 * i}, c[v])
	}
}

// inRegister returns constant v in a register: tmp, unless it is in one already.
func (g *gen) inRegister(c constants, v float64, tmp reg.VecPhysical) operand.Op {
	if m, ok := c[v].(operand.Mem); ok {
		g.VMOVUPS(m, tmp)
		return tmp
	}
	return c[v]
}

// six addresses six vectors that lie a stride apart.
type six struct{ base, x1, x3, x5 reg.Register }

func (g *gen) six(stride reg.Register) six {
	s := six{g.GP64(), stride, g.GP64(), g.GP64()}
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, s.x3)
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 4}, s.x5)
	return s
}

func (s six) at(i int) operand.Mem {
	m := operand.Mem{Base: s.base}
	switch i {
	case 1, 2, 4:
		m.Index, m.Scale = s.x1, uint8(i)
	case 3:
		m.Index, m.Scale = s.x3, 1
	case 5:
		m.Index, m.Scale = s.x5, 1
	}
	return m
}

// loadBytes loads a parameter that counts floats, in bytes.
func (g *gen) loadBytes(param string) reg.Register {
	r := g.Load(g.Param(param), g.GP64())
	g.SHLQ(operand.U8(2), r)
	return r
}

// winograd writes the functions behind WinogradIn and WinogradOut.
func (g *gen) winograd() {
	g.winogradIn()
	g.winogradOut()
}

// winogradIn writes the function that transforms a patch. The rows of the result are
// made one or two at a time, so that all stays in registers: first the six values of
// each row from the six columns of the patch, then the six products of the row.
func (g *gen) winogradIn() {
	name := "winogradIn" + g.suffix()
	values := []float64{a1, b1, a2, b2, sum2, prod}
	c := g.winogradConstants(name, values...)
	g.text(name, "func(src *float32, srcStride, srcRow int, dst *float32, plane, channels int)",
		name+" transforms one patch. Strides are in floats; channels is a multiple of 16.")
	g.loadConstants(name, c, values...)
	end := g.loadBytes("channels")
	at := g.GP64()
	g.XORQ(at, at)
	d := g.six(g.loadBytes("srcRow"))
	stride := g.loadBytes("srcStride")
	plane := g.loadBytes("plane")
	q := g.GP64()

	g.Label(name + "_channels")
	g.Load(g.Param("dst"), q)
	g.ADDQ(at, q)
	columns := func(f func(j int)) {
		g.Load(g.Param("src"), d.base)
		g.ADDQ(at, d.base)
		for j := range 6 {
			f(j)
			if j < 5 {
				g.ADDQ(stride, d.base)
			}
		}
	}
	// outer makes row first or last: d4 + prod d0 - sum d2, or those after them.
	outer := func(i int) {
		g.Comment(fmt.Sprintf("row %d", 5*i))
		p, s := g.inRegister(c, prod, g.regs[14]), g.inRegister(c, sum2, g.regs[15])
		columns(func(j int) {
			g.VMOVUPS(d.at(4+i), g.regs[j])
			g.VFMADD231PS(d.at(i), p, g.regs[j])
			g.VFNMADD231PS(d.at(2+i), s, g.regs[j])
		})
		g.winogradRow(c, g.regs[:6], g.regs[6:9], q, plane)
	}
	// inner makes the rows of a point and of minus it: d4 - x2 d2 ± p (d3 - x2 d1).
	inner := func(p, x2 float64, i int) {
		g.Comment(fmt.Sprintf("rows %d and %d", i, i+1))
		px, sq := g.inRegister(c, p, g.regs[14]), g.inRegister(c, x2, g.regs[15])
		var plus, minus [6]reg.VecPhysical
		spare := g.regs[12]
		columns(func(j int) {
			even, odd := g.regs[2*j], g.regs[2*j+1]
			g.VMOVUPS(d.at(4), even)
			g.VFNMADD231PS(d.at(2), sq, even)
			g.VMOVUPS(d.at(3), odd)
			g.VFNMADD231PS(d.at(1), sq, odd)
			g.VMOVAPS(even, spare)
			g.VFMADD231PS(px, odd, spare)
			g.VFNMADD231PS(px, odd, even)
			plus[j], minus[j], spare = spare, even, odd
		})
		temps := []reg.VecPhysical{spare, g.regs[13], g.regs[14]}
		g.winogradRow(c, plus[:], temps, q, plane)
		g.winogradRow(c, minus[:], temps, q, plane)
	}
	outer(0)
	inner(a1, b2, 1)
	inner(b1, a2, 3)
	outer(1)
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef(name + "_channels"))
	g.VZEROUPPER()
	g.RET()
}

// winogradRow transforms one row in r and stores it to the planes from q on.
func (g *gen) winogradRow(c constants, r, t []reg.VecPhysical, q, plane reg.Register) {
	g.VFMADD132PS(c[prod], r[4], r[0]) // r0 = prod r0 + r4 - sum r2
	g.VFNMADD231PS(c[sum2], r[2], r[0])
	g.VFMADD231PS(c[prod], r[1], r[5]) // r5 += prod r1 - sum r3
	g.VFNMADD231PS(c[sum2], r[3], r[5])
	g.VMOVAPS(r[4], t[0])
	g.VFNMADD231PS(c[b2], r[2], t[0])
	g.VMOVAPS(r[3], t[1])
	g.VFNMADD231PS(c[b2], r[1], t[1])
	g.VMOVAPS(t[0], t[2])
	g.VFMADD231PS(c[a1], t[1], t[2])
	g.VFNMADD231PS(c[a1], t[1], t[0])
	g.VFNMADD231PS(c[a2], r[2], r[4])
	g.VFNMADD231PS(c[a2], r[1], r[3])
	g.VMOVAPS(r[4], t[1])
	g.VFMADD231PS(c[b1], r[3], t[1])
	g.VFNMADD231PS(c[b1], r[3], r[4])
	for _, x := range []reg.VecPhysical{r[0], t[2], t[0], t[1], r[4], r[5]} {
		g.VMOVUPS(x, operand.Mem{Base: q})
		g.ADDQ(plane, q)
	}
}

// winogradOut writes the function that makes a tile: its even rows, then its odd ones.
func (g *gen) winogradOut() {
	name := "winogradOut" + g.suffix()
	values := []float64{a1, b1, a2, b2, a3, b3}
	c := g.winogradConstants(name, values...)
	g.text(name, "func(src *float32, plane int, bias *float32, channels, rows, cols int, dst *float32, dstStride, dstRow int, before, after *float32, resStride, resRow int, slope, limit float32, linear bool)",
		name+" makes rows by cols pixels of one tile. Strides are in floats; channels is",
		"a multiple of 16. The residual is added before or after the activation, where it",
		"is not nil; linear leaves the activation out.")
	g.loadConstants(name, c, values...)
	end := g.loadBytes("channels")
	at := g.GP64()
	g.XORQ(at, at)
	g.Label(name + "_channels")
	for odd := range 2 {
		g.winogradRows(name, c, odd, at)
	}
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef(name + "_channels"))
	g.VZEROUPPER()
	g.RET()
}

// winogradRows makes rows odd and odd+2 of a tile.
func (g *gen) winogradRows(name string, c constants, odd int, at reg.Register) {
	g.Comment(fmt.Sprintf("rows %d and %d", odd, odd+2))
	plane := g.loadBytes("plane")
	row := g.GP64()
	g.LEAQ(operand.Mem{Base: plane, Index: plane, Scale: 2}, row)
	g.SHLQ(operand.U8(1), row)
	m := g.six(row)
	g.Load(g.Param("src"), m.base)
	g.ADDQ(at, m.base)
	first, second, t := g.regs[:6], g.regs[6:12], g.regs[12:14]
	for j := range 6 {
		// The sums or the differences of what belongs to a point and to minus it.
		for k := range 2 {
			g.VMOVUPS(m.at(1+2*k), t[k])
			if odd == 0 {
				g.VADDPS(m.at(2+2*k), t[k], t[k])
			} else {
				g.VSUBPS(m.at(2+2*k), t[k], t[k])
			}
		}
		if odd == 0 {
			g.VADDPS(m.at(0), t[0], first[j])
			g.VADDPS(t[1], first[j], first[j])
			g.VMULPS(c[a2], t[0], second[j])
			g.VFMADD231PS(c[b2], t[1], second[j])
		} else {
			g.VMULPS(c[a1], t[0], first[j])
			g.VFMADD231PS(c[b1], t[1], first[j])
			g.VMOVUPS(m.at(5), second[j])
			g.VFMADD231PS(c[a3], t[0], second[j])
			g.VFMADD231PS(c[b3], t[1], second[j])
		}
		if j < 5 {
			g.ADDQ(plane, m.base)
		}
	}
	bias := g.Load(g.Param("bias"), g.GP64())
	var out []vector
	for i, r := range [][]reg.VecPhysical{first, second} {
		sa, sb, da, db := t[0], t[1], r[1], r[3]
		g.VADDPS(r[1], r[2], sa)
		g.VADDPS(r[3], r[4], sb)
		g.VSUBPS(r[2], r[1], da)
		g.VSUBPS(r[4], r[3], db)
		g.VADDPS(r[0], sa, r[0])
		g.VADDPS(r[0], sb, r[0])
		g.VMULPS(c[a2], sa, r[2])
		g.VFMADD231PS(c[b2], sb, r[2])
		g.VMULPS(c[a1], da, r[4])
		g.VFMADD231PS(c[b1], db, r[4])
		g.VFMADD231PS(c[a3], da, r[5])
		g.VFMADD231PS(c[b3], db, r[5])
		for col, x := range []reg.VecPhysical{r[0], r[4], r[2], r[5]} {
			g.VADDPS(operand.Mem{Base: bias, Index: at, Scale: 1}, x, x)
			out = append(out, vector{x, odd + 2*i, col})
		}
	}
	free := []reg.VecPhysical{first[1], first[3], t[0], t[1]}
	label := fmt.Sprintf("%s_rows%d", name, odd)
	for _, when := range []string{"before", "after"} {
		p := g.Load(g.Param(when), g.GP64())
		done := label + "_not" + when
		g.TESTQ(p, p)
		g.JEQ(operand.LabelRef(done))
		g.tile(label+"_"+when, out, p, at, "resStride", "resRow", func(x reg.VecPhysical, m operand.Mem) { g.VADDPS(m, x, x) })
		g.Label(done)
		if when == "before" {
			g.activateUnlessLinear(label, out, free)
		}
	}
	p := g.Load(g.Param("dst"), g.GP64())
	g.tile(label+"_store", out, p, at, "dstStride", "dstRow", func(x reg.VecPhysical, m operand.Mem) { g.VMOVUPS(x, m) })
}

// tile calls f for the vectors that lie within the rows and columns of the tile, two
// rows of four, with their places at bytes into the pixels from p on.
func (g *gen) tile(label string, out []vector, p, at reg.Register, strideParam, rowParam string, f func(reg.VecPhysical, operand.Mem)) {
	g.ADDQ(at, p)
	row, stride, stride3 := g.loadBytes(rowParam), g.loadBytes(strideParam), g.GP64()
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	if out[0].i == 1 {
		g.ADDQ(row, p)
	}
	done := operand.LabelRef(label + "_done")
	for n, x := range out {
		m := operand.Mem{Base: p}
		switch x.v {
		case 0:
			if n > 0 {
				g.Label(fmt.Sprintf("%s_row%d", label, x.i))
				g.LEAQ(operand.Mem{Base: p, Index: row, Scale: 2}, p)
			}
			if x.i > 0 {
				g.CMPQ(g.addr("rows"), operand.U8(x.i))
				g.JLE(done)
			}
		case 1, 2:
			m.Index, m.Scale = stride, uint8(x.v)
		case 3:
			m.Index, m.Scale = stride3, 1
		}
		if x.v > 0 {
			g.CMPQ(g.addr("cols"), operand.U8(x.v))
			if n < 4 {
				g.JLE(operand.LabelRef(fmt.Sprintf("%s_row%d", label, out[4].i)))
			} else {
				g.JLE(done)
			}
		}
		f(x.reg, m)
	}
	g.Label(label + "_done")
}
