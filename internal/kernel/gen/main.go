// Command gen writes the assembly of package kernel. It is a module of its own so
// that what it needs is no dependency of the program.
//
//	cd internal/kernel/gen && go generate
package main

import (
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

//go:generate go run . ..

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen DIRECTORY")
		os.Exit(2)
	}
	for _, v := range []isa{avx2, avx512, avx512bf16, amx} {
		g := &gen{Context: build.NewContext(), isa: v}
		g.ConstraintExpr("!purego")
		switch {
		case v.tiles:
			g.tileFunctions()
			g.direct()
			g.thirds()
			g.planes()
			g.rounding(true)
		case v.pairs:
			g.panels()
			g.rounding(false)
		default:
			g.panels()
			g.depthwise()
			g.slides()
			g.grouped()
			g.pooling()
			g.winograd()
			g.curves()
			g.layerNorm()
			g.moments()
			g.softmax()
			if err := v.writeCalls(os.Args[1]); err != nil {
				fmt.Fprintf(os.Stderr, "gen: %s: %v\n", v.name, err)
				os.Exit(1)
			}
		}
		if err := g.write(os.Args[1]); err != nil {
			fmt.Fprintf(os.Stderr, "gen: %s: %v\n", v.name, err)
			os.Exit(1)
		}
	}
}

// gen builds the functions of one file.
type gen struct {
	*build.Context
	isa
}

// write compiles what was built and writes NAME_amd64.s and its declarations.
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
		g.name + "_amd64.s":        printer.NewGoAsm(cfg),
		g.name + "_stubs_amd64.go": printer.NewStubs(cfg),
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
