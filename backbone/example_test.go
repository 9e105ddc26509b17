package backbone_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/nn"
)

// A RepVGG has more parameters while it is trained than when its branches are fused.
func ExampleFind() {
	family, err := backbone.Find("repvgg-A0")
	if err != nil {
		log.Fatal(err)
	}
	for _, form := range []nn.Form{nn.AsTrained, nn.Deploy} {
		g, err := family.Build("repvgg-A0", form, 1000)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d parameters in %d operators\n", g.NumParams(), len(g.Nodes))
	}
	// Output:
	// 9108968 parameters in 169 operators
	// 8309384 parameters in 47 operators
}
