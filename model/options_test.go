package model_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

func TestOptionErrors(t *testing.T) {
	name := nano.Names[0]
	for field, change := range map[string]func(o *model.Options){
		"Arch":        func(o *model.Options) { o.Arch = "cspresnet51" },
		"Classes":     func(o *model.Options) { o.Classes = []string{"cat", "dog"} },
		"Pipeline":    func(o *model.Options) { o.Pipeline.Std[0] = 0 },
		"MaxPixels":   func(o *model.Options) { o.MaxPixels = -1 },
		"Precision":   func(o *model.Options) { o.Precision = "exact" },
		"Threads":     func(o *model.Options) { o.Threads = model.MaxThreads + 1 },
		"Concurrency": func(o *model.Options) { o.Concurrency = -1 },
	} {
		o := model.Options{Arch: nano.Arch(name), Pipeline: nano.Pipeline}
		change(&o)
		_, err := model.OpenFS(golden.Nano(), nano.File(t, name), o)
		var option *model.OptionError
		if !errors.As(err, &option) || option.Field != field || !errors.Is(err, model.ErrOption) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := model.OpenFS(golden.Nano(), nano.File(t, name),
		model.Options{Arch: nano.Arch(name), Recipe: "keras"}); !errors.Is(err, model.ErrOption) {
		t.Errorf("an unknown recipe: %v", err)
	}
	if _, err := model.OpenFS(golden.Nano(), "none.pth", model.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	_, err := model.Parse("x.pth", []byte("no checkpoint"), model.Options{Arch: nano.Arch(name)})
	if !errors.Is(err, converter.ErrCheckpoint) {
		t.Errorf("bytes that are no checkpoint: %v", err)
	}
	_, err = model.OpenFS(golden.Nano(), nano.File(t, name), model.Options{Arch: "cspresnet-nano"})
	if !errors.Is(err, converter.ErrCheckpoint) {
		t.Errorf("weights of another network: %v", err)
	}
}

func TestOwnClassNames(t *testing.T) {
	names := strings.Split("zero one two three four five six seven eight nine", " ")
	m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[1]),
		model.Options{Arch: nano.Arch(nano.Names[1]), Pipeline: nano.Pipeline, Classes: names})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Predict(t.Context(), nano.Image(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(model.Prediction{Class: p.Class, Name: p.Name, Score: 0.5})
	if want := `{"class":5,"name":"five","score":0.5}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	cam, err := m.CAM(t.Context(), nano.Image(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Class, Height, Width int
		Name                 string
		Values               []float32
	}
	if text, err = json.Marshal(cam); err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || back.Class != 5 || back.Name != "five" || back.Height != 4 || back.Width != 4 || len(back.Values) != 16 {
		t.Errorf("%s, %v", text, err)
	}
}
