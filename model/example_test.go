package model_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"io/fs"
	"log"
	"time"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// open opens an embedded network. A program has its own file, or its own bytes and
// model.Parse.
func open() *model.Model {
	m, err := model.OpenFS(golden.Nano(), "cspresnet-nano_digits-30dbf170.pth", model.Options{
		Arch: "cspresnet-nano",
		Pipeline: vision.Pipeline{
			Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 32, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
			Crop:   32, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
		},
		Classes: []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"},
	})
	if err != nil {
		log.Fatal(err)
	}
	return m
}

func ExampleModel_Predict() {
	m := open()
	defer m.Close()
	img, err := png.Decode(bytes.NewReader(five()))
	if err != nil {
		log.Fatal(err)
	}
	r, err := m.Predict(context.Background(), img)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("class %d, %s, score %.3f\n", r.Class, r.Name, r.Score)
	// Output:
	// class 5, five, score 0.999
}

// Several images are computed together, from files as they come.
func ExampleModel_Top() {
	m := open()
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	top, err := m.Top(ctx, 2, model.Encoded(bytes.NewReader(five())), model.Encoded(bytes.NewReader(five())))
	if err != nil {
		log.Fatal(err)
	}
	for _, classes := range top {
		fmt.Println(classes[0].Name, "rather than", classes[1].Name)
	}
	// Output:
	// five rather than nine
	// five rather than nine
}

// An own network with own weights takes tensors, and gives the values of its layers.
func ExampleNew() {
	b := nn.NewBuilder(1, 1e-5, nn.ReLU())
	x := b.At("relu").Act(b.Input()) // (N,1,H,W)

	x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x))) // (N,1)
	g, err := b.Graph(b.At("head").Linear(x, 1))
	if err != nil {
		log.Fatal(err)
	}
	var weights tensor.StateDict
	weights.Add("head.weight", tensor.FromFloat32s(tensor.Shape{1, 1}, []float32{10}))
	weights.Add("head.bias", tensor.FromFloat32s(tensor.Shape{1}, []float32{0.5}))
	m, err := model.New(g, &weights, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	logits, err := m.Logits(context.Background(), model.Tensor(tensor.Shape{1, 1, 2, 2}, []float32{1, -1, 3, -3}))
	fmt.Println(logits, err)
	// Output:
	// [[10.5]] <nil>
}

// five returns an image file that shows a five.
func five() []byte {
	images, err := nano.Digits()
	if err != nil {
		log.Fatal(err)
	}
	data, err := fs.ReadFile(images, "val/00003.png")
	if err != nil {
		log.Fatal(err)
	}
	return data
}
