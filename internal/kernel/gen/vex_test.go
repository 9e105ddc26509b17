package main

import (
	"bytes"
	"regexp"
	"strconv"
	"testing"

	"github.com/mmcloughlin/avo/reg"
)

// TestTileEncodings compares with LLVM's assembler, which wrote testdata/amx.encodings:
//
//	llvm-mc -triple=x86_64 -mattr=+amx-tile,+amx-bf16 -show-encoding testdata/amx.s | grep encoding
//
// Forms that the generator does not write are there for the emulator, internal/amxemu.
func TestTileEncodings(t *testing.T) {
	registers := map[string]reg.Register{
		"rax": reg.RAX, "rbx": reg.RBX, "rcx": reg.RCX, "rdx": reg.RDX, "rsi": reg.RSI, "rdi": reg.RDI, "rbp": reg.RBP, "rsp": reg.RSP,
		"r8": reg.R8, "r9": reg.R9, "r10": reg.R10, "r11": reg.R11, "r12": reg.R12, "r13": reg.R13, "r14": reg.R14, "r15": reg.R15,
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil && s != "" {
			t.Fatal(err)
		}
		return n
	}
	instruction := regexp.MustCompile(`^(\w+)\s*(?:%tmm(\d), )?(?:%tmm(\d), )?(?:(-?\d*)\(%(\w+)(?:,%(\w+))?\))?(?:, )?(?:%tmm(\d))?$`)
	tested := make(map[string]int)
	for text, want := range encodings(t, "testdata/amx.encodings") {
		f := instruction.FindStringSubmatch(text)
		if f == nil {
			continue // a form that is not written: scaled, or without a base
		}
		m := tileMem{base: registers[f[5]], stride: registers[f[6]], disp: number(f[4])}
		var got []byte
		switch f[1] {
		case "ldtilecfg":
			got = ldtilecfg.encodeMemory(0, m)
		case "tilerelease":
			got = append(tilerelease.head(0, 0, 0), 0xc0)
		case "tileloadd":
			if m.stride == nil {
				continue
			}
			got = tileloadd.encodeMemory(uint8(number(f[7])), m)
		case "tilestored":
			got = tilestored.encodeMemory(uint8(number(f[2])), m)
		case "tdpbf16ps":
			got = tdpbf16ps.encodeRegisters(uint8(number(f[7])), uint8(number(f[3])), uint8(number(f[2])))
		default:
			continue
		}
		tested[f[1]]++
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", text, got, want)
		}
	}
	for _, name := range []string{"ldtilecfg", "tilerelease", "tileloadd", "tilestored", "tdpbf16ps"} {
		if least := map[string]int{"tilerelease": 1, "tileloadd": 11}[name]; tested[name] < max(least, 1) {
			t.Errorf("%s: only %d encodings", name, tested[name])
		}
	}
}
