package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pooling writes the functions behind MaxPool, AvgPool and NormPool.
func (g *gen) pooling() {
	g.maxPool()
	g.avgPool()
	g.normPool()
}

// maxPool writes the function that pools one pixel.
func (g *gen) maxPool() {
	name := "maxPool" + g.suffix()
	doc := "channels is at least 1."
	if !g.masks {
		doc = "channels is a multiple of 8, and at least that."
	}
	g.text(name, "func(segments *int, segmentCount int, src *float32, channels int, dst *float32)",
		name+" sets dst to the largest of each channel over the segments. A NaN wins.", doc)
	end := g.Load(g.Param("channels"), g.GP64())
	g.SHLQ(operand.U8(2), end)
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	at := g.GP64()
	g.XORQ(at, at)
	best, x, odd := g.regs[0], g.regs[1], g.regs[2]

	g.Label(name + "_channels")
	g.maskRemaining(at, end)
	segments, count := g.segments()
	p, offset := g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: src, Index: at, Scale: 1}, p)
	g.MOVQ(operand.Mem{Base: segments}, offset)
	g.Comment("the first segment as it is")
	g.load(operand.Mem{Base: p, Index: offset, Scale: 4}, reg.K1, best)
	g.JMP(operand.LabelRef(name + "_next"))
	g.Label(name + "_segment")
	g.MOVQ(operand.Mem{Base: segments}, offset)
	g.load(operand.Mem{Base: p, Index: offset, Scale: 4}, reg.K1, x)
	g.VMAXPS(best, x, best) // of equals and of a NaN: the second, best
	if g.masks {
		g.VCMPPS(operand.U8(unordered), x, x, reg.K3)
		g.VMOVAPS(x, reg.K3, best)
	} else {
		g.VCMPPS(operand.U8(unordered), x, x, odd)
		g.VBLENDVPS(odd, x, best, best)
	}
	g.Label(name + "_next")
	g.ADDQ(operand.U8(8), segments)
	g.DECQ(count)
	g.JNE(operand.LabelRef(name + "_segment"))
	g.store(best, reg.K1, operand.Mem{Base: dst, Index: at, Scale: 1})
	g.ADDQ(operand.I32(int32(g.bytes())), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef(name + "_channels"))
	g.VZEROUPPER()
	g.RET()
}

// avgPool writes the function that averages one pixel.
func (g *gen) avgPool() {
	name := "avgPool" + g.suffix()
	lanes := g.lanes / 2
	g.text(name, "func(segments *int, segmentCount int, src *float32, channels int, dst *float32, divisor float64)",
		name+" sets dst to the sums of each channel over the segments, over divisor, all in",
		fmt.Sprintf("float64. channels is a multiple of %d, and at least that.", lanes))
	end := g.Load(g.Param("channels"), g.GP64())
	g.SHLQ(operand.U8(2), end)
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	at := g.GP64()
	g.XORQ(at, at)
	sum, x, divisor := g.regs[0], g.regs[1], g.regs[2]
	g.VBROADCASTSD(g.addr("divisor"), divisor)

	g.Label(name + "_channels")
	segments, count := g.segments()
	p, offset := g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: src, Index: at, Scale: 1}, p)
	g.zero(sum)
	g.Label(name + "_segment")
	g.MOVQ(operand.Mem{Base: segments}, offset)
	g.VCVTPS2PD(operand.Mem{Base: p, Index: offset, Scale: 4}, x)
	g.VADDPD(x, sum, sum)
	g.ADDQ(operand.U8(8), segments)
	g.DECQ(count)
	g.JNE(operand.LabelRef(name + "_segment"))
	g.VDIVPD(divisor, sum, sum)
	g.narrow(sum, x, operand.Mem{Base: dst, Index: at, Scale: 1})
	g.ADDQ(operand.I32(int32(4*lanes)), at)
	g.CMPQ(at, end)
	g.JLT(operand.LabelRef(name + "_channels"))
	g.VZEROUPPER()
	g.RET()
}

// narrow stores the float64s of a register as floats, by way of another register.
func (g *gen) narrow(x, spare reg.VecPhysical, to operand.Mem) {
	if g.masks {
		g.VCVTPD2PS(x, spare.AsY())
		g.VMOVUPS(spare.AsY(), to)
	} else {
		g.VCVTPD2PSY(x, spare.AsX())
		g.VMOVUPS(spare.AsX(), to)
	}
}

// normPool writes the function that takes the norms of one pixel, of four registers of
// channels at a time and then of one: windows are whole images, so that each sum waits for
// itself.
func (g *gen) normPool() {
	name, lanes := "normPool"+g.suffix(), g.lanes/2
	g.text(name, "func(segments *int, segmentCount int, src *float32, channels int, dst *float32)",
		name+" sets dst to the root of the sum of squares of each channel over the segments, all",
		fmt.Sprintf("in float64. channels is a multiple of %d, and at least that.", lanes))
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	end := g.loadBytes("channels")
	g.ADDQ(src, end)
	block := func(registers int) {
		label, bytes := fmt.Sprintf("%s_by%d", name, registers), 4*lanes*registers
		g.Label(label)
		next := g.GP64()
		g.LEAQ(operand.Mem{Base: src, Disp: bytes}, next)
		g.CMPQ(next, end)
		g.JGT(operand.LabelRef(label + "_end"))
		segments, count := g.segments()
		for i := range registers {
			g.zero(g.regs[i])
		}
		g.Label(label + "_segment")
		offset := g.GP64()
		g.MOVQ(operand.Mem{Base: segments}, offset)
		for i := range registers {
			x := g.regs[registers+i]
			g.VCVTPS2PD(operand.Mem{Base: src, Index: offset, Scale: 4, Disp: 4 * lanes * i}, x)
			g.VFMADD231PD(x, x, g.regs[i])
		}
		g.ADDQ(operand.U8(8), segments)
		g.DECQ(count)
		g.JNE(operand.LabelRef(label + "_segment"))
		for i := range registers {
			sum := g.regs[i]
			g.VSQRTPD(sum, sum)
			g.narrow(sum, g.regs[registers], operand.Mem{Base: dst, Disp: 4 * lanes * i})
		}
		g.ADDQ(operand.I32(int32(bytes)), dst)
		g.MOVQ(next, src)
		g.JMP(operand.LabelRef(label))
		g.Label(label + "_end")
	}
	block(4)
	block(1)
	g.VZEROUPPER()
	g.RET()
}
