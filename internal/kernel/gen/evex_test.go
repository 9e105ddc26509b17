package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestEncodings compares with LLVM's assembler, which wrote testdata/bf16.encodings:
//
//	llvm-mc -triple=x86_64 -mattr=+avx512bf16 -show-encoding testdata/bf16.s | grep encoding
func TestEncodings(t *testing.T) {
	f, err := os.Open("testdata/bf16.encodings")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := make(map[string]evex)
	for _, e := range []evex{vdpbf16ps, vcvtne2ps2bf16, vcvtneps2bf16} {
		known[strings.ToLower(e.name)] = e
	}
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		text, list, ok := strings.Cut(s.Text(), "# encoding: ")
		name, operands, _ := strings.Cut(strings.TrimSpace(text), "\t")
		e, found := known[name]
		if !ok || !found {
			t.Fatalf("%q: not an instruction with its encoding", s.Text())
		}
		var regs []uint8
		for _, op := range strings.Split(operands, ", ") {
			n, err := strconv.ParseUint(strings.TrimLeft(op, "%yzm"), 10, 5)
			if err != nil {
				t.Fatal(err)
			}
			regs = append(regs, uint8(n))
		}
		var want []byte
		for _, x := range strings.Split(strings.Trim(list, "[]"), ",") {
			n, err := strconv.ParseUint(x, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, uint8(n))
		}
		// In this order as in Go's: the destination is last.
		if got := e.encode(regs[0], regs[1], regs[len(regs)-1]); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", strings.TrimSpace(text), got, want)
		}
	}
	if lines < 10 {
		t.Errorf("only %d encodings", lines)
	}
}
