package evaluate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

func TestEvaluateImageByImage(t *testing.T) {
	images, want := nano.Predictions(t)
	if len(images) != 360 || len(want) != len(nano.Names) {
		t.Fatalf("%d images and %d networks, expected 360 and %d", len(images), len(want), len(nano.Names))
	}
	counts := map[string][2]int{nano.Names[0]: {354, 360}, nano.Names[1]: {355, 359}, nano.Names[2]: {358, 360}}
	for _, name := range nano.Names {
		t.Run(name, func(t *testing.T) {
			m := nano.Open(t, name, model.Compute{Precision: tensor.Highest})
			e, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{})
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

func TestEvaluateFolder(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	images, top := nano.Predictions(t)
	class := func(i int) string { // as the reference predicts it
		first, _, _ := strings.Cut(top[nano.Names[1]][i], ",")
		return first
	}
	folder := fstest.MapFS{
		"a.png":   {Data: nano.Digit(t, 3)},
		"b.png":   {Data: []byte("no image")},
		"c.png":   {Data: nano.Digit(t, 4)[:60]},
		"d e.png": {Data: nano.Digit(t, 5)},
		"val.txt": {Data: fmt.Appendf(nil, "d e.png %s\nb.png 1\na.png %s\nc.png 9\n", class(5), class(3))},
	}
	if len(images) < 6 {
		t.Fatal("no predictions")
	}
	e, err := evaluate.Run(context.Background(), m, folder, evaluate.Options{Dataset: "folder"})
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
		"c.png: c.png: vision: decode: the file ends before the image does",
		"d e.png: read",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if a := e.Accuracy; a.N != 2 || a.Top1 != 2 || e.Unreadable != 2 || e.Set != 4 || e.Complete() {
		t.Errorf("%+v, %d unreadable of %d, complete %v: expected 2 of 2 right, 2 unreadable of 4", a, e.Unreadable, e.Set, e.Complete())
	}

	if _, err := evaluate.Run(context.Background(), m, fstest.MapFS{}, evaluate.Options{Dataset: "empty/set"}); err == nil ||
		!strings.HasPrefix(err.Error(), "evaluate: "+nano.Names[1]+" on empty/set: data set: no val.txt") {
		t.Errorf("error %v", err)
	}

	limited, err := evaluate.Run(context.Background(), m, nano.Images(t), evaluate.Options{Limit: 7})
	if err != nil {
		t.Fatal(err)
	}
	if limited.Accuracy.N != 7 || limited.Complete() || limited.Images[6].Path != "val/00006.png" {
		t.Errorf("a limit of 7 gave %d images, complete %v", limited.Accuracy.N, limited.Complete())
	}
}

// A vanishing file system has images up to some number, and then nothing but errors, as a
// disk that was pulled out.
type vanishing struct {
	fs.FS
	left atomic.Int64
}

func (v *vanishing) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".png") && v.left.Add(-1) < 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EIO}
	}
	return v.FS.Open(name)
}

// A disk that goes away ends an evaluation: its images are not unreadable, and their outcome
// is in no log. With the disk back the log goes on.
func TestEvaluateVanishedDisk(t *testing.T) {
	m := nano.Open(t, nano.Names[0], model.Compute{})
	log := filepath.Join(t.TempDir(), "log.jsonl")
	disk := &vanishing{FS: nano.Images(t)}
	disk.left.Store(100)
	_, err := evaluate.Run(t.Context(), m, disk, evaluate.Options{Log: log})
	if !errors.Is(err, syscall.EIO) {
		t.Fatalf("error %v, want the disk's", err)
	}
	e, err := evaluate.Run(t.Context(), m, nano.Images(t), evaluate.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if e.Unreadable != 0 || e.Accuracy.N != 360 || e.Accuracy.Top1 != 354 {
		t.Errorf("%d unreadable, %+v", e.Unreadable, e.Accuracy)
	}
	if e.Resumed >= 360 {
		t.Errorf("%d images of a disk that was gone are in the log", e.Resumed)
	}
}

// A subject is one value in Go, in JSON and in messages.
func TestSubject(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	e, err := evaluate.Run(t.Context(), m, nano.Images(t), evaluate.Options{Limit: 8})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e.Subject)
	if err != nil {
		t.Fatal(err)
	}
	var back evaluate.Subject
	if err := json.Unmarshal(text, &back); err != nil || back != e.Subject || back.Differs(e.Subject) != "" {
		t.Errorf("%s is read as %+v, %v", text, back, err)
	}
	for what, change := range map[string]func(s *evaluate.Subject){
		"model: cspresnet-nano_digits and other": func(s *evaluate.Subject) { s.Model = "other" },
		"weights: sha256:30dbf170":               func(s *evaluate.Subject) { s.Weights = golden.Synthetic(1) },
		"pixels: ":                               func(s *evaluate.Subject) { s.Pixels = "" },
		"precision: high and medium":             func(s *evaluate.Subject) { s.Precision = tensor.Medium },
		"list of images: ":                       func(s *evaluate.Subject) { s.List = digest.Digest{} },
		"number of images in the set: 360 and 1": func(s *evaluate.Subject) { s.Set = 1 },
		"limit: 8 and 9":                         func(s *evaluate.Subject) { s.Limit = 9 },
	} {
		other := e.Subject
		change(&other)
		if got := e.Differs(other); !strings.HasPrefix(got, what) {
			t.Errorf("%q, want %q", got, what)
		}
	}
}

// A log of weights that nobody knows could not be gone on with.
func TestEvaluateUnknownWeights(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	own, err := model.New(m.Graph(), m.Bound().StateDict(), model.Options{Name: "own", Pipeline: nano.Pipeline})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate.Run(t.Context(), own, nano.Images(t),
		evaluate.Options{Log: filepath.Join(t.TempDir(), "log")}); !errors.Is(err, model.ErrOption) {
		t.Errorf("error %v", err)
	}
	if e, err := evaluate.Run(t.Context(), own, nano.Images(t), evaluate.Options{Limit: 9}); err != nil || e.Accuracy.N != 9 {
		t.Errorf("without a log: %v", err)
	}
}
