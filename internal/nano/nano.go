// Package nano gives tests the embedded networks, and the embedded images of handwritten
// digits that these were measured on.
package nano

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

// Names are the registry names of the networks.
var Names = []string{"cspdarknet-nano_digits", "cspresnet-nano_digits", "cspresnext-nano_digits"}

// Pipeline is their preprocessing, as zoo.toml has it.
var Pipeline = vision.Pipeline{
	Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 32, Interpolation: vision.Bicubic, Backend: vision.BackendPillow},
	Crop:   32, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
	Order: vision.RGB, EXIF: vision.EXIFApply,
}

// Arch returns the architecture of a network.
func Arch(name string) string { return strings.TrimSuffix(name, "_digits") }

// File returns the name of a network's published checkpoint in golden.Nano.
func File(tb testing.TB, name string) string {
	tb.Helper()
	files, err := fs.Glob(golden.Nano(), name+"-*.pth")
	if err != nil || len(files) != 1 {
		tb.Fatalf("%s: %q, %v: expected one file", name, files, err)
	}
	return files[0]
}

// Open returns a network, which the test closes.
func Open(tb testing.TB, name string, c model.Compute) *model.Model {
	tb.Helper()
	m, err := model.OpenFS(golden.Nano(), File(tb, name), model.Options{Name: name, Arch: Arch(name), Pipeline: Pipeline, Compute: c})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

// Digits returns the images, with their labels in val.txt.
func Digits() (fs.FS, error) {
	data, err := fs.ReadFile(golden.Nano(), "digits-val.zip")
	if err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(data), int64(len(data)))
}

// Images is Digits for a test.
func Images(tb testing.TB) fs.FS {
	tb.Helper()
	images, err := Digits()
	if err != nil {
		tb.Fatal(err)
	}
	return images
}

// Digit returns one image as it is encoded.
func Digit(tb testing.TB, i int) []byte {
	tb.Helper()
	data, err := fs.ReadFile(Images(tb), fmt.Sprintf("val/%05d.png", i))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// Image returns one image, decoded.
func Image(tb testing.TB, i int) *vision.Image {
	tb.Helper()
	img, err := vision.Decode(Digit(tb, i), vision.DecodeOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return img
}

// Predictions returns what the reference framework predicted: for each image
// "PATH LABEL", the first five classes of each network, joined by commas.
func Predictions(tb testing.TB) (images []string, top map[string][]string) {
	tb.Helper()
	text, err := fs.ReadFile(golden.Nano(), "predictions.tsv")
	if err != nil {
		tb.Fatal(err)
	}
	top = make(map[string][]string)
	var names []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case names == nil:
			names = cells[2:]
			continue
		}
		images = append(images, cells[0]+" "+cells[1])
		for i, name := range names {
			top[name] = append(top[name], cells[2+i])
		}
	}
	return images, top
}
