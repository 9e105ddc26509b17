package main

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/reg"
)

// The Go assembler knows no AMX either. Its instructions are written as bytes: Intel 64
// and IA-32 Architectures Software Developer's Manual, volume 2, 2.3 (VEX) and the pages
// of the instructions. Registers are physical ones: avo does not see that they are used.

// A tileOp is an instruction of tiles with a VEX prefix, opcode map 0F 38.
type tileOp struct {
	name   string
	prefix uint8
	opcode uint8
}

var (
	ldtilecfg   = tileOp{"LDTILECFG", noPrefix, 0x49}
	tilerelease = tileOp{"TILERELEASE", noPrefix, 0x49}
	tileloadd   = tileOp{"TILELOADD", prefixF2, 0x4b}  // tile = rows in memory
	tilestored  = tileOp{"TILESTORED", prefixF3, 0x4b} // rows in memory = tile
	tdpbf16ps   = tileOp{"TDPBF16PS", prefixF3, 0x5c}  // tile += tile * tile
)

// tileMem is where the rows of a tile lie: from disp(base) on, each stride after the one
// before. Without a stride it is one place.
type tileMem struct {
	base, stride reg.Register
	disp         int
}

// head returns the prefix and the opcode; x and b are the upper bits of the numbers of
// index and base, v is a third register.
func (o tileOp) head(x, b, v uint8) []byte {
	const map0F38 = 2
	return []byte{0xc4, 1<<7 | (1^x)<<6 | (1^b)<<5 | map0F38, (0xf^v)<<3 | o.prefix, o.opcode}
}

// encodeRegisters returns the bytes of an instruction on three tiles.
func (o tileOp) encodeRegisters(dst, a, b uint8) []byte {
	return append(o.head(0, 0, b), 3<<6|dst<<3|a)
}

// encodeMemory returns the bytes of an instruction on a tile, or none, and memory.
func (o tileOp) encodeMemory(tile uint8, m tileMem) []byte {
	number := func(r reg.Register) uint8 { return uint8(r.(reg.Physical).PhysicalIndex()) }
	base := number(m.base)
	x, rm, sib := uint8(0), base&7, []byte(nil)
	if m.stride != nil {
		index := number(m.stride)
		if index == 4 {
			panic("gen: RSP is no index")
		}
		x, rm, sib = index>>3, 4, []byte{index&7<<3 | base&7}
	} else if rm == 4 {
		panic("gen: RSP and R12 need an index")
	}
	code := o.head(x, base>>3, 0)
	modrm := func(mod uint8) { code = append(append(code, mod<<6|tile<<3|rm), sib...) }
	switch {
	case m.disp == 0 && base&7 != 5: // RBP and R13 have no form without one
		modrm(0)
	case m.disp == int(int8(m.disp)):
		modrm(1)
		code = append(code, uint8(m.disp))
	default:
		modrm(2)
		code = binary.LittleEndian.AppendUint32(code, uint32(m.disp))
	}
	return code
}

// encoded adds an instruction that the assembler does not know to the function.
func (g *gen) encoded(code []byte, text string) {
	var b strings.Builder
	for len(code) >= 4 {
		fmt.Fprintf(&b, "LONG $%#08x; ", binary.LittleEndian.Uint32(code))
		code = code[4:]
	}
	for _, x := range code {
		fmt.Fprintf(&b, "BYTE $%#02x; ", x)
	}
	g.Instruction(&ir.Instruction{Opcode: strings.TrimSuffix(b.String(), "; ") + " // " + text})
}

// String returns m as the Go assembler would spell it.
func (m tileMem) String() string {
	disp, stride := "", ""
	if m.disp != 0 {
		disp = fmt.Sprint(m.disp)
	}
	if m.stride != nil {
		stride = "(" + m.stride.Asm() + "*1)"
	}
	return disp + "(" + m.base.Asm() + ")" + stride
}

func (g *gen) configure(at reg.Register) {
	m := tileMem{base: at}
	g.encoded(ldtilecfg.encodeMemory(0, m), fmt.Sprintf("%s %v", ldtilecfg.name, m))
}

func (g *gen) release() { g.encoded(append(tilerelease.head(0, 0, 0), 0xc0), tilerelease.name) }

func (g *gen) loadTile(m tileMem, tile uint8) {
	g.encoded(tileloadd.encodeMemory(tile, m), fmt.Sprintf("%s %v, TMM%d", tileloadd.name, m, tile))
}

func (g *gen) storeTile(tile uint8, m tileMem) {
	g.encoded(tilestored.encodeMemory(tile, m), fmt.Sprintf("%s TMM%d, %v", tilestored.name, tile, m))
}

func (g *gen) multiplyTiles(a, b, sum uint8) {
	g.encoded(tdpbf16ps.encodeRegisters(sum, a, b), fmt.Sprintf("%s TMM%d, TMM%d, TMM%d", tdpbf16ps.name, b, a, sum))
}
