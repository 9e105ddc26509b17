// Command embedder names the digit on an image that standard input gives, with the network
// that it holds. It imports nothing of zoo but model and vision.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"os"

	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

//go:embed digits.pth
var weights []byte

func main() {
	m, err := model.Parse("digits.pth", weights, model.Options{Arch: "cspresnet-nano", Pipeline: vision.Pipeline{
		Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 32, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
		Crop:   32, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	p, err := m.PredictAll(context.Background(), model.Encoded(os.Stdin))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p[0].Class)
}
