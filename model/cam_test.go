package model_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
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

// A map of one place is hottest at a pixel of the picture that the network sees in the middle of that
// place: a dot painted there, resized and cropped as ever, arrives there.
func TestCAMOverPicture(t *testing.T) {
	squash, efficient, uncropped, larger := nano.Pipeline, nano.Pipeline, nano.Pipeline, nano.Pipeline
	squash.Resize.Kind, squash.Resize.Edge = vision.ResizeBoth, 32
	efficient.Resize.Kind, efficient.Resize.Padding = vision.ResizeEfficientNet, 4
	uncropped.Crop = 0
	larger.Crop = 48
	cropped := nano.Pipeline
	cropped.Resize.Edge = 40
	for _, tt := range []struct {
		name     string
		pipeline vision.Pipeline
		w, h     int
	}{
		{"landscape", nano.Pipeline, 320, 200}, {"portrait", nano.Pipeline, 150, 401}, {"square", cropped, 128, 128},
		{"squashed", squash, 320, 100}, {"EfficientNet", efficient, 300, 200}, {"not cropped", uncropped, 200, 320},
		{"crop larger than the picture", larger, 192, 160},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[0]), model.Options{Arch: nano.Arch(nano.Names[0]), Pipeline: tt.pipeline})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			picture := &vision.Image{W: tt.w, H: tt.h, Pix: make([]uint8, 3*tt.w*tt.h)}
			cam, err := m.CAM(t.Context(), picture)
			if err != nil {
				t.Fatal(err)
			}
			for row := 1; row < cam.H-1; row++ {
				for column := 1; column < cam.W-1; column++ {
					clear(cam.Values)
					cam.Values[row*cam.W+column] = 1
					x, y := hottest(cam.Over(picture, 1))
					seen, err := tt.pipeline.Pixels(dot(tt.w, tt.h, x, y))
					if err != nil {
						t.Fatal(err)
					}
					gotX, gotY := middle(seen)
					wantX, wantY := (float64(column)+0.5)*float64(seen.W)/float64(cam.W), (float64(row)+0.5)*float64(seen.H)/float64(cam.H)
					if math.Abs(gotX-wantX) > 0.6 || math.Abs(gotY-wantY) > 0.6 {
						t.Errorf("place (%d,%d): the hottest pixel (%d,%d) is seen at (%.2f,%.2f), want (%.2f,%.2f)",
							column, row, x, y, gotX, gotY, wantX, wantY)
					}
				}
			}
		})
	}
}

// hottest returns the pixel in the middle of those that are brightest.
func hottest(img image.Image) (x, y int) {
	most, n := 0, 0
	for j := range img.Bounds().Dy() {
		for i := range img.Bounds().Dx() {
			c := img.At(i, j).(color.RGBA)
			switch light := int(c.R) + int(c.G) + int(c.B); {
			case light > most:
				most, x, y, n = light, i, j, 1
			case light == most:
				x, y, n = x+i, y+j, n+1
			}
		}
	}
	return x / n, y / n
}

// dot returns a black picture with a white dot at a pixel, wide enough to be seen when it is scaled.
func dot(w, h, x, y int) *vision.Image {
	m := &vision.Image{W: w, H: h, Pix: make([]uint8, 3*w*h)}
	for j := max(0, y-8); j <= min(h-1, y+8); j++ {
		for i := max(0, x-8); i <= min(w-1, x+8); i++ {
			copy(m.Pix[3*(j*w+i):], []uint8{255, 255, 255})
		}
	}
	return m
}

// middle returns the centre of an image's light.
func middle(m *vision.Image) (x, y float64) {
	var sum float64
	for i := 0; i < len(m.Pix); i += 3 {
		v := float64(m.Pix[i])
		x, y, sum = x+v*(float64(i/3%m.W)+0.5), y+v*(float64(i/3/m.W)+0.5), sum+v
	}
	return x / sum, y / sum
}

// What the network did not see stays as it is, opacity is the map's share, and a picture of another
// size has the map in the same part.
func TestCAMOpacity(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	picture := &vision.Image{W: 64, H: 32, Pix: bytes.Repeat([]uint8{200, 100, 40}, 64*32)}
	cam, err := m.CAM(t.Context(), picture)
	if err != nil {
		t.Fatal(err)
	}
	if want := (vision.Region{X: 16, W: 32, H: 32}); cam.Region != want {
		t.Fatalf("region %+v, want %+v", cam.Region, want)
	}
	for i := range cam.Values {
		cam.Values[i] = -1 // speaks against the class: black
	}
	cam.Values[5] = 1 // its middle is pixel (12,12) of the crop
	for _, tt := range []struct {
		opacity float64
		x, y    int
		want    color.RGBA
	}{
		{0, 28, 12, color.RGBA{200, 100, 40, 255}},
		{0.5, 15, 12, color.RGBA{200, 100, 40, 255}},
		{0.5, 48, 31, color.RGBA{200, 100, 40, 255}},
		{0.5, 16, 0, color.RGBA{100, 50, 20, 255}},
		{0.5, 47, 31, color.RGBA{100, 50, 20, 255}},
		{1, 47, 31, color.RGBA{0, 0, 0, 255}},
		{0.25, 0, 0, color.RGBA{200, 100, 40, 255}},
		{0.25, 40, 30, color.RGBA{150, 75, 30, 255}},
	} {
		if got := cam.Over(picture, tt.opacity).At(tt.x, tt.y); got != tt.want {
			t.Errorf("opacity %v, pixel (%d,%d): %v, want %v", tt.opacity, tt.x, tt.y, got, tt.want)
		}
	}
	half := &vision.Image{W: 32, H: 16, Pix: picture.Pix[:3*32*16]}
	whole, small := cam.Over(picture, 1), cam.Over(half, 1)
	if x, y := hottest(small); x < 13 || x > 14 || y < 5 || y > 6 { // (28,12) of the whole
		t.Errorf("hottest at (%d,%d) of a picture of half the size", x, y)
	}
	if whole.At(-1, 0) != (color.RGBA{}) || whole.At(64, 0) != (color.RGBA{}) {
		t.Error("a colour outside of the picture")
	}
}

// The map of a class is that of its row of the classifier: the best one's is CAM's.
func TestCAMOf(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	img := nano.Image(t, 2)
	best, err := m.CAM(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Logits(t.Context(), model.Image(img))
	if err != nil {
		t.Fatal(err)
	}
	for class := range 10 {
		cam, err := m.CAMOf(t.Context(), img, class)
		if err != nil {
			t.Fatal(err)
		}
		if cam.Class != class || (class == best.Class) != slices.Equal(cam.Values, best.Values) {
			t.Errorf("class %d: a map of %d", class, cam.Class)
		}
		// Mean and bias make the logit; so the differences of logits are those of means, but for biases.
		var sum float64
		for _, v := range cam.Values {
			sum += float64(v) / float64(len(cam.Values))
		}
		if math.Abs(sum-float64(logits[0][class])) > 2 {
			t.Errorf("class %d: the mean is %g, the logit %g", class, sum, logits[0][class])
		}
	}
	for _, class := range []int{-1, 10} {
		if _, err := m.CAMOf(t.Context(), img, class); err == nil || !strings.Contains(err.Error(), "expected 0 to 9") {
			t.Errorf("class %d: %v", class, err)
		}
	}
}
