package pth_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/converter/pth"
)

// What is no tensor is listed, and not run.
func ExampleOpen() {
	f, err := pth.Open("../testdata/zip-tuned.pth")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	sd, err := f.StateDict()
	if err != nil {
		log.Fatal(err)
	}
	for name, x := range sd.All() {
		fmt.Println(name, x.DType(), x.Shape())
	}
	for _, other := range f.NonTensors() {
		fmt.Println("not run:", other.Path, other.Type)
	}
	// Output:
	// w F32 (2,2)
	// n I64 ()
	// not run: meta/CLASSES tuple
	// not run: meta/dataset_meta/classes tuple
}
