package tensor_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/tensor"
)

// A tensor is a view of the bytes that somebody else owns.
func ExampleNew() {
	data := []byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00} // three halves, as a file holds them
	x, err := tensor.New(tensor.F16, tensor.Shape{3}, data)
	if err != nil {
		log.Fatal(err)
	}
	values, err := x.Float32s()
	fmt.Println(x.DType(), x.Shape(), values, err)
	if _, err := tensor.New(tensor.F16, tensor.Shape{4}, data); err != nil {
		fmt.Println(err)
	}
	// Output:
	// F16 (3) [1 -2 5.9604645e-08] <nil>
	// tensor: F16 (4) needs 8 bytes, got 6
}
