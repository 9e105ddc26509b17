package metrics_test

import (
	"fmt"
	"log"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// The same network has several published FLOPs: each convention counts other operators.
func ExampleCount() {
	family, err := backbone.ByName("cspnet")
	if err != nil {
		log.Fatal(err)
	}
	g, err := family.Graph("cspresnet50", 1000)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range []metrics.Convention{metrics.MMCVLegacy, metrics.FVCore} {
		cost, err := metrics.Count(g, tensor.Shape{1, 3, 224, 224}, c)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(cost.Params, "parameters,", cost.FLOPs, "FLOPs by", c)
	}
	// Output:
	// 21616168 parameters, 3483493888 FLOPs by mmcv-legacy
	// 21616168 parameters, 3476414464 FLOPs by fvcore
}
