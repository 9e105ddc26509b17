package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is a set of vector instructions with the shape of its panels.
type isa struct {
	name          string
	lanes         int // floats of a register
	vectors       int // registers that hold one pixel's channels of a panel
	pixels        int // of a panel
	filtered      int // pixels of depthwise convolutions
	groupedPixels int // pixels of grouped convolutions
	regs          []reg.VecPhysical
	masks         bool // stores and loads take masks
	pairs         bool // products are of pairs of bf16
	tiles         bool // and made in tiles
}

var avx2 = isa{
	name: "avx2", lanes: 8, vectors: 2, pixels: 6, filtered: 6, groupedPixels: 10,
	regs: []reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	},
}

var avx512 = isa{
	name: "avx512", lanes: 16, vectors: 2, pixels: 14, filtered: 8, groupedPixels: 14, masks: true,
	regs: []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	},
}

// avx512bf16 is avx512 with AVX512_BF16: a register of weights holds a pair for each
// channel, and everything has the same shape.
var avx512bf16 = isa{
	name: "avx512bf16", lanes: avx512.lanes, vectors: avx512.vectors, pixels: avx512.pixels, masks: true, pairs: true,
	regs: avx512.regs,
}

// amx is avx512bf16 with tiles for products.
var amx = isa{name: "amx", lanes: avx512.lanes, vectors: avx512.vectors, masks: true, pairs: true, tiles: true, regs: avx512.regs}

// bytes returns the size of a register.
func (v isa) bytes() int { return 4 * v.lanes }

// Predicates of VCMPPS that do not raise exceptions: Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2, CMPPS.
const (
	lessThan  = 0x11
	unordered = 0x03
)

// zero clears a vector.
func (g *gen) zero(x reg.VecPhysical) {
	if g.masks {
		g.VPXORD(x, x, x)
	} else {
		g.VXORPS(x, x, x)
	}
}

// setMasks sets K1 and K2 to the lanes of the first and the second register that are
// there, one bit each in lanes, which it shifts.
func (g *gen) setMasks(lanes reg.Register) {
	g.Comment("K1, K2: the channels of each register that are there")
	g.KMOVW(lanes, reg.K1)
	g.SHRL(operand.U8(16), lanes)
	g.KMOVW(lanes, reg.K2)
}

// maskRemaining sets the masks for the channels from at bytes up to end bytes.
func (g *gen) maskRemaining(at, end reg.Register) {
	if !g.masks {
		return
	}
	n, most, lanes := g.GP64(), g.GP64(), g.GP32()
	g.MOVQ(end, n)
	g.SUBQ(at, n)
	g.SHRQ(operand.U8(2), n)
	g.MOVQ(operand.U32(uint32(2*g.lanes)), most)
	g.CMPQ(n, most)
	g.CMOVQGT(most, n)
	g.MOVL(operand.U32(1<<32-1), lanes)
	g.BZHIL(n.As32(), lanes, lanes)
	g.setMasks(lanes)
}

// load sets x to the vector at m, of which mask says which lanes are read.
func (g *gen) load(m operand.Mem, mask reg.OpmaskPhysical, x reg.VecPhysical) {
	if g.masks {
		g.VMOVUPS_Z(m, mask, x)
	} else {
		g.VMOVUPS(m, x)
	}
}

// add adds the vector at m to x, in the lanes of mask.
func (g *gen) add(m operand.Mem, mask reg.OpmaskPhysical, x reg.VecPhysical) {
	if g.masks {
		g.VADDPS(m, x, mask, x)
	} else {
		g.VADDPS(m, x, x)
	}
}

// store stores the lanes of mask at m.
func (g *gen) store(x reg.VecPhysical, mask reg.OpmaskPhysical, m operand.Mem) {
	if g.masks {
		g.VMOVUPS(x, mask, m)
	} else {
		g.VMOVUPS(x, m)
	}
}

// A rowSet addresses vectors that lie a stride apart: every third one has a pointer
// of its own, and the two after it are reached by the index.
type rowSet struct {
	bases  []reg.GPVirtual
	stride reg.GPVirtual // in bytes
}

// rows makes the set of n rows from the first, whose pointer it takes over.
func (g *gen) rows(n int, first, stride reg.GPVirtual) rowSet {
	r := rowSet{bases: []reg.GPVirtual{first}, stride: stride}
	for i := 3; i < n; i += 3 {
		r.bases = append(r.bases, g.GP64())
	}
	g.spread(r)
	return r
}

// spread sets the pointers of the set from the first.
func (g *gen) spread(r rowSet) {
	for i := range r.bases[1:] {
		g.LEAQ(operand.Mem{Base: r.bases[i], Index: r.stride, Scale: 2}, r.bases[i+1])
		g.ADDQ(r.stride, r.bases[i+1])
	}
}

// advance moves all rows by n bytes.
func (g *gen) advance(r rowSet, n int) {
	for _, b := range r.bases {
		g.ADDQ(operand.I32(int32(n)), b)
	}
}

// at returns the operand disp bytes into row i.
func (r rowSet) at(i, disp int) operand.Mem {
	m := operand.Mem{Base: r.bases[i/3], Disp: disp}
	if i%3 > 0 {
		m.Index, m.Scale = r.stride, uint8(i%3)
	}
	return m
}
