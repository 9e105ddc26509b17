package registry_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/gozoo/zoo/registry"
)

func ExampleRegistry_Lookup() {
	data, err := os.ReadFile("../zoo.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := registry.Parse("zoo.toml", data)
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := r.Lookup("cspresnext50_3rdparty_8xb32_in1k")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Arch, e.Weights.Digest.Text(), e.Published.Top1)
	fmt.Println(e.Input)

	_, err = r.Lookup("cspresnext500")
	var unknown *registry.UnknownError
	fmt.Println(errors.As(err, &unknown), unknown.Near[0])
	// Output:
	// cspresnext50 sha256-prefix:2cc84d21 79.96
	// short edge 256 bicubic (pillow), centre crop 224, rgb, mean 123.675 116.28 103.53, std 58.395 57.12 57.375, EXIF orientation: apply
	// true cspresnext50_3rdparty_8xb32_in1k
}
