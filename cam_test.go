package zoo_test

import (
	"context"
	"image/color"
	"math"
	"testing"

	"github.com/gozoo/zoo/converter/safetensors"

	"github.com/gozoo/zoo"
)

// A map's mean plus the class's bias is its logit: nothing is lost on the way.
func TestCAMIsExact(t *testing.T) {
	z := newZoo(t)
	ctx := context.Background()
	for _, name := range nanos {
		t.Run(name, func(t *testing.T) {
			c, err := z.Convert(ctx, name, zoo.ConvertOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.Open(c.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			x, ok := f.StateDict().Lookup("head.fc.bias")
			if !ok {
				t.Fatal("no biases")
			}
			bias, err := x.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			m, err := z.Open(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for i := range 5 {
				img := decode(t, m, digit(t, i))
				logits, err := m.Logits(ctx, img)
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
				want := float64(logits[cam.Class])
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
	m, err := newZoo(t).Open(context.Background(), nanos[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cam, err := m.CAM(context.Background(), decode(t, m, digit(t, 2)))
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
