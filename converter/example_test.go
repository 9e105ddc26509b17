package converter_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

// A fine-tuned checkpoint of torch.save becomes safetensors of half the size, with its
// class names and where it came from.
func Example() {
	c, err := converter.Open(filepath.Join("testdata", "zip-tuned.pth"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Container, c.Classes)
	for _, n := range c.NonTensors {
		fmt.Println("not run:", n.Path, n.Type)
	}
	sd, err := c.StateDict()
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, x := range sd.All() {
		fmt.Println(name, x.DType(), x.Shape())
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	err = converter.Write(context.Background(), filepath.Join(dir, "tuned.safetensors"), sd, converter.Output{
		DType:      tensor.F16,
		Provenance: converter.Provenance{Source: c.Name, Container: c.Container, Classes: c.Classes},
		Digest:     c.Digest,
	})
	fmt.Println(err)
	// Output:
	// zip [cat dog]
	// not run: meta/CLASSES tuple
	// not run: meta/dataset_meta/classes tuple
	// w F32 (2,2)
	// n I64 ()
	// <nil>
}
