// Command gen writes the assembly of package kernel. It is a module of its own so
// that what it needs is no dependency of the program.
//
//	cd vision/internal/kernel/gen && go generate
package main

import (
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

//go:generate go run . ..

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen DIRECTORY")
		os.Exit(2)
	}
	g := &gen{Context: build.NewContext()}
	g.ConstraintExpr("!purego")
	g.inverse()
	g.widen()
	g.widenBlend()
	g.yCbCr()
	g.interleave()
	g.columns()
	g.rows()
	if err := g.write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "gen: %v\n", err)
		os.Exit(1)
	}
}

// gen builds the functions of one file.
type gen struct {
	*build.Context
	shared map[string]operand.Mem // constants, by what they hold
}

// write compiles what was built and writes avx2_amd64.s and its declarations.
func (g *gen) write(dir string) error {
	f, err := g.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return err
	}
	cfg := printer.Config{Name: "gen", Argv: []string{"go", "generate"}, Pkg: "kernel"}
	for name, p := range map[string]printer.Printer{
		"avx2_amd64.s":        printer.NewGoAsm(cfg),
		"avx2_stubs_amd64.go": printer.NewStubs(cfg),
	} {
		text, err := p.Print(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(dir+"/"+name, text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// text starts a function that neither splits the stack nor keeps its arguments.
func (g *gen) text(name, signature string, doc ...string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr(signature)
	g.Doc(doc...)
	g.Pragma("noescape")
}

// param loads a pointer or a number that the function was given.
func (g *gen) param(name string) reg.GPVirtual {
	return g.Load(g.Param(name), g.GP64()).(reg.GPVirtual)
}

// words returns the address of 16 words of 16 bits, those given repeated.
func (g *gen) words(w ...int16) operand.Mem {
	return g.constant(fmt.Sprintf("words_%v", w), func() {
		for i := range 16 {
			g.AddDatum(2*i, operand.U16(uint16(w[i%len(w)])))
		}
	})
}

// longs returns the address of 8 words of 32 bits, those given repeated.
func (g *gen) longs(w ...int32) operand.Mem {
	return g.constant(fmt.Sprintf("longs_%v", w), func() {
		for i := range 8 {
			g.AddDatum(4*i, operand.U32(uint32(w[i%len(w)])))
		}
	})
}

// bytes returns the address of 32 bytes, those given repeated; -1 is 0x80, by which a
// shuffle gives zero.
func (g *gen) bytes(b ...int) operand.Mem {
	return g.constant(fmt.Sprintf("bytes_%v", b), func() {
		for i := range 32 {
			v := b[i%len(b)]
			if v < 0 {
				v = 0x80
			}
			g.AddDatum(i, operand.U8(uint8(v)))
		}
	})
}

// constant returns the address of 32 bytes of data, made once for all that are alike.
func (g *gen) constant(key string, fill func()) operand.Mem {
	if m, ok := g.shared[key]; ok {
		return m
	}
	m := g.StaticGlobal(fmt.Sprintf("data%d", len(g.shared)))
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	fill()
	if g.shared == nil {
		g.shared = map[string]operand.Mem{}
	}
	g.shared[key] = m
	return m
}

// at returns the operand disp bytes behind a pointer.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }
