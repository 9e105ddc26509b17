package nn_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A network is described by what its modules are called and do. Weights come later.
func ExampleBuilder() {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stem").ConvNormAct(b.Input(), 16, nn.K(3), nn.Stride(2)) // (N,16,H/2,W/2)
	x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x)))            // (N,16)
	g, err := b.Graph(b.At("head").Linear(x, 10))                       // (N,10)
	if err != nil {
		log.Fatal(err)
	}
	shapes, err := g.Shapes(tensor.Shape{8, 3, 32, 32})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.NumParams(), "parameters, logits", shapes[g.Logits])
	for _, p := range g.Params[:3] {
		fmt.Println(p.Name, p.Shape)
	}
	// Output:
	// 634 parameters, logits (8,10)
	// stem.conv.weight (16,3,3,3)
	// stem.bn.weight (16)
	// stem.bn.bias (16)
}
