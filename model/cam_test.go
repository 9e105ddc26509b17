package model_test

import (
	"context"
	"image/color"
	"math"
	"testing"

	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

// A map's mean plus the class's bias is its logit: nothing is lost on the way.
func TestCAMIsExact(t *testing.T) {
	ctx := context.Background()
	for _, name := range nano.Names {
		t.Run(name, func(t *testing.T) {
			m := nano.Open(t, name, model.Compute{})
			var bias []float32
			for i, p := range m.Graph().Params {
				if p.Name == "head.fc.bias" {
					var err error
					if bias, err = m.Bound().Tensors[i].Float32s(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(bias) != 10 {
				t.Fatalf("%d biases", len(bias))
			}
			for i := range 5 {
				img := nano.Image(t, i)
				logits, err := m.Logits(ctx, model.Image(img))
				if err != nil {
					t.Fatal(err)
				}
				cam, err := m.CAM(ctx, img)
				if err != nil {
					t.Fatal(err)
				}
				best, err := m.Predict(ctx, img)
				if err != nil {
					t.Fatal(err)
				}
				if cam.Prediction != best {
					t.Errorf("image %d: the map is of %+v, predicted was %+v", i, cam.Prediction, best)
				}
				if cam.H != 4 || cam.W != 4 || len(cam.Values) != 16 {
					t.Fatalf("image %d: a map of %d x %d", i, cam.H, cam.W)
				}
				var sum float64
				for _, v := range cam.Values {
					sum += float64(v)
				}
				want := float64(logits[0][cam.Class])
				if got := sum/16 + float64(bias[cam.Class]); math.Abs(got-want) > 1e-4*math.Abs(want) {
					t.Errorf("image %d: mean and bias make %g, the logit is %g", i, got, want)
				}
			}
		})
	}
}

// The picture has the pixels of the network's input, and is brightest where the map is
// largest.
func TestCAMImage(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	cam, err := m.CAM(context.Background(), nano.Image(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	img := cam.Image()
	if b := img.Bounds(); b.Dx() != 32 || b.Dy() != 32 {
		t.Fatalf("%v, expected 32 by 32 pixels", b)
	}
	hot, cold := 0, 0
	for i, v := range cam.Values {
		if v > cam.Values[hot] {
			hot = i
		}
		if v < cam.Values[cold] {
			cold = i
		}
	}
	red := func(place int) uint8 { // in the middle of a place's 8 by 8 pixels
		return img.At(8*(place%4)+4, 8*(place/4)+4).(color.RGBA).R
	}
	if red(hot) <= red(cold) {
		t.Errorf("red %d at the largest value, %d at the smallest", red(hot), red(cold))
	}
}
