package golden_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/tensor"
)

func ExampleGolden_Judge() {
	goldens, err := golden.Embedded("cspresnet-nano_digits")
	if err != nil {
		log.Fatal(err)
	}
	g := goldens[0]
	g.Probes = nil // of the layers on the way; here the logits decide
	fmt.Println(g.Model, g.Shape, g.Framework)
	got := slices.Clone(g.Logits)
	verdict, err := g.Judge(tensor.Highest, golden.Run{Logits: got})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("equal logits pass:", verdict.Pass)
	got[3] += 0.01
	if verdict, err = g.Judge(tensor.Highest, golden.Run{Logits: got}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("one that is off passes:", verdict.Pass, "at", verdict.FirstBad.Path)
	// Output:
	// cspresnet-nano_digits (8,3,32,32) mmpretrain 1.2.0, torch 2.15.0
	// equal logits pass: true
	// one that is off passes: false at logits
}
