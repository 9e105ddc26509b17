// Names prints the networks of other projects that recipes are for, a line each: the project, its
// name of the network, and the family and architecture here. With -alike it prints those, too, that only have the
// same tensors as one that no recipe is for.
//
//	go run ./golden/gen/names > NAMES
package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"

	"github.com/gozoo/zoo/backbone"
)

func main() {
	alike := flag.Bool("alike", false, "print networks that only look alike where no network is the same")
	flag.Parse()
	for _, f := range backbone.All() {
		for _, arch := range slices.Sorted(maps.Keys(f.Sources)) {
			for _, project := range slices.Sorted(maps.Keys(f.Sources[arch])) {
				s := f.Sources[arch][project]
				networks := s.Networks
				if *alike && len(networks) == 0 {
					networks = s.Alike
				}
				for _, network := range networks {
					fmt.Println(project, network, f.Name, arch)
				}
			}
		}
	}
}
