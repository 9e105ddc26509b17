package main

import (
	"bytes"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestEncodings compares with LLVM's assembler, which wrote testdata/bf16.encodings:
//
//	llvm-mc -triple=x86_64 -mattr=+avx512bf16 -show-encoding testdata/bf16.s | grep encoding
func TestEncodings(t *testing.T) {
	known := make(map[string]evex)
	for _, e := range []evex{vdpbf16ps, vcvtne2ps2bf16, vcvtneps2bf16} {
		known[strings.ToLower(e.name)] = e
	}
	lines := 0
	for text, want := range encodings(t, "testdata/bf16.encodings") {
		lines++
		name, operands, _ := strings.Cut(text, "\t")
		e, found := known[name]
		if !found {
			t.Fatalf("%q: not an instruction that is written", text)
		}
		var regs []uint8
		for _, op := range strings.Split(operands, ", ") {
			n, err := strconv.ParseUint(strings.TrimLeft(op, "%yzm"), 10, 5)
			if err != nil {
				t.Fatal(err)
			}
			regs = append(regs, uint8(n))
		}
		// In this order as in Go's: the destination is last.
		if got := e.encode(regs[0], regs[1], regs[len(regs)-1]); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", text, got, want)
		}
	}
	if lines < 10 {
		t.Errorf("only %d encodings", lines)
	}
}

// encodings yields the instructions of a file as LLVM's assembler wrote it, with their
// bytes.
func encodings(t *testing.T, file string) iter.Seq2[string, []byte] {
	f, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string, []byte) bool) {
		for line := range strings.Lines(string(f)) {
			text, list, ok := strings.Cut(line, "# encoding: ")
			if !ok {
				t.Fatalf("%q: not an instruction with its encoding", line)
			}
			var code []byte
			for x := range strings.SplitSeq(strings.Trim(list, "[]\n"), ",") {
				n, err := strconv.ParseUint(x, 0, 8)
				if err != nil {
					t.Fatal(err)
				}
				code = append(code, uint8(n))
			}
			if !yield(strings.TrimSpace(text), code) {
				return
			}
		}
	}
}
