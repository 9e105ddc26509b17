package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

func ExampleParse() {
	var sd tensor.StateDict
	if err := sd.Add("head.fc.bias", tensor.FromFloat32s(tensor.Shape{3}, []float32{0.5, 0, -1})); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, &sd, map[string]string{"source": "an example"}); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.Parse("bias.safetensors", file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	bias, _ := f.StateDict().Lookup("head.fc.bias")
	values, err := bias.Float32s()
	fmt.Println(bias.DType(), bias.Shape(), values, err, f.Metadata()["source"])
	// Output:
	// F32 (3) [0.5 0 -1] <nil> an example
}
