package vision_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"log"

	"github.com/gozoo/zoo/vision"
)

func ExamplePipeline_Apply() {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 640, 480))); err != nil {
		log.Fatal(err)
	}
	pipeline := vision.Pipeline{
		Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 256, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
		Crop:   224, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
	}
	img, err := vision.Decode(file.Bytes(), pipeline.DecodeOptions())
	if err != nil {
		log.Fatal(err)
	}
	input, h, w, err := pipeline.Apply(img) // (3,H,W)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d values of %dx%d, the first is %.4f\n", len(input), h, w, input[0])
	fmt.Println(pipeline)
	// Output:
	// 150528 values of 224x224, the first is -2.1179
	// short edge 256 bicubic (pillow), centre crop 224, rgb, mean 123.675 116.28 103.53, std 58.395 57.12 57.375, EXIF orientation: apply
}
