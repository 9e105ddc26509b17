//go:build linux && amd64 && !purego

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var registerNames = []string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// String returns m as LLVM's assembler spells it.
func (m address) String() string {
	name := func(n int) string {
		if n == noRegister {
			return ""
		}
		return "%" + registerNames[n]
	}
	s := "(" + name(m.base)
	if m.disp != 0 {
		s = fmt.Sprint(m.disp) + s
	}
	if m.index != noRegister {
		s += "," + name(m.index)
		if m.shift > 0 {
			s += fmt.Sprint(",", 1<<m.shift)
		}
	}
	return s + ")"
}

// String returns in as LLVM's assembler spells it, without hints.
func (in instruction) String() string {
	switch in.op {
	case ldtilecfg:
		return "ldtilecfg " + in.mem.String()
	case tilerelease:
		return "tilerelease"
	case tilezero:
		return fmt.Sprintf("tilezero %%tmm%d", in.tile)
	case tileload:
		return fmt.Sprintf("tileloadd %v, %%tmm%d", in.mem, in.tile)
	case tilestore:
		return fmt.Sprintf("tilestored %%tmm%d, %v", in.tile, in.mem)
	case tdpbf16ps:
		return fmt.Sprintf("tdpbf16ps %%tmm%d, %%tmm%d, %%tmm%d", in.b, in.a, in.tile)
	}
	return "none"
}

// encodings returns the instructions that LLVM's assembler encoded for the generator of
// kernels.
func encodings(t testing.TB) map[string][]byte {
	t.Helper()
	data, err := os.ReadFile("../kernel/gen/testdata/amx.encodings")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string][]byte)
	for line := range strings.Lines(string(data)) {
		text, list, ok := strings.Cut(line, "# encoding: ")
		if !ok {
			t.Fatalf("%q: no encoding", line)
		}
		var code []byte
		for x := range strings.SplitSeq(strings.Trim(list, "[]\n"), ",") {
			n, err := strconv.ParseUint(x, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, byte(n))
		}
		known[strings.Join(strings.Fields(strings.ReplaceAll(text, "tileloaddt1", "tileloadd")), " ")] = code
	}
	return known
}

func TestDecode(t *testing.T) {
	known := encodings(t)
	if len(known) < 30 {
		t.Errorf("only %d encodings", len(known))
	}
	for want, code := range known {
		following := append(append([]byte(nil), code...), 0x90, 0x90)
		in, ok := decode(following)
		if !ok || in.String() != want || in.length != len(code) {
			t.Errorf("%x: %v of %d bytes (%v), want %s of %d", code, in, in.length, ok, want, len(code))
		}
		for n := range code {
			if in, ok := decode(code[:n]); ok {
				t.Errorf("%x, %d bytes of %s, are %v", code[:n], n, want, in)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for what, code := range map[string][]byte{
		"nothing":                   {},
		"ud2":                       {0x0f, 0x0b, 0, 0, 0, 0},
		"tdpbssd":                   {0xc4, 0xe2, 0x4b, 0x5e, 0xc4},
		"sttilecfg":                 {0xc4, 0xe2, 0x79, 0x49, 0x00},
		"W":                         {0xc4, 0xe2, 0xca, 0x5c, 0xc4},
		"L":                         {0xc4, 0xe2, 0x4e, 0x5c, 0xc4},
		"tile 8 as a destination":   {0xc4, 0x62, 0x4a, 0x5c, 0xc4},
		"tile 8 as a first source":  {0xc4, 0xc2, 0x4a, 0x5c, 0xc4},
		"tile 8 as a second source": {0xc4, 0xe2, 0x3a, 0x5c, 0xc4},
		"a load without SIB":        {0xc4, 0xe2, 0x7b, 0x4b, 0x07, 0x00},
		"vpaddd":                    {0xc5, 0xf9, 0xfe, 0xc0, 0x00},
	} {
		if in, ok := decode(code); ok {
			t.Errorf("%s: %x is %v", what, code, in)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, code := range encodings(f) {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		in, ok := decode(code)
		if ok && (in.length < 5 || in.length > min(len(code), maxLength) || in.op == 0) {
			t.Errorf("%x: %v of %d bytes", code, in, in.length)
		}
	})
}
