package evaluate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

func ExampleRun() {
	images, err := nano.Digits() // or evaluate.OpenData("imagenet/val")
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.OpenFS(golden.Nano(), "cspresnet-nano_digits-30dbf170.pth", model.Options{Arch: "cspresnet-nano", Pipeline: nano.Pipeline})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	e, err := evaluate.Run(context.Background(), m, images, evaluate.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Top-1 %d, Top-5 %d of %d images\n", e.Accuracy.Top1, e.Accuracy.Top5, e.Accuracy.N)
	// Output:
	// Top-1 355, Top-5 359 of 360 images
}
