package dataset

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/textfile"
)

var file = &fstest.MapFile{}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

// validationSet returns a flat folder of ILSVRC's first validation images, with a file
// of labels.
func validationSet(name, labels string) fstest.MapFS {
	set := fstest.MapFS{name: text(labels)}
	for _, image := range []string{"1", "2", "3", "4", "5"} {
		set["ILSVRC2012_val_0000000"+image+".JPEG"] = file
	}
	return set
}

// lines joins lines of a list.
func lines(l ...string) *fstest.MapFile { return text(strings.Join(l, "\n") + "\n") }

func TestWalk(t *testing.T) {
	ilsvrc := func(labels ...int) []Item {
		items := make([]Item, len(labels))
		for i, label := range labels {
			items[i] = Item{Path: "ILSVRC2012_val_0000000" + string(rune('1'+i)) + ".JPEG", Label: label}
		}
		return items
	}
	const v = "ILSVRC2012_val_0000000"
	tiny := "\tn02123045\t0\t32\t44\t62"
	digits := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	tests := []struct {
		name  string
		fsys  fstest.MapFS
		o     Options
		want  []Item
		left  string   // part of what is left out; empty for nothing
		notes []string // parts, each of one note
		err   string   // part of the message
	}{
		// Lists.
		{name: "list beside the images", fsys: fstest.MapFS{"val.txt": text("b.JPEG 3\n\na c.JPEG 0\n"), "b.JPEG": file, "a c.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a c.JPEG", Label: 0}, {Path: "b.JPEG", Label: 3}}},
		{name: "list with a val folder", fsys: fstest.MapFS{"val.txt": text("b.JPEG 3"), "val/b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "val/b.JPEG", Label: 3}}},
		{name: "list from elsewhere", fsys: fstest.MapFS{"b.JPEG": file}, o: Options{Classes: 10, List: []byte("b.JPEG 3")}, want: []Item{{Path: "b.JPEG", Label: 3}}},
		{name: "list from elsewhere, images in one folder", fsys: fstest.MapFS{"set/images/b.JPEG": file}, o: Options{Classes: 10, List: []byte("b.JPEG 3")}, want: []Item{{Path: "set/images/b.JPEG", Label: 3}}},
		{name: "windows", fsys: fstest.MapFS{"val.txt": text("\ufeffval\\b.JPEG 3\r\n"), "val/b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "val/b.JPEG", Label: 3}}},
		{name: "tabs", fsys: fstest.MapFS{"val.txt": text("a c.JPEG\t3\n"), "a c.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a c.JPEG", Label: 3}}},
		{name: "commas and a heading", fsys: fstest.MapFS{"val.txt": text("filename,label\n\"a,c.JPEG\",3\nb.JPEG,\"4\"\n"), "a,c.JPEG": file, "b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a,c.JPEG", Label: 3}, {Path: "b.JPEG", Label: 4}}, notes: []string{"taken for a heading"}},
		{name: "semicolons, names", fsys: fstest.MapFS{"val.txt": text("a.JPEG;big dog\nb.JPEG;cat\n"), "a.JPEG": file, "b.JPEG": file}, o: Options{Classes: 2, Names: []string{"cat", "big dog"}}, want: []Item{{Path: "a.JPEG", Label: 1}, {Path: "b.JPEG", Label: 0}}},
		{name: "numbered rows", fsys: fstest.MapFS{"val.txt": text(",path,label\n0,a.JPEG,7\n1,b.JPEG,8\n"), "a.JPEG": file, "b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a.JPEG", Label: 7}, {Path: "b.JPEG", Label: 8}}, notes: []string{"heading"}},
		{name: "label first", fsys: fstest.MapFS{"val.txt": text("7,a.JPEG\n8,b.JPEG\n"), "a.JPEG": file, "b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a.JPEG", Label: 7}, {Path: "b.JPEG", Label: 8}}},
		{name: "commas in paths", fsys: fstest.MapFS{"val.txt": text("a, b.JPEG 7\n"), "a, b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a, b.JPEG", Label: 7}}},
		{name: "quoted path", fsys: fstest.MapFS{"val.txt": text("\"a b.JPEG\" 7\n"), "a b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "a b.JPEG", Label: 7}}},
		{name: "names in GBK", fsys: fstest.MapFS{"val.txt": text("b.JPEG 7\n")}, o: Options{Classes: 10, List: []byte("\xcd\xbc.JPEG 7")}, left: "1 image that are not there"},
		{name: "images beside the list", fsys: fstest.MapFS{"val.txt": text("b.JPEG 3"), "b.JPEG": file, "c.JPEG": file, "._b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "b.JPEG", Label: 3}}, notes: []string{"1 image lies beside those that val.txt lists"}},
		{name: "WordNet ids", fsys: fstest.MapFS{"val.txt": text("b.JPEG n01443537"), "b.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{Path: "b.JPEG", Label: 1}}},
		{name: "WordNet ids for other classes", fsys: fstest.MapFS{"val.txt": text("b.JPEG n01443537"), "b.JPEG": file}, o: Options{Classes: 10}, left: "--classes FILE"},
		{name: "unknown id", fsys: fstest.MapFS{"val.txt": lines("b.JPEG n01443537", "c.JPEG n99999999"), "b.JPEG": file, "c.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{Path: "b.JPEG", Label: 1}}, left: "1 image with labels that are no class", notes: []string{"1 image lies beside"}},
		{name: "Kaggle", fsys: fstest.MapFS{KaggleFile: lines("ImageId,PredictionString", v+"1,n01751748 111 108 230 366 ", v+"2,n09193705 1 2 3 4 n09193705 5 6 7 8 "),
			"ILSVRC/Data/CLS-LOC/val/" + v + "1.JPEG": file, "ILSVRC/Data/CLS-LOC/val/" + v + "2.JPEG": file, "ILSVRC/Data/CLS-LOC/train/n01443537/x.JPEG": file}, o: Options{Classes: 1000},
			want: []Item{{Path: "ILSVRC/Data/CLS-LOC/val/" + v + "1.JPEG", Label: 65}, {Path: "ILSVRC/Data/CLS-LOC/val/" + v + "2.JPEG", Label: 970}}, notes: []string{"heading"}},
		{name: "Kaggle's tree, sorted", fsys: fstest.MapFS{"ILSVRC/Data/CLS-LOC/val/n01443537/x.JPEG": file, "ILSVRC/Annotations/y.xml": file, "LOC_synset_mapping.txt": file}, o: Options{Classes: 1000}, want: []Item{{Path: "ILSVRC/Data/CLS-LOC/val/n01443537/x.JPEG", Label: 1}}},
		{name: "Tiny ImageNet", fsys: fstest.MapFS{"val/val_annotations.txt": lines("val_0.JPEG"+tiny, "val_1.JPEG"+tiny), "val/images/val_0.JPEG": file, "val/images/val_1.JPEG": file, "train/n01443537/images/x.JPEG": file}, o: Options{Classes: 1000},
			want: []Item{{Path: "val/images/val_0.JPEG", Label: 281}, {Path: "val/images/val_1.JPEG", Label: 281}}, notes: []string{"others lie beside it: train", "Tiny ImageNet"}},
		{name: "Tiny ImageNet's own classes", fsys: fstest.MapFS{"val_annotations.txt": lines("val_0.JPEG" + tiny), "images/val_0.JPEG": file}, o: Options{Classes: 2, IDs: []string{"n02124075", "n02123045"}, Names: []string{"a", "b"}}, want: []Item{{Path: "images/val_0.JPEG", Label: 1}}},
		{name: "label too large", fsys: fstest.MapFS{"val.txt": text("b.JPEG 10"), "b.JPEG": file}, o: Options{Classes: 10}, left: "1 image with another label than 0 to 9: val.txt line 1 (10)"},
		{name: "negative label", fsys: fstest.MapFS{"val.txt": text("\nb.JPEG -1"), "b.JPEG": file}, o: Options{Classes: 10}, left: "val.txt line 2 (-1)"},
		{name: "no label", fsys: fstest.MapFS{"val.txt": text("b.JPEG"), "b.JPEG": file}, o: Options{Classes: 10}, err: "PATH LABEL"},
		{name: "name as label", fsys: fstest.MapFS{"val.txt": text("b.JPEG cat"), "b.JPEG": file}, o: Options{Classes: 10}, err: "whole number"},
		{name: "one bad line", fsys: fstest.MapFS{"val.txt": text("path,label\na.JPEG,1\nb.JPEG,?\nc.JPEG,2\n")}, o: Options{Classes: 10}, err: "val.txt line 3: expected a label"},
		{name: "image missing", fsys: fstest.MapFS{"val.txt": text("b.JPEG 1\nc.JPEG 1\n"), "c.JPEG": file}, o: Options{Classes: 10}, want: []Item{{Path: "c.JPEG", Label: 1}}, left: "1 image that are not there: val.txt line 1 (b.JPEG)"},
		{name: "twice", fsys: fstest.MapFS{"val.txt": text("b.JPEG 1\nb.JPEG 2"), "b.JPEG": file}, o: Options{Classes: 10}, err: "twice"},
		{name: "leaves the folder", fsys: fstest.MapFS{"val.txt": text("../b.JPEG 1")}, o: Options{Classes: 10}, err: "leaves"},
		{name: "leaves the folder as Windows has it", fsys: fstest.MapFS{"val.txt": text("..\\b.JPEG 1")}, o: Options{Classes: 10}, err: "leaves"},
		{name: "a drive", fsys: fstest.MapFS{"val.txt": text("C:\\data\\b.JPEG 1")}, o: Options{Classes: 10}, err: "leaves"},
		{name: "long path", fsys: fstest.MapFS{"val.txt": text(strings.Repeat("a/", 5000) + "b.JPEG 1")}, o: Options{Classes: 10}, err: "bytes, expected at most 4096"},
		{name: "long line", fsys: fstest.MapFS{"val.txt": text(strings.Repeat("a", 1<<17))}, o: Options{Classes: 10}, err: "line 1: 131072 bytes"},
		{name: "empty list", fsys: fstest.MapFS{"val.txt": text(strings.Repeat("\n", 1<<20))}, o: Options{Classes: 10}, err: "no image"},
		{name: "list from elsewhere is empty", fsys: fstest.MapFS{}, o: Options{Classes: 10, List: []byte{}, ListName: "my.csv"}, err: "my.csv lists no image"},

		// Folders of classes.
		{name: "class folders", fsys: fstest.MapFS{"n01443537/x.JPEG": file, "n01440764/y.JPEG": file, "n01440764/.DS_Store": file, "n01440764/Thumbs.db": file, "other/z.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{Path: "n01440764/y.JPEG", Label: 0}, {Path: "n01443537/x.JPEG", Label: 1}},
			left: "1 image in folders that are no class: other", notes: []string{"expected the names of classes"}},
		{name: "class folders in val", fsys: fstest.MapFS{"val/n01443537/x.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{Path: "val/n01443537/x.JPEG", Label: 1}}},
		{name: "any depth, any case", fsys: fstest.MapFS{"n01443537/a/b/c/x.PNG": file, "n01443537/images/y.JpG": file, "n01443537/boxes.txt": file}, o: Options{Classes: 1000}, want: []Item{{Path: "n01443537/a/b/c/x.PNG", Label: 1}, {Path: "n01443537/images/y.JpG", Label: 1}}, notes: []string{"1 file is no image by the suffix: 1 of .txt"}},
		{name: "one folder around", fsys: fstest.MapFS{"set/n01443537/x.JPEG": file, "__MACOSX/set/n01443537/._x.JPEG": file, "set/.DS_Store": file}, o: Options{Classes: 1000}, want: []Item{{Path: "set/n01443537/x.JPEG", Label: 1}}},
		{name: "folders of own classes", fsys: fstest.MapFS{"dog/x.JPEG": file, "cat/x.JPEG": file}, o: Options{Classes: 2, Names: []string{"cat", "dog"}}, want: []Item{{Path: "cat/x.JPEG", Label: 0}, {Path: "dog/x.JPEG", Label: 1}}},
		{name: "a name that two classes have", fsys: fstest.MapFS{"cat/x.JPEG": file, "dog/x.JPEG": file}, o: Options{Classes: 3, Names: []string{"cat", "dog", "dog"}}, want: []Item{{Path: "cat/x.JPEG", Label: 0}}, left: "no class: dog", notes: []string{"expected the names"}},
		{name: "own names in ImageNet's number", fsys: fstest.MapFS{"n01443537/x.JPEG": file}, o: Options{Classes: 1000, Names: make([]string, 1000)}, err: "called otherwise"},
		{name: "background", fsys: fstest.MapFS{"n01443537/x.JPEG": file}, o: Options{Classes: 1001, Offset: 1}, want: []Item{{Path: "n01443537/x.JPEG", Label: 2}}},
		{name: "background not said", fsys: fstest.MapFS{"n01443537/x.JPEG": file, "n01440764/x.JPEG": file}, o: Options{Classes: 1001}, err: "--classes-offset 1"},
		{name: "background in lists", fsys: fstest.MapFS{"val.txt": text("b.JPEG 9"), "b.JPEG": file}, o: Options{Classes: 11, Offset: 1}, want: []Item{{Path: "b.JPEG", Label: 10}}},
		{name: "background in names", fsys: fstest.MapFS{"cat/b.JPEG": file}, o: Options{Classes: 3, Offset: 1, Names: []string{"cat", "dog"}}, want: []Item{{Path: "cat/b.JPEG", Label: 1}}},
		{name: "numbered folders", fsys: fstest.MapFS{"0/x.JPEG": file, "10/x.JPEG": file, "281/x.JPEG": file, "readme/x.txt": file}, o: Options{Classes: 1000}, want: []Item{{Path: "0/x.JPEG", Label: 0}, {Path: "10/x.JPEG", Label: 10}, {Path: "281/x.JPEG", Label: 281}},
			notes: []string{"whole numbers below 1000", "readme is no class", "1 file is no image"}},
		{name: "a number too high", fsys: fstest.MapFS{"0/x.JPEG": file, "10/x.JPEG": file}, o: Options{Classes: 10}, err: "the 10 classes of the classifier have no names"},
		{name: "numbers and names", fsys: fstest.MapFS{"0/x.JPEG": file, "cat/x.JPEG": file}, o: Options{Classes: 10}, err: "no folder of images named by class"},
		{name: "names that are numbers", fsys: fstest.MapFS{"9/x.JPEG": file, "10/x.JPEG": file}, o: Options{Classes: 10, Names: digits}, want: []Item{{Path: "9/x.JPEG", Label: 9}}, left: "in folders that are no class: 10", notes: []string{"expected the names"}},
		{name: "images of no class", fsys: fstest.MapFS{"9/x.JPEG": file, "x.JPEG": file}, o: Options{Classes: 10, Names: digits}, want: []Item{{Path: "9/x.JPEG", Label: 9}}, left: "beside the folders of classes: x.JPEG"},
		{name: "empty class", fsys: fstest.MapFS{"n01443537/x.JPEG": file, "n01440764": {Mode: fs.ModeDir}}, o: Options{Classes: 1000}, want: []Item{{Path: "n01443537/x.JPEG", Label: 1}}, notes: []string{"holds no image: n01440764 (class 0)"}},
		{name: "empty classes only", fsys: fstest.MapFS{"n01440764": {Mode: fs.ModeDir}}, o: Options{Classes: 1000}, err: "hold no image"},
		{name: "no suffix", fsys: fstest.MapFS{"n01440764/x": file}, o: Options{Classes: 1000}, err: "1 of no suffix"},
		{name: "other formats are named", fsys: fstest.MapFS{"n01440764/x.heic": file}, o: Options{Classes: 1000}, want: []Item{{Path: "n01440764/x.heic", Label: 0}}},
		{name: "not regular", fsys: fstest.MapFS{"9/x.JPEG": file, "9/y.JPEG": {Mode: fs.ModeNamedPipe}, "9/z": {Mode: fs.ModeDevice}}, o: Options{Classes: 10, Names: digits}, want: []Item{{Path: "9/x.JPEG", Label: 9}},
			left: "1 image that are no regular files: 9/y.JPEG (a named pipe)", notes: []string{"not opened"}},
		{name: "nothing", fsys: fstest.MapFS{}, o: Options{Classes: 10}, err: "named by class, such as n01440764"},
		{name: "no labels", fsys: fstest.MapFS{"x/x.JPEG": file}, o: Options{Classes: 1000}, err: "found x, expected WordNet ids"},
		{name: "no class known", fsys: fstest.MapFS{"cats/x.JPEG": file, "dogs/x.JPEG": file}, o: Options{Classes: 2, Names: []string{"cat", "dog"}}, err: "found cats, dogs; expected the names of classes: cat, dog"},
		{name: "class beyond the model", fsys: fstest.MapFS{"n15075141/x.JPEG": file}, o: Options{Classes: 10}, err: "the classifier has 10"},
		{name: "control characters", fsys: fstest.MapFS{"c\x1b[2J/x.JPEG": file, "b/x.JPEG": file}, o: Options{Classes: 2, Names: []string{"cat", "dog"}}, err: `c\x1b[2J`},
		{name: "adversarial", fsys: fstest.MapFS{"n01498041/0.000116_digital clock _ digital clock_0.865662.jpg": file}, o: Options{Classes: 1000}, want: []Item{{Path: "n01498041/0.000116_digital clock _ digital clock_0.865662.jpg", Label: 6}}, notes: []string{"taken for those of ImageNet-A", "about 200 of the 1000 classes"}},

		// ILSVRC's own images tell how their classes are numbered.
		{name: "from zero", fsys: validationSet("val.txt", v+"1.JPEG 65\n"+v+"2.JPEG 970\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970), notes: []string{"3 images lie beside"}},
		{name: "development kit", fsys: validationSet("val.txt", v+"2.JPEG 361\n"+v+"1.JPEG 490\n"+v+"3.JPEG 171\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970, 230), notes: []string{"development kit; they were renumbered", "beside"}},
		{name: "from one", fsys: validationSet("val.txt", v+"1.JPEG 66\n"+v+"2.JPEG 971\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970), notes: []string{"from 1, in the order of WordNet ids; they were renumbered", "beside"}},
		{name: "wrong labels", fsys: validationSet("val.txt", v+"1.JPEG 65\n"+v+"2.JPEG 971\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 971), notes: []string{"00000002.JPEG is labelled 971", "beside"}},
		{name: "not told", fsys: fstest.MapFS{"val.txt": text("a 1\nb 1000"), "a": file, "b": file}, o: Options{Classes: 1000}, err: "number them from 0"},
		{name: "other classes", fsys: validationSet("val.txt", v+"1.JPEG 490\n"), o: Options{Classes: 500}, want: ilsvrc(490), notes: []string{"beside"}},
		{name: "ground truth", fsys: validationSet(TruthFile, "490\n361\n171\n822\n297\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970, 230, 809, 516)},
		{name: "ground truth from elsewhere", fsys: validationSet("x", ""), o: Options{Classes: 1000, List: []byte("490\r\n361\r\n171\r\n822\r\n297\r\n"), ListName: "truth.txt"}, want: ilsvrc(65, 970, 230, 809, 516), notes: []string{"renumbered"}},
		{name: "ground truth without its images", fsys: validationSet(TruthFile, "490\n361\n171\n822\n297\n482\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970, 230, 809, 516), left: "00000006.JPEG"},
		{name: "ground truth of other classes", fsys: validationSet(TruthFile, "490\n"), o: Options{Classes: 10}, err: "the model has 10"},
		{name: "ground truth out of range", fsys: validationSet(TruthFile, "0\n"), o: Options{Classes: 1000}, left: "with another label than 0 to 999", notes: nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.List != nil {
				list, err := textfile.Decode(tt.o.List)
				if err != nil {
					t.Fatal(err)
				}
				if tt.o.List = list; tt.o.ListName == "" {
					tt.o.ListName = ListFile
				}
			}
			got, err := Walk(t.Context(), tt.fsys, tt.o)
			if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, got.Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if left := fmt.Sprint(got.Left); (len(got.Left) > 0) != (tt.left != "") || !strings.Contains(left, tt.left) {
				t.Errorf("left out %q, want %q", left, tt.left)
			}
			var notes []string
			for _, note := range got.Notes {
				if !strings.Contains(note, "classes have no image in the set") {
					notes = append(notes, note)
				}
			}
			if len(notes) != len(tt.notes) {
				t.Fatalf("notes %q, want %q", notes, tt.notes)
			}
			for i, part := range tt.notes {
				if !strings.Contains(notes[i], part) {
					t.Errorf("no %q in the note %q", part, notes[i])
				}
			}
		})
	}
}

// Classes without images are counted, and the first are named.
func TestMissing(t *testing.T) {
	s, err := Walk(t.Context(), fstest.MapFS{"n01443537/x.JPEG": file}, Options{Classes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if want := "999 of the 1000 classes have no image in the set: tench, great white shark, "; len(s.Notes) != 1 || !strings.HasPrefix(s.Notes[0], want) {
		t.Errorf("%q, want %q", s.Notes, want)
	}
}

// tarOf writes an archive of files and folders, those with a name ending in "/".
func tarOf(t testing.TB, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(name)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(name)); err != nil { // each file holds its own name
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set.tar")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTar(t *testing.T) {
	long := strings.Repeat("long/", 60) + "name.JPEG" // needs an extended header
	path := tarOf(t, "./", "./n01440764/", "./n01440764/a.JPEG", "n01443537/b.JPEG", long)
	archive, closer, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if err := fstest.TestFS(archive, "n01440764/a.JPEG", "n01443537/b.JPEG", long); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"n01440764/a.JPEG": "./n01440764/a.JPEG", long: long} {
		if got, err := fs.ReadFile(archive, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v: want %q", name, got, err, want)
		}
	}
	set, err := Walk(t.Context(), archive, Options{Classes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Item{{Path: "n01440764/a.JPEG", Label: 0}, {Path: "n01443537/b.JPEG", Label: 1}}, set.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestTarErrors(t *testing.T) {
	whole := tarOf(t, "a.JPEG", "b.JPEG")
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(cut, data[:512+3], 0o600); err != nil {
		t.Fatal(err)
	}
	zeros := filepath.Join(t.TempDir(), "zeros.tar")
	if err := os.WriteFile(zeros, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, err string }{
		"leaves":      {tarOf(t, "../a.JPEG"), "within the archive"},
		"absolute":    {tarOf(t, "/a.JPEG"), "within the archive"},
		"twice":       {tarOf(t, "a.JPEG", "./a.JPEG"), "twice"},
		"file folder": {tarOf(t, "a", "a/b"), "a file and a folder"},
		"cut":         {cut, "ends after"},
		"empty":       {zeros, "no file"},
		"no archive":  {os.Args[0], ".tar"},
		"not there":   {"nowhere.tar", "nowhere.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			_, closer, err := Open(t.Context(), tt.path)
			if err == nil {
				closer.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: want %q", err, tt.err)
			}
		})
	}
}

// readEverything reads what an archive holds; the links of a hostile one may lead anywhere in it.
func readEverything(t *testing.T, archive *Archive) {
	paths, err := ListImages(t.Context(), archive, ".")
	if err != nil {
		t.Error(err)
	}
	for _, name := range paths {
		if st, err := fs.Stat(archive, name); err == nil && st.Mode().IsRegular() && st.Size() < 1<<20 {
			if data, err := ReadImage(archive, name, func(int64) {}); err == nil && int64(len(data)) > st.Size() {
				t.Errorf("%q: %d bytes of %d", name, len(data), st.Size())
			}
		}
	}
	Walk(t.Context(), archive, Options{Classes: 1000})
}

// Whatever the bytes, an archive that opens can be read.
func FuzzTar(f *testing.F) {
	for _, path := range []string{tarOf(f, "a.JPEG", "n01440764/", "n01440764/b.JPEG"), tarOf(f, strings.Repeat("x", 200))} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if archive, err := readTar(bytes.NewReader(data), int64(len(data)), func() error { return nil }); err == nil {
			readEverything(t, archive)
		}
	})
}

func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, member{"n01440764/a.JPEG", "x", 0}, member{"n01443537", "n01440764", fs.ModeSymlink}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if archive, err := readZip(bytes.NewReader(data), int64(len(data)), func() error { return nil }); err == nil {
			readEverything(t, archive)
		}
	})
}

// Whatever a list says, no label leaves the classes and no path leaves the set.
func FuzzList(f *testing.F) {
	f.Add([]byte("ILSVRC2012_val_00000001.JPEG 490\n"))
	f.Add([]byte("a b 3\n\n../x 1"))
	set := validationSet("x", "")
	f.Fuzz(func(t *testing.T, list []byte) {
		list, err := textfile.Decode(list)
		if err != nil {
			return
		}
		s, err := Walk(t.Context(), set, Options{Classes: 1000, List: list, ListName: "list"})
		if err != nil {
			return
		}
		for _, item := range s.Items {
			if item.Label < 0 || item.Label >= 1000 || set[item.Path] == nil {
				t.Errorf("%+v", item)
			}
		}
	})
}
