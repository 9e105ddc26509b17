package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/reg"
)

// The Go assembler knows no AVX512_BF16. Its instructions are written as bytes: Intel
// 64 and IA-32 Architectures Software Developer's Manual, volume 2, 2.7 (EVEX) and the
// pages of the instructions. Operands are registers only, which avo need not assign.

// An evex is an instruction of three vector registers with an EVEX prefix.
type evex struct {
	name       string
	prefix     uint8 // that the prefix stands for: noPrefix, prefix66, …
	opcodes    uint8 // map of opcodes: 2 is 0F 38
	opcode     uint8
	twoSources bool
}

const (
	noPrefix uint8 = iota
	prefix66
	prefixF3
	prefixF2
)

var (
	// dst[i] += a[2i+1]*b[2i+1], then dst[i] += a[2i]*b[2i], of bf16 in float32.
	vdpbf16ps = evex{"VDPBF16PS", prefixF3, 2, 0x52, true}
	// dst = b, then a in its upper half, rounded to bf16.
	vcvtne2ps2bf16 = evex{"VCVTNE2PS2BF16", prefixF2, 2, 0x72, true}
	// The lower half of dst = b rounded to bf16.
	vcvtneps2bf16 = evex{"VCVTNEPS2BF16", prefixF3, 2, 0x72, false}
)

// encode returns the bytes of the instruction on 512-bit registers by number: b is
// the operand that Go's order puts first. An instruction of one source has no a.
func (e evex) encode(b, a, dst uint8) []byte {
	bit := func(x, n uint8) uint8 { return x >> n & 1 }
	if !e.twoSources {
		a = 0
	}
	const vector512 = 2
	return []byte{
		0x62,
		(1^bit(dst, 3))<<7 | (1^bit(b, 4))<<6 | (1^bit(b, 3))<<5 | (1^bit(dst, 4))<<4 | e.opcodes,
		(0xf^a&0xf)<<3 | 1<<2 | e.prefix,
		vector512<<5 | (1^bit(a, 4))<<3,
		e.opcode,
		3<<6 | dst&7<<3 | b&7,
	}
}

// text returns the instruction as the Go assembler takes it: six bytes.
func (e evex) text(b, a, dst reg.VecPhysical) string {
	n := func(x reg.VecPhysical) uint8 { return uint8(x.PhysicalIndex()) }
	code := e.encode(n(b), n(a), n(dst))
	operands := []string{b.Asm(), a.Asm(), dst.Asm()}
	if !e.twoSources {
		operands = slices.Delete(operands, 1, 2)
	}
	return fmt.Sprintf("LONG $%#08x; WORD $%#04x // %s %s",
		binary.LittleEndian.Uint32(code), binary.LittleEndian.Uint16(code[4:]), e.name, strings.Join(operands, ", "))
}

// bf16 adds the instruction to the function.
func (g *gen) bf16(e evex, b, a, dst reg.VecPhysical) {
	g.Instruction(&ir.Instruction{Opcode: e.text(b, a, dst)})
}
