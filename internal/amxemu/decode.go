//go:build linux && amd64 && !purego

package main

import "encoding/binary"

// An operation is what a tile instruction does.
type operation uint8

const (
	ldtilecfg operation = iota + 1
	tilerelease
	tilezero
	tileload
	tilestore
	tdpbf16ps
)

// An instruction is a decoded tile instruction. Registers have their numbers in
// encodings; none is noRegister.
type instruction struct {
	op     operation
	length int
	tile   int // ModRM.reg
	a, b   int // of tdpbf16ps: ModRM.r/m, VEX.vvvv
	mem    address
}

// An address is base + index<<shift + disp. Of tile loads and stores index<<shift is
// the distance of rows and no part of the address.
type address struct {
	base, index int
	shift       uint
	disp        int64
	nextRIP     bool // disp counts from the next instruction
}

const noRegister = -1

// maxLength is how long an instruction may be.
const maxLength = 15

// decode returns the tile instruction that code begins with: Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2, 2.3 (VEX) and the pages of the
// instructions. Prefixes before VEX are not known.
func decode(code []byte) (in instruction, ok bool) {
	if len(code) < 5 || code[0] != 0xc4 {
		return in, false
	}
	p0, p1, opcode, modrm := code[1], code[2], code[3], code[4]
	const map0F38 = 2
	vvvv, prefix := int(^p1>>3&15), p1&3
	// W is 0 and so is L; R is 1 as it is inverted, for there are 8 tiles.
	if p0&31 != map0F38 || p1&0x84 != 0 || p0&0x80 == 0 {
		return in, false
	}
	in = instruction{length: 5, tile: int(modrm >> 3 & 7), a: int(modrm & 7), b: vvvv}
	register := modrm>>6 == 3
	const none, x66, xF3, xF2 = 0, 1, 2, 3
	switch {
	case opcode == 0x5c && prefix == xF3 && register && vvvv < 8 && p0&0x20 != 0:
		in.op = tdpbf16ps
		return in, true
	case vvvv != 0:
		return in, false
	case opcode == 0x49 && prefix == none && modrm == 0xc0:
		in.op = tilerelease
		return in, true
	case opcode == 0x49 && prefix == xF2 && register && modrm&7 == 0:
		in.op = tilezero
		return in, true
	case opcode == 0x49 && prefix == none && !register && modrm>>3&7 == 0:
		in.op = ldtilecfg
	case opcode == 0x4b && (prefix == xF2 || prefix == x66) && !register && modrm&7 == 4:
		in.op = tileload // x66: with the hint T1
	case opcode == 0x4b && prefix == xF3 && !register && modrm&7 == 4:
		in.op = tilestore
	default:
		return in, false
	}
	var size int
	in.mem, size, ok = decodeAddress(code[4:], p0)
	in.length += size
	return in, ok
}

// decodeAddress returns the address that ModRM begins, and how many bytes follow that.
func decodeAddress(code []byte, p0 byte) (m address, size int, ok bool) {
	inverted := func(bit byte) int { return int(^p0 >> bit & 1) }
	mod, rm := code[0]>>6, int(code[0]&7)
	m = address{base: rm | inverted(5)<<3, index: noRegister}
	rest := code[1:]
	if rm == 4 {
		if len(rest) < 1 {
			return m, 0, false
		}
		sib := rest[0]
		rest = rest[1:]
		m.shift = uint(sib >> 6)
		if i := int(sib>>3&7) | inverted(6)<<3; i != 4 {
			m.index = i
		}
		m.base = int(sib&7) | inverted(5)<<3
		if sib&7 == 5 && mod == 0 {
			m.base, mod = noRegister, 2
		}
	} else if rm == 5 && mod == 0 {
		m.base, m.nextRIP, mod = noRegister, true, 2
	}
	switch mod {
	case 1:
		if len(rest) < 1 {
			return m, 0, false
		}
		m.disp, rest = int64(int8(rest[0])), rest[1:]
	case 2:
		if len(rest) < 4 {
			return m, 0, false
		}
		m.disp, rest = int64(int32(binary.LittleEndian.Uint32(rest))), rest[4:]
	}
	return m, len(code) - 1 - len(rest), true
}
