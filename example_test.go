package zoo_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/vision"
)

// digits returns the embedded test images.
func digits(t testing.TB) fs.FS {
	t.Helper()
	z, err := openDigits()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func openDigits() (fs.FS, error) {
	data, err := fs.ReadFile(golden.Nano(), "digits-val.zip")
	if err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(data), int64(len(data)))
}

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
	g, err := z.Graph(entry.Name)
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
func ExampleModel_Predict() {
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
	images, err := openDigits()
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
func ExampleModel_Evaluate() {
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
	e, err := m.Evaluate(ctx, zoo.EvalOptions{}) // on the images embedded for digits
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Top-1 %d, Top-5 %d of %d images\n", e.Accuracy.Top1, e.Accuracy.Top5, e.Accuracy.N)
	// Output:
	// Top-1 355, Top-5 359 of 360 images
}
