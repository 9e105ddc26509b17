//go:build linux && amd64 && !purego

// Command amxemu runs a Go program on a processor without AMX as if it had some: it
// carries out the program's tile instructions in its stead, and lets package
// internal/cpu find them. Everything else runs on the processor. It is a tool for tests:
//
//	go build -o amxemu ./internal/amxemu
//	go test -exec "$PWD/amxemu -need" ./internal/kernel ./internal/engine
//	go build -o zoo ./cmd/zoo
//	ZOO_CPU=amx ./amxemu -need ./zoo verify --precision all
//	ZOO_CPU=amx ./amxemu -refuse ./zoo env
//
// With -need the run fails where the program executed no tile instruction, so that a
// test cannot pass by leaving them out. A program that configures tiles a second time
// without having released them fails too. With -refuse it is not given the permission to use
// tiles, and fails where it uses some.
//
// The program is traced (ptrace), with all its threads. An instruction that the processor
// does not know stops its thread; if it is one of tiles, amxemu reads and writes what
// it names in the program's memory and registers, and goes on after it. On a processor that
// has AMX they stop it too, since the program is never given the permission. Three
// functions of package internal/cpu are changed in memory, so that CPUID, XGETBV and
// the request to Linux are answered as on Intel's Sapphire Rapids.
//
// What it cannot show: time, and what Linux does to tiles at signals and switches.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
)

func main() {
	need := flag.Bool("need", false, "fail where no tile instruction was executed")
	refuse := flag.Bool("refuse", false, "refuse the permission to use tiles")
	verbose := flag.Bool("v", false, "print how many tile instructions were executed")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: amxemu [-need] [-refuse] [-v] PROGRAM [ARGUMENT…]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	runtime.LockOSThread() // that traces a process is a thread
	t, err := start(flag.Args(), *refuse)
	status := 1
	if err == nil {
		status, err = t.run()
	}
	if err == nil && *need && t.executed == 0 {
		err = errors.New("no tile instruction was executed")
	}
	if *verbose && t != nil {
		fmt.Fprintf(os.Stderr, "amxemu: %d tile instructions\n", t.executed)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "amxemu: %s: %v\n", flag.Arg(0), err)
		if status == 0 {
			status = 1
		}
	}
	os.Exit(status)
}
