package catalogue_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/catalogue"
	"github.com/gozoo/zoo/registry"
)

// The rows of another zoo are a text like zoo.toml.
func Example() {
	r, err := registry.Parse("torchvision.toml", []byte(catalogue.Torchvision()))
	if err != nil {
		log.Fatal(err)
	}
	e, err := r.Lookup("torchvision/resnet50")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Name, e.Family, e.Arch, e.Published.Top1)
	// Output: torchvision/resnet50.IMAGENET1K_V2 resnet resnet50 80.858
}
