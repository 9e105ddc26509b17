package recipe_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/tensor"
)

func ExampleRecipe_Apply() {
	var sd tensor.StateDict
	for _, name := range []string{"stages.0.conv_down.weight", "stages.1.conv_down.weight", "head.fc_norm.weight"} {
		if err := sd.Add(name, tensor.FromFloat32s(tensor.Shape{1}, []float32{1})); err != nil {
			log.Fatal(err)
		}
	}
	renamed, changes, err := recipe.Recipe{
		recipe.Drop("head.fc_norm.*"),
		recipe.Rename("stages.*.conv_down.**", "backbone.stages.*.downsample_conv.**"),
	}.Apply(&sd)
	if err != nil {
		log.Fatal(err)
	}
	for name := range renamed.All() {
		fmt.Println(name)
	}
	fmt.Println(changes[2].Rule)
	// Output:
	// backbone.stages.0.downsample_conv.weight
	// backbone.stages.1.downsample_conv.weight
	// drop head.fc_norm.*
}
