package zoo_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
)

var nanos = []string{"cspdarknet-nano_digits", "cspresnet-nano_digits", "cspresnext-nano_digits"}

// predictions returns what the reference framework predicted: for each image
// "PATH LABEL", the first five classes of each nano network, joined by commas.
func predictions(t testing.TB) (images []string, top map[string][]string) {
	t.Helper()
	text, err := fs.ReadFile(golden.Nano(), "predictions.tsv")
	if err != nil {
		t.Fatal(err)
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

func TestEvaluateImageByImage(t *testing.T) {
	images, want := predictions(t)
	if len(images) != 360 || len(want) != len(nanos) {
		t.Fatalf("%d images and %d networks, expected 360 and %d", len(images), len(want), len(nanos))
	}
	counts := map[string][2]int{nanos[0]: {354, 360}, nanos[1]: {355, 359}, nanos[2]: {358, 360}}
	for _, name := range nanos {
		t.Run(name, func(t *testing.T) {
			m, err := newZoo(t, func(c *zoo.Config) { c.Precision = zoo.Highest }).Open(context.Background(), name)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			e, err := m.Evaluate(context.Background(), zoo.EvalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var found, top []string
			for _, r := range e.Images {
				found = append(found, fmt.Sprintf("%s %d", r.Path, r.Label))
				top = append(top, strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Top), " ", ","), "[]"))
			}
			if diff := cmp.Diff(images, found); diff != "" {
				t.Errorf("images (-reference +zoo):\n%s", diff)
			}
			if diff := cmp.Diff(want[name], top); diff != "" {
				t.Errorf("first five classes (-reference +zoo):\n%s", diff)
			}
			if got := [2]int{e.Accuracy.Top1, e.Accuracy.Top5}; got != counts[name] || !e.Complete() {
				t.Errorf("%v correct of %d, complete %v; the reference has %v of 360", got, e.Accuracy.N, e.Complete(), counts[name])
			}
		})
	}
}

// digit returns one of the embedded test images.
func digit(t testing.TB, i int) []byte {
	t.Helper()
	data, err := fs.ReadFile(digits(t), fmt.Sprintf("val/%05d.png", i))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEvaluateFolder(t *testing.T) {
	m, err := newZoo(t).Open(context.Background(), nanos[1])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	images, top := predictions(t)
	class := func(i int) string { // as the reference predicts it
		first, _, _ := strings.Cut(top[nanos[1]][i], ",")
		return first
	}
	folder := fstest.MapFS{
		"a.png":   {Data: digit(t, 3)},
		"b.png":   {Data: []byte("no image")},
		"c.png":   {Data: digit(t, 4)[:60]},
		"d e.png": {Data: digit(t, 5)},
		"val.txt": {Data: fmt.Appendf(nil, "d e.png %s\nb.png 1\na.png %s\nc.png 9\n", class(5), class(3))},
	}
	if len(images) < 6 {
		t.Fatal("no predictions")
	}
	e, err := m.Evaluate(context.Background(), zoo.EvalOptions{Data: folder, Dataset: "folder"})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, r := range e.Images {
		state := "read"
		if r.Err != "" {
			state = r.Err
		}
		paths = append(paths, r.Path+": "+state)
	}
	want := []string{
		"a.png: read",
		"b.png: b.png: vision: decode: expected a JPEG, PNG, WebP, BMP or TIFF image, found text \"no image\"",
		"c.png: c.png: vision: decode: png: invalid format: not enough pixel data",
		"d e.png: read",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if a := e.Accuracy; a.N != 2 || a.Top1 != 2 || e.Unreadable != 2 || e.Set != 4 || e.Complete() {
		t.Errorf("%+v, %d unreadable of %d, complete %v: expected 2 of 2 right, 2 unreadable of 4", a, e.Unreadable, e.Set, e.Complete())
	}

	if _, err := m.Evaluate(context.Background(), zoo.EvalOptions{Data: fstest.MapFS{}, Dataset: "empty/set"}); err == nil || !strings.HasPrefix(err.Error(), "zoo: evaluate "+nanos[1]+" on empty/set: imagenet: no val.txt") {
		t.Errorf("error %v", err)
	}

	limited, err := m.Evaluate(context.Background(), zoo.EvalOptions{Limit: 7})
	if err != nil {
		t.Fatal(err)
	}
	if limited.Accuracy.N != 7 || limited.Complete() || limited.Images[6].Path != "val/00006.png" {
		t.Errorf("a limit of 7 gave %d images, complete %v", limited.Accuracy.N, limited.Complete())
	}
}
