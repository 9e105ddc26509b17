package model_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

func TestInputs(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	want, err := m.Logits(t.Context(), inputs(t, 3)...)
	if err != nil {
		t.Fatal(err)
	}
	x, h, w, err := m.Pipeline().Apply(nano.Image(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	y, _, _, err := m.Pipeline().Apply(nano.Image(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	large := make([]float32, 3*40*40)
	decoded, err := png.Decode(bytes.NewReader(nano.Digit(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Logits(t.Context(),
		model.Encoded(bytes.NewReader(nano.Digit(t, 0))),
		model.Tensor(tensor.Shape{1, 3, 40, 40}, large),
		model.Tensor(tensor.Shape{2, 3, h, w}, append(x, y...)),
		model.Image(decoded))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 {
		t.Fatalf("%d results for five images", len(got))
	}
	if diff := cmp.Diff([][]float32{want[0], want[1], want[2], want[0]}, [][]float32{got[0], got[2], got[3], got[4]}); diff != "" {
		t.Errorf("(-images +mixed):\n%s", diff)
	}
	none, err := m.Logits(t.Context())
	if err != nil || len(none) != 0 {
		t.Errorf("no images: %v, %v", none, err)
	}
}

func TestBadInputs(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	nan := make([]float32, 3*32*32)
	nan[7] = float32(math.NaN())
	var nothing *vision.Image
	for _, tt := range []struct {
		name  string
		input model.Input
		want  string
	}{
		{"nil image", model.Image(nil), "expected an image, found nil"},
		{"nil pointer", model.Image(nothing), "expected an image, found nil"},
		{"no input", model.Input{}, "expected an image, found nil"},
		{"empty image", model.Image(&vision.Image{}), "expected sides of at least 1"},
		{"empty file", model.Encoded(strings.NewReader("")), "found no bytes"},
		{"no image", model.Encoded(strings.NewReader("<html>")), "expected a JPEG, PNG, WebP, BMP or TIFF image"},
		{"cut off", model.Encoded(bytes.NewReader(nano.Digit(t, 0)[:60])), "the file ends before the image does"},
		{"channels", model.Tensor(tensor.Shape{1, 4, 32, 32}, make([]float32, 4*32*32)), "expected (N,3,H,W)"},
		{"values", model.Tensor(tensor.Shape{1, 3, 32, 32}, make([]float32, 5)), "expected as many values, found 5"},
		{"no batch", model.Tensor(tensor.Shape{0, 3, 32, 32}, nil), "expected (N,3,H,W)"},
		{"too large for a number", model.Tensor(tensor.Shape{1 << 40, 3, 1 << 40, 1 << 40}, nil), "expected as many values"},
		{"no number", model.Tensor(tensor.Shape{1, 3, 32, 32}, nan), "value 7 is NaN"},
	} {
		_, err := m.Logits(t.Context(), tt.input)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := m.Predict(t.Context(), nil); err == nil {
		t.Error("Predict(nil): no error")
	}
	if _, err := m.CAM(t.Context(), nil); err == nil {
		t.Error("CAM(nil): no error")
	}
}

func TestMaxPixels(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8000, 8000))); err != nil {
		t.Fatal(err)
	}
	name := nano.Names[0]
	for limit, ok := range map[int]bool{0: false, 63_999_999: false, 64_000_000: true} {
		if ok && testing.Short() {
			continue
		}
		m, err := model.OpenFS(golden.Nano(), nano.File(t, name), model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline, MaxPixels: limit})
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Logits(t.Context(), model.Encoded(bytes.NewReader(picture.Bytes())))
		size := (*vision.SizeError)(nil)
		if errors.As(err, &size) == ok || ok && err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
		m.Close()
	}
	if model.DefaultMaxPixels > 32_000_000 {
		t.Error("the default bound is one for programs that decode one picture at a time")
	}
}

type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestEndlessReader(t *testing.T) {
	m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[0]),
		model.Options{Arch: nano.Arch(nano.Names[0]), Pipeline: nano.Pipeline, MaxPixels: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := new(endless)
	if _, err := m.Logits(t.Context(), model.Encoded(r)); err == nil || !strings.Contains(err.Error(), "expected at most") || r.read > 4<<20 {
		t.Errorf("error %v after %d bytes", err, r.read)
	}
}
