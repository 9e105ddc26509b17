package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/imagenet"
)

// classFolders returns a set with one image, of such a name, in the folder of each class.
func classFolders(dir string, labels []int, image string) fstest.MapFS {
	set := make(fstest.MapFS)
	for _, label := range labels {
		set[dir+imagenet.IDs()[label]+"/"+image] = file
	}
	return set
}

// with returns a set with one more image.
func with(set fstest.MapFS, image string) fstest.MapFS {
	set[image] = file
	return set
}

func TestBenchmarks(t *testing.T) {
	all := make([]int, 1000)
	numbered := func(dir, image string, n int) fstest.MapFS { // as ImageNetV2's folders are
		set := make(fstest.MapFS)
		for label := range n {
			set[dir+strconv.Itoa(label)+"/"+image] = file
		}
		return set
	}
	for label := range all {
		all[label] = label
	}
	a, r := imagenet.SubsetLabels(Adversarial), imagenet.SubsetLabels(renditions)
	nette, woof := imagenet.SubsetLabels("imagenette"), imagenet.SubsetLabels("imagewoof")
	const (
		hash  = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567.jpeg"
		own   = "ILSVRC2012_val_00000293.JPEG"
		train = "n03425413_1242.JPEG"
		seen  = "named as those of ImageNet's training set"
		none  = "classes have no image in the set"
	)
	for _, tt := range []struct {
		name, path string
		fsys       fstest.MapFS
		o          Options
		want       string
		scored     int
		left       string
		notes      []string // parts, each of one note beside those that every benchmark has
	}{
		{name: "V2 by its layout", fsys: numbered("", hash, 1000), want: "ImageNetV2", notes: []string{"counted from 0"}},
		{name: "V2 in its archive", path: "x.tar.gz", fsys: numbered("imagenetv2-matched-frequency-format-val/", hash, 1000), want: "ImageNetV2 matched-frequency", notes: []string{"counted from 0"}},
		{name: "V2 by its archive", path: "sets/imagenetv2-threshold0.7.tar.gz", fsys: numbered("x/", hash, 1000), want: "ImageNetV2 threshold-0.7", notes: []string{"counted from 0"}},
		{name: "V2 by its folder", path: `D:\sets\imagenetv2-top-images-format-val`, fsys: numbered("", hash, 1000), want: "ImageNetV2 top-images", notes: []string{"counted from 0"}},
		{name: "V2 by its letter", path: "imagenetv2-b-33/", fsys: numbered("", hash, 1000), want: "ImageNetV2 matched-frequency", notes: []string{"counted from 0"}},
		{name: "V2 of few classes", path: "imagenetv2-c-12", fsys: numbered("", hash, 12), want: "ImageNetV2 top-images", notes: []string{"counted from 0", "988 of the 1000 " + none}},
		{name: "ImageNet's own, numbered", fsys: numbered("", own, 1000), notes: []string{"counted from 0"}},
		{name: "A by its classes", fsys: classFolders("", a, "x.jpg"), want: Adversarial, scored: 200},
		{name: "A in its archive, behind a background", path: "x.tar", o: Options{Classes: 1001, Offset: 1}, fsys: classFolders("imagenet-a/", a, "x.jpg"), want: Adversarial, scored: 200},
		{name: "A of few classes", path: "imagenet-a", fsys: classFolders("", a[:3], "x.jpg"), want: Adversarial, scored: 200, notes: []string{"197 of ImageNet-A's 200 " + none}},
		{name: "A with another class", path: "imagenet-a", fsys: with(classFolders("", a, "x.jpg"), "n01440764/x.jpg"), want: Adversarial, scored: 200, left: "1 image of classes that ImageNet-A does not have: n01440764/x.jpg"},
		{name: "A's classes of ImageNet's own images", fsys: classFolders("", a, own), notes: []string{"800 of the 1000 " + none}},
		{name: "R by its classes", fsys: classFolders("", r, "art_0.jpg"), want: renditions, scored: 200},
		{name: "R by its folder", path: "imagenet-r/", fsys: classFolders("", r[1:], "sketch_0.jpg"), want: renditions, scored: 200, notes: []string{"1 of ImageNet-R's 200 " + none + ": goldfish"}},
		{name: "Sketch by its images", fsys: classFolders("", all, "sketch_13.JPEG"), want: sketches},
		{name: "Sketch by its folder", path: "ImageNet-Sketch.zip", fsys: classFolders("sketch/", all[:999], "x.png"), want: sketches, notes: []string{"1 of the 1000 " + none}},
		{name: "imagenette", path: "imagenette2-160.tgz", fsys: with(with(classFolders("imagenette2-160/val/", nette, train), "imagenette2-160/train/n01440764/x.JPEG"), "imagenette2-160/noisy_imagenette.csv"),
			want: "imagenette2-160", scored: 10, notes: []string{"others lie beside it: train", "10 of 10 images are " + seen}},
		{name: "imagenette's validation folder", path: "/data/imagenette2/val", fsys: classFolders("", nette, own), want: "imagenette2", scored: 10},
		{name: "imagenette renamed", path: "/data", fsys: with(classFolders("", nette, own), "n01440764/"+train), want: "imagenette", scored: 10, notes: []string{"1 of 11 images are " + seen}},
		{name: "imagewoof", path: "imagewoof2-320", fsys: classFolders("val/", woof, own), want: "imagewoof2-320", scored: 10},
		{name: "imagewoof of the first edition", path: "imagewoof-320.tgz", fsys: classFolders("imagewoof-320/val/", woof, own), want: "imagewoof-320", scored: 10},
		{name: "ImageNet's own", fsys: classFolders("", all, own)},
		{name: "other ten classes", fsys: classFolders("", append(nette[1:10:10], 1), own), notes: []string{"990 of the 1000 " + none}},
		{name: "the name of another set", path: "imagenet-r", fsys: classFolders("", woof, own), want: "imagewoof", scored: 10},
		{name: "own classes", path: "imagenette2", o: Options{Classes: 2, Names: []string{"cat", "dog"}}, fsys: fstest.MapFS{"cat/" + train: file, "dog/a.png": file}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.Classes == 0 {
				tt.o.Classes = 1000
			}
			tt.o.Name = tt.path
			s, err := Walk(t.Context(), tt.fsys, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if s.Benchmark != tt.want || len(s.Scored) != tt.scored {
				t.Errorf("%q, %d classes scored: want %q, %d", s.Benchmark, len(s.Scored), tt.want, tt.scored)
			}
			for _, it := range s.Items {
				if s.Scored != nil && !slices.Contains(s.Scored, it.Label) {
					t.Errorf("%+v is of no class that is scored", it)
				}
			}
			if left := fmt.Sprint(s.Left); (len(s.Left) > 0) != (tt.left != "") || !strings.Contains(left, tt.left) {
				t.Errorf("left out %q, want %q", left, tt.left)
			}
			if tt.want != "" {
				tt.notes = append(tt.notes, "taken for those of "+tt.want)
			}
			if tt.scored > 0 {
				tt.notes = append(tt.notes, fmt.Sprintf("%s is about %d of the 1000 classes", tt.want, tt.scored))
			}
			for _, part := range tt.notes {
				if !slices.ContainsFunc(s.Notes, func(note string) bool { return strings.Contains(note, part) }) {
					t.Errorf("no note with %q", part)
				}
			}
			if max := len(tt.notes) + strings.Count(strings.Join(s.Notes, "\n"), "no image by the suffix"); len(s.Notes) > max {
				t.Errorf("notes %q, want %q", s.Notes, tt.notes)
			}
		})
	}
}

// Numbered folders are read by their numbers, which is not their order as text.
func TestNumbersAreNoText(t *testing.T) {
	set := fstest.MapFS{}
	for label := range 1000 {
		set[strconv.Itoa(label)+"/x.jpeg"] = file
	}
	s, err := Walk(t.Context(), set, Options{Classes: 1001, Offset: 1})
	if err != nil || len(s.Items) != 1000 {
		t.Fatalf("%d images, %v", len(s.Items), err)
	}
	for _, it := range s.Items {
		if want := fmt.Sprintf("%d/x.jpeg", it.Label-1); it.Path != want {
			t.Errorf("%s has label %d", it.Path, it.Label)
		}
	}
}

// A benchmark is told in an archive as in a folder of the system.
func TestBenchmarkInArchive(t *testing.T) {
	var names []string
	var members []member
	dir := filepath.Join(t.TempDir(), "imagenette2-320")
	for _, label := range imagenet.SubsetLabels("imagenette") {
		name := "imagenette2-320/val/" + imagenet.IDs()[label] + "/x.JPEG"
		names, members = append(names, name), append(members, member{name, "x", 0})
		path := filepath.Join(filepath.Dir(dir), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zip := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(zip, zipOf(t, members...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{tarOf(t, names...), zip, dir} {
		fsys, closer, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		s, err := Walk(t.Context(), fsys, Options{Classes: 1000, Name: path})
		if err != nil || s.Benchmark != "imagenette2-320" || len(s.Items) != 10 || len(s.Left) > 0 {
			t.Errorf("%s: %+v, %v", path, s, err)
		}
	}
}

// ImageNet-Real's labels are those of ILSVRC's images by their number, wherever these lie: the first
// six, as real.json has them.
func TestReal(t *testing.T) {
	const labels = "[[], [970, 795], [230, 231], [809], [516, 850], [57]]\n"
	image := func(dir string, n int) string { return dir + fmt.Sprintf(validationName, n) }
	items := func(dir string, offset int) []Item {
		items := []Item{
			{Path: image(dir, 2), Label: 970, Also: []int{795}}, {Path: image(dir, 3), Label: 230, Also: []int{231}},
			{Path: image(dir, 4), Label: 809}, {Path: image(dir, 5), Label: 516, Also: []int{850}}, {Path: image(dir, 6), Label: 57},
		}
		for i := range items {
			items[i].Label += offset
			for j := range items[i].Also {
				items[i].Also[j] += offset
			}
		}
		return items
	}
	set := func(dir string) fstest.MapFS {
		set := fstest.MapFS{}
		for n := range 6 {
			set[image(dir, n+1)] = file
		}
		return set
	}
	without := set("")
	delete(without, image("", 4))
	for _, tt := range []struct {
		name   string
		fsys   fstest.MapFS
		o      Options
		labels string
		want   []Item
		left   string
		err    string
	}{
		{name: "flat", fsys: set(""), want: items("", 0)},
		{name: "in a folder of a class, beside others", fsys: with(set("val/n01440764/"), "train/n01440764/n01440764_1.JPEG"), want: items("val/n01440764/", 0)},
		{name: "in ILSVRC's tree", fsys: set("ILSVRC/Data/CLS-LOC/val/"), want: items("ILSVRC/Data/CLS-LOC/val/", 0)},
		{name: "behind a background", o: Options{Classes: 1001, Offset: 1}, fsys: set(""), want: items("", 1)},
		{name: "one is not there", fsys: without, want: slices.Delete(items("", 0), 2, 3), left: "1 image that are not there: " + image("", 4)},
		{name: "one more", fsys: with(set(""), image("", 7)), want: items("", 0), left: "1 image not named as one of those that real.json labels: " + image("", 7)},
		{name: "twice", fsys: with(set(""), image("x/", 3)), err: "are the same image"},
		{name: "a class too high", fsys: set(""), labels: "[[1000]]", err: "image 1 has labels [1000], expected each once, from 0 to 999"},
		{name: "a class twice", fsys: set(""), labels: "[[1], [2, 2]]", err: "image 2 has labels [2 2]"},
		{name: "another file", fsys: set(""), labels: `[[1], {"a": 1}]`, err: "as in real.json"},
		{name: "ten classes", o: Options{Classes: 10}, fsys: set(""), err: "which are not the model's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.List = []byte(labels); tt.labels != "" {
				tt.o.List = []byte(tt.labels)
			}
			if tt.o.ListName = "real.json"; tt.o.Classes == 0 {
				tt.o.Classes = 1000
			}
			s, err := Walk(t.Context(), tt.fsys, tt.o)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("%v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			if d := cmp.Diff(tt.want, s.Items); d != "" || s.Benchmark != "ImageNet-Real" || s.Scored != nil {
				t.Errorf("%q, %d scored (-want +got):\n%s", s.Benchmark, len(s.Scored), d)
			}
			if left := fmt.Sprint(s.Left); (len(s.Left) > 0) != (tt.left != "") || !strings.Contains(left, tt.left) {
				t.Errorf("left out %q, want %q", left, tt.left)
			}
			if !slices.Contains(s.Notes, "real.json has no label for 1 image, which count in no figure") {
				t.Errorf("notes %q", s.Notes)
			}
		})
	}
}
