package zoo_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/vision"
)

// temporary returns a Zoo with an empty cache, and what removes it.
func temporary() (z *zoo.Zoo, remove func(), err error) {
	dir, err := os.MkdirTemp("", "zoo-example-*")
	if err != nil {
		return nil, nil, err
	}
	z, err = zoo.New(zoo.Config{CacheDir: dir, Offline: true})
	return z, func() { os.RemoveAll(dir) }, err
}

// Look a model up: its figures and where they come from.
func ExampleZoo_Registry() {
	z, remove, err := temporary()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
	entry, err := z.Registry().Lookup("cspresnet50_3rdparty_8xb32_in1k")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(entry.Published.Top1, entry.Published.Source)
	g, err := z.Graph(entry.Name, nn.AsTrained)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.NumParams(), "parameters")
	// Output:
	// 79.55 mmpretrain 1.2.0, configs/cspnet/metafile.yml
	// 21616168 parameters
}

// Convert a published PyTorch pickle to safetensors without running it.
func ExampleZoo_Convert() {
	z, remove, err := temporary()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
	c, err := z.Convert(context.Background(), "cspdarknet-nano_digits", zoo.ConvertOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Source, c.Container, c.Tensors, "tensors")
	// Output:
	// cspdarknet-nano_digits-65dda03c.pth legacy 128 tensors
}

// Open a model by its name and name what is in an image.
func ExampleZoo_Open() {
	z, remove, err := temporary()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
	ctx := context.Background()
	m, err := z.Open(ctx, "cspresnet-nano_digits") // or zoo.Open, with the user's own cache
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	images, err := nano.Digits()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := fs.ReadFile(images, "val/00003.png")
	if err != nil {
		fmt.Println(err)
		return
	}
	img, err := vision.Decode(data, m.DecodeOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := m.Predict(ctx, img)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("class %d, name %q, score %.3f\n", r.Class, r.Name, r.Score)
	// Output:
	// class 5, name "5", score 0.999
}

// Measure a model on labelled images.
func ExampleZoo_Images() {
	z, remove, err := temporary()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remove()
	ctx := context.Background()
	m, err := z.Open(ctx, "cspresnet-nano_digits")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	images, err := z.Images(m.Name()) // those embedded for digits; evaluate.OpenData opens others
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := evaluate.Run(ctx, m, images, evaluate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Top-1 %d, Top-5 %d of %d images\n", e.Accuracy.Top1, e.Accuracy.Top5, e.Accuracy.N)
	// Output:
	// Top-1 355, Top-5 359 of 360 images
}
