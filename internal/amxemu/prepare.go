//go:build linux && amd64 && !purego

package main

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"strings"
	"syscall"

	"github.com/gozoo/zoo/internal/cpu"
)

// code is the text of a program.
type code struct {
	start uint64
	text  []byte
}

// at returns the bytes at an address, at most one instruction's; none outside.
func (c code) at(address uint64) []byte {
	if address < c.start || address-c.start >= uint64(len(c.text)) {
		return nil
	}
	from := c.text[address-c.start:]
	return from[:min(maxLength, len(from))]
}

// A patch is an instruction that answer stands in for.
type patch struct {
	length int
	answer func(t *tracer, r *syscall.PtraceRegs)
}

// asked is a function of package cpu, with an instruction of it and its stand-in.
var asked = []struct {
	function    string
	instruction []byte
	answer      func(t *tracer, r *syscall.PtraceRegs)
}{
	{"CPUID", []byte{0x0f, 0xa2}, answerCPUID},
	{"XGETBV", []byte{0x0f, 0x01, 0xd0}, answerXGETBV},
	{"archPrctl", []byte{0x0f, 0x05}, answerPermission},
}

// prepare reads the text of a program and puts instructions that stop a thread in the
// place of those of package cpu, where it has them, and of those of package kernel that
// configure tiles and release them: a processor that has AMX carries these out for any
// process, and stops one without the permission at the others only.
func (t *tracer) prepare(file string) (code, map[uint64]patch, error) {
	f, err := elf.Open(file)
	if err != nil {
		return code{}, nil, err
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC {
		return code{}, nil, fmt.Errorf("%v: expected a program at a fixed address: build it without -buildmode=pie", f.Type)
	}
	text, lines := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || lines == nil {
		return code{}, nil, fmt.Errorf("not a program of Go")
	}
	c := code{start: text.Addr}
	if c.text, err = text.Data(); err != nil {
		return code{}, nil, err
	}
	table, err := lines.Data()
	if err != nil {
		return code{}, nil, err
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(table, text.Addr))
	if err != nil {
		return code{}, nil, err
	}
	stop := func(address uint64) error {
		undefined := []byte{0x0f, 0x0b} // UD2
		if _, err := syscall.PtracePokeText(t.pid, uintptr(address), undefined); err != nil {
			return fmt.Errorf("ptrace: change the text at %#x: %w", address, err)
		}
		return nil
	}
	patches := make(map[uint64]patch)
	for _, fn := range symbols.Funcs {
		pkg, name, _ := strings.Cut(strings.TrimPrefix(fn.Name, "github.com/gozoo/zoo/internal/"), ".")
		body := c.text[fn.Entry-c.start : fn.End-c.start]
		switch pkg {
		case "cpu":
			for _, a := range asked {
				at := bytes.Index(body, a.instruction)
				if strings.TrimSuffix(name, ".abi0") != a.function || at < 0 {
					continue // at < 0: the part that turns calling conventions
				}
				address := fn.Entry + uint64(at)
				if err := stop(address); err != nil {
					return code{}, nil, err
				}
				patches[address] = patch{len(a.instruction), a.answer}
			}
		case "kernel":
			for at := range body {
				if in, ok := decode(body[at:]); ok && (in.op == ldtilecfg || in.op == tilerelease) {
					if err := stop(fn.Entry + uint64(at)); err != nil {
						return code{}, nil, err
					}
				}
			}
		}
	}
	return c, patches, nil
}

// answerCPUID answers as the processor, with AMX_TILE, AMX_BF16 and palette 1.
func answerCPUID(_ *tracer, r *syscall.PtraceRegs) {
	leaf, subleaf := uint32(r.Rax), uint32(r.Rcx)
	a, b, c, d := cpu.CPUID(leaf, subleaf)
	const tileLeaf = 0x1d
	switch {
	case leaf == 0:
		a = max(a, tileLeaf)
	case leaf == 7 && subleaf == 0:
		a, d = max(a, 1), d|1<<22|1<<24
	case leaf == tileLeaf:
		a, b, c, d = 0, 0, 0, 0
		switch subleaf {
		case 0:
			a = 1 // the last palette
		case 1:
			a, b, c = tileRows*rowBytes<<16|tileCount*tileRows*rowBytes, tileCount<<16|rowBytes, tileRows
		}
	}
	r.Rax, r.Rbx, r.Rcx, r.Rdx = uint64(a), uint64(b), uint64(c), uint64(d)
}

// answerXGETBV answers that Linux saves tiles and their configuration too.
func answerXGETBV(_ *tracer, r *syscall.PtraceRegs) {
	a, d := cpu.XGETBV()
	r.Rax, r.Rdx = uint64(a|1<<17|1<<18), uint64(d)
}

// answerPermission gives the permission to use tiles, or not, and refuses all else.
func answerPermission(t *tracer, r *syscall.PtraceRegs) {
	const archPrctl, requestPermission, tileData = 158, 0x1023, 18
	if !t.refuse && r.Rax == archPrctl && r.Rdi == requestPermission && r.Rsi == tileData {
		r.Rax = 0
	} else {
		r.Rax = ^uint64(syscall.EINVAL) + 1
	}
}
