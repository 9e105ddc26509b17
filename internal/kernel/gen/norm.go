package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A normLoop goes over the channels of one pixel, a register of floats at a time, the
// last one masked where it is not full: with AVX-512 by K3 and, its halves, by K1 and K2.
type normLoop struct {
	g          *gen
	name       string
	at         reg.GPVirtual // bytes from the first channel
	whole, end reg.Register  // bytes in whole registers, and in all
	// AVX2 has masks in registers: of the floats, of their halves, and of those widened.
	floats reg.VecPhysical
	halves [2]reg.VecPhysical
	wide   [2]reg.VecPhysical
}

// layerNorm writes the function that normalises m pixels. Sums are made in float64, of
// the halves of a register apart; what is left to do to each value is done in float32,
// where the mean is a sum of two floats so that it does not round the difference.
func (g *gen) layerNorm() {
	name := "layerNorm" + g.suffix()
	masks := g.normMasks(name)
	g.text(name, "func(dst *float32, dstStride int, src *float32, srcStride int, weight, bias *float32, n, m int, share, eps float64)",
		name+" normalises m pixels of n channels, strides apart; share is 1/n.")
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride, dstStride := g.loadBytes("srcStride"), g.loadBytes("dstStride")
	weight, bias := g.Load(g.Param("weight"), g.GP64()), g.Load(g.Param("bias"), g.GP64())
	m := g.Load(g.Param("m"), g.GP64())
	l := g.newNormLoop(name, masks)

	sum, x := [2]reg.VecPhysical{g.regs[0], g.regs[1]}, [2]reg.VecPhysical{g.regs[2], g.regs[3]}
	mean, hi, lo, scale := g.regs[4], g.regs[5], g.regs[6], g.regs[7]
	scalar, spare := g.regs[8], g.regs[9]
	from := operand.Mem{Base: src, Index: l.at, Scale: 1}
	g.Label(name + "_pixel")

	l.mean(from, sum, x, spare, scalar, mean)
	g.Comment("as the sum of two floats")
	g.VCVTSD2SS(scalar.AsX(), scalar.AsX(), hi.AsX())
	g.VCVTSS2SD(hi.AsX(), hi.AsX(), spare.AsX())
	g.VSUBSD(spare.AsX(), scalar.AsX(), scalar.AsX())
	g.VCVTSD2SS(scalar.AsX(), scalar.AsX(), lo.AsX())
	g.VBROADCASTSS(hi.AsX(), hi)
	g.VBROADCASTSS(lo.AsX(), lo)

	l.variance(from, sum, x, spare, scalar, mean)
	g.VADDSD(g.addr("eps"), scalar.AsX(), scalar.AsX())
	g.VSQRTSD(scalar.AsX(), scalar.AsX(), scalar.AsX())
	one := g.GP64()
	g.MOVQ(operand.U64(0x3ff0000000000000), one)
	g.VMOVQ(one, spare.AsX())
	g.VDIVSD(scalar.AsX(), spare.AsX(), scalar.AsX())
	g.VCVTSD2SS(scalar.AsX(), scalar.AsX(), scale.AsX())
	g.VBROADCASTSS(scale.AsX(), scale)

	g.Comment("the values")
	to := operand.Mem{Base: dst, Index: l.at, Scale: 1}
	w, b := operand.Mem{Base: weight, Index: l.at, Scale: 1}, operand.Mem{Base: bias, Index: l.at, Scale: 1}
	l.over("values", func(masked bool) {
		l.load(from, masked, x[0])
		g.VSUBPS(hi, x[0], x[0])
		g.VSUBPS(lo, x[0], x[0])
		g.VMULPS(scale, x[0], x[0])
		l.load(b, masked, x[1])
		if masked {
			l.load(w, masked, spare)
			g.VFMADD231PS(spare, x[0], x[1])
		} else {
			g.VFMADD231PS(w, x[0], x[1])
		}
		l.store(x[1], masked, to)
	})
	g.nextPixel(name+"_pixel", m, src, srcStride, dst, dstStride)
}

// moments writes the function that finds the means and the standard deviations of m runs.
func (g *gen) moments() {
	name := "moments" + g.suffix()
	masks := g.normMasks(name)
	g.text(name, "func(dst, src *float32, srcStride, n, m int, share float64)",
		name+" finds the moments of m runs of n floats, a stride apart; share is 1/n.")
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride := g.loadBytes("srcStride")
	m := g.Load(g.Param("m"), g.GP64())
	l := g.newNormLoop(name, masks)
	next := g.GP64()
	g.MOVQ(operand.U64(8), next)

	sum, x := [2]reg.VecPhysical{g.regs[0], g.regs[1]}, [2]reg.VecPhysical{g.regs[2], g.regs[3]}
	mean, scalar, spare := g.regs[4], g.regs[5], g.regs[6]
	from := operand.Mem{Base: src, Index: l.at, Scale: 1}
	g.Label(name + "_pixel")
	l.mean(from, sum, x, spare, scalar, mean)
	g.VCVTSD2SS(scalar.AsX(), scalar.AsX(), scalar.AsX())
	g.VMOVSS(scalar.AsX(), operand.Mem{Base: dst})
	l.variance(from, sum, x, spare, scalar, mean)
	g.VSQRTSD(scalar.AsX(), scalar.AsX(), scalar.AsX())
	g.VCVTSD2SS(scalar.AsX(), scalar.AsX(), scalar.AsX())
	g.VMOVSS(scalar.AsX(), operand.Mem{Base: dst, Disp: 4})
	g.nextPixel(name+"_pixel", m, src, srcStride, dst, next)
}

// mean sets scalar to the mean of the floats at from, in float64, and all lanes of mean.
func (l *normLoop) mean(from operand.Mem, sum, x [2]reg.VecPhysical, spare, scalar, mean reg.VecPhysical) {
	g := l.g
	g.Comment("the mean")
	g.zero(sum[0])
	g.zero(sum[1])
	l.over("mean", func(masked bool) {
		for half := range 2 {
			l.widen(from, half, masked, x[half])
			g.VADDPD(x[half], sum[half], sum[half])
		}
	})
	g.reduce(sum, spare)
	g.VMULSD(g.addr("share"), sum[0].AsX(), scalar.AsX())
	g.VBROADCASTSD(scalar.AsX(), mean)
}

// variance sets scalar to the mean of squared differences from mean of the floats at from, in float64.
func (l *normLoop) variance(from operand.Mem, sum, x [2]reg.VecPhysical, spare, scalar, mean reg.VecPhysical) {
	g := l.g
	g.Comment("the variance")
	g.zero(sum[0])
	g.zero(sum[1])
	l.over("variance", func(masked bool) {
		for half := range 2 {
			l.widen(from, half, masked, x[half])
			l.subtract(mean, half, masked, x[half])
			g.VFMADD231PD(x[half], x[half], sum[half])
		}
	})
	g.reduce(sum, spare)
	g.VMULSD(g.addr("share"), sum[0].AsX(), scalar.AsX())
}

// normMasks writes the table that AVX2 reads masks from, a register from where as many
// lanes are left as are there.
func (g *gen) normMasks(name string) operand.Mem {
	if g.masks {
		return operand.Mem{}
	}
	table := g.StaticGlobal(name + "_masks")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 2 * g.lanes {
		mask := operand.U32(0)
		if i < g.lanes {
			mask = 1<<32 - 1
		}
		g.AddDatum(4*i, mask)
	}
	return table
}

// newNormLoop sets the masks of the loop over the n channels of a pixel.
func (g *gen) newNormLoop(name string, masks operand.Mem) *normLoop {
	l := &normLoop{g: g, name: name, at: g.GP64(), end: g.loadBytes("n")}
	whole := g.GP64()
	g.MOVQ(l.end, whole)
	g.ANDQ(operand.I32(int32(-g.bytes())), whole)
	l.whole = whole
	rest := g.GP64()
	g.MOVQ(l.end, rest)
	g.SUBQ(whole, rest)
	if g.masks {
		g.Comment("K1, K2: the channels of the halves of the last register that are there; K3: of both")
		g.SHRQ(operand.U8(2), rest)
		lanes := g.GP32()
		g.MOVL(operand.U32(1<<32-1), lanes)
		g.BZHIL(rest.As32(), lanes, lanes)
		g.KMOVW(lanes, reg.K1)
		g.KMOVW(lanes, reg.K3)
		g.SHRL(operand.U8(g.lanes/2), lanes)
		g.KMOVW(lanes, reg.K2)
		return l
	}
	l.floats = g.regs[10]
	l.halves = [2]reg.VecPhysical{g.regs[10], g.regs[11]}
	l.wide = [2]reg.VecPhysical{g.regs[12], g.regs[13]}
	table := g.GP64()
	g.LEAQ(masks.Offset(g.bytes()), table)
	g.SUBQ(rest, table)
	g.VMOVUPS(operand.Mem{Base: table}, l.floats)
	g.VEXTRACTI128(operand.U8(1), l.floats, l.halves[1].AsX())
	for i, half := range l.halves {
		g.VPMOVSXDQ(half.AsX(), l.wide[i])
	}
	return l
}

// over writes the loop: body for whole registers, and for the last one masked.
func (l *normLoop) over(what string, body func(masked bool)) {
	g, name := l.g, l.name+"_"+what
	g.XORQ(l.at, l.at)
	g.CMPQ(l.at, l.whole)
	g.JGE(operand.LabelRef(name + "_rest"))
	g.Label(name + "_loop")
	body(false)
	g.ADDQ(operand.I32(int32(g.bytes())), l.at)
	g.CMPQ(l.at, l.whole)
	g.JLT(operand.LabelRef(name + "_loop"))
	g.Label(name + "_rest")
	g.CMPQ(l.at, l.end)
	g.JGE(operand.LabelRef(name + "_end"))
	body(true)
	g.Label(name + "_end")
}

// widen sets x to half of the floats at m, in float64; lanes that are not there to 0.
func (l *normLoop) widen(m operand.Mem, half int, masked bool, x reg.VecPhysical) {
	g := l.g
	m = m.Offset(half * g.bytes() / 2)
	switch {
	case !masked:
		g.VCVTPS2PD(m, x)
	case g.masks:
		g.VCVTPS2PD_Z(m, []reg.OpmaskPhysical{reg.K1, reg.K2}[half], x)
	default:
		g.VMASKMOVPS(m, l.halves[half].AsX(), x.AsX())
		g.VCVTPS2PD(x.AsX(), x)
	}
}

// subtract takes mean from half of the floats, but not from lanes that are not there.
func (l *normLoop) subtract(mean reg.VecPhysical, half int, masked bool, x reg.VecPhysical) {
	g := l.g
	if masked && g.masks {
		g.VSUBPD_Z(mean, x, []reg.OpmaskPhysical{reg.K1, reg.K2}[half], x)
		return
	}
	g.VSUBPD(mean, x, x)
	if masked {
		g.VANDPD(l.wide[half], x, x)
	}
}

// load sets x to the floats at m, and lanes that are not there to 0.
func (l *normLoop) load(m operand.Mem, masked bool, x reg.VecPhysical) {
	switch {
	case !masked:
		l.g.VMOVUPS(m, x)
	case l.g.masks:
		l.g.VMOVUPS_Z(m, reg.K3, x)
	default:
		l.g.VMASKMOVPS(m, l.floats, x)
	}
}

// store stores the floats of x that are there at m.
func (l *normLoop) store(x reg.VecPhysical, masked bool, m operand.Mem) {
	switch {
	case !masked:
		l.g.VMOVUPS(x, m)
	case l.g.masks:
		l.g.VMOVUPS(x, reg.K3, m)
	default:
		l.g.VMASKMOVPS(x, l.floats, m)
	}
}

// reduce sets the first lane of sum[0] to the sum of all lanes of both.
func (g *gen) reduce(sum [2]reg.VecPhysical, spare reg.VecPhysical) {
	x := sum[0]
	g.VADDPD(sum[1], x, x)
	if g.masks {
		g.VEXTRACTF64X4(operand.U8(1), x, spare.AsY())
		g.VADDPD(spare.AsY(), x.AsY(), x.AsY())
	}
	g.VEXTRACTF128(operand.U8(1), x.AsY(), spare.AsX())
	g.VADDPD(spare.AsX(), x.AsX(), x.AsX())
	g.VPERMILPD(operand.U8(1), x.AsX(), spare.AsX())
	g.VADDSD(spare.AsX(), x.AsX(), x.AsX())
}
