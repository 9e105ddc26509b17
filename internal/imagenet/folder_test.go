package imagenet

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
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

func TestWalk(t *testing.T) {
	ilsvrc := func(labels ...int) []Item {
		items := make([]Item, len(labels))
		for i, label := range labels {
			items[i] = Item{"ILSVRC2012_val_0000000" + string(rune('1'+i)) + ".JPEG", label}
		}
		return items
	}
	const v = "ILSVRC2012_val_0000000"
	tests := []struct {
		name  string
		fsys  fstest.MapFS
		o     Options
		want  []Item
		notes []string // parts, one a note
		err   string   // part of the message
	}{
		{name: "list beside the images", fsys: fstest.MapFS{"val.txt": text("b.JPEG 3\n\na c.JPEG 0\n"), "b.JPEG": file, "a c.JPEG": file}, o: Options{Classes: 10}, want: []Item{{"a c.JPEG", 0}, {"b.JPEG", 3}}},
		{name: "list with a val folder", fsys: fstest.MapFS{"val.txt": text("b.JPEG 3"), "val/b.JPEG": file}, o: Options{Classes: 10}, want: []Item{{"val/b.JPEG", 3}}},
		{name: "list from elsewhere", fsys: fstest.MapFS{"b.JPEG": file}, o: Options{Classes: 10, List: []byte("b.JPEG 3")}, want: []Item{{"b.JPEG", 3}}},
		{name: "class folders", fsys: fstest.MapFS{"n01443537/x.JPEG": file, "n01440764/y.JPEG": file, "n01440764/.DS_Store": file, "other/z.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{"n01440764/y.JPEG", 0}, {"n01443537/x.JPEG", 1}}},
		{name: "class folders in val", fsys: fstest.MapFS{"val/n01443537/x.JPEG": file}, o: Options{Classes: 1000}, want: []Item{{"val/n01443537/x.JPEG", 1}}},
		{name: "folders of own classes", fsys: fstest.MapFS{"dog/x.JPEG": file, "cat/x.JPEG": file}, o: Options{Classes: 2, Names: []string{"cat", "dog"}}, want: []Item{{"cat/x.JPEG", 0}, {"dog/x.JPEG", 1}}},
		{name: "empty class", fsys: fstest.MapFS{"n01443537/x.JPEG": file, "n01440764": {Mode: fs.ModeDir}}, o: Options{Classes: 1000}, want: []Item{{"n01443537/x.JPEG", 1}}, notes: []string{"class 0: the folder n01440764 holds no image"}},
		{name: "empty classes only", fsys: fstest.MapFS{"n01440764": {Mode: fs.ModeDir}}, o: Options{Classes: 1000}, err: "hold no image"},
		{name: "label too large", fsys: fstest.MapFS{"val.txt": text("b.JPEG 10"), "b.JPEG": file}, o: Options{Classes: 10}, err: "line 1: expected a label from 0 to 9, found 10"},
		{name: "negative label", fsys: fstest.MapFS{"val.txt": text("\nb.JPEG -1"), "b.JPEG": file}, o: Options{Classes: 10}, err: "line 2: expected a label from 0 to 9, found -1"},
		{name: "no label", fsys: fstest.MapFS{"val.txt": text("b.JPEG"), "b.JPEG": file}, o: Options{Classes: 10}, err: "PATH LABEL"},
		{name: "name as label", fsys: fstest.MapFS{"val.txt": text("b.JPEG cat"), "b.JPEG": file}, o: Options{Classes: 10}, err: "whole number"},
		{name: "image missing", fsys: fstest.MapFS{"val.txt": text("b.JPEG 1")}, o: Options{Classes: 10}, err: "not there"},
		{name: "twice", fsys: fstest.MapFS{"val.txt": text("b.JPEG 1\nb.JPEG 2"), "b.JPEG": file}, o: Options{Classes: 10}, err: "twice"},
		{name: "leaves the folder", fsys: fstest.MapFS{"val.txt": text("../b.JPEG 1")}, o: Options{Classes: 10}, err: "leaves"},
		{name: "empty list", fsys: fstest.MapFS{"val.txt": text("\n")}, o: Options{Classes: 10}, err: "no image"},
		{name: "nothing known", fsys: fstest.MapFS{"cats/x.JPEG": file}, o: Options{Classes: 10}, err: "named by class"},
		{name: "class beyond the model", fsys: fstest.MapFS{"n15075141/x.JPEG": file}, o: Options{Classes: 10}, err: "10 classes"},

		// ILSVRC's own images tell how their classes are numbered.
		{name: "from zero", fsys: validationSet("val.txt", v+"1.JPEG 65\n"+v+"2.JPEG 970\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970)},
		{name: "development kit", fsys: validationSet("val.txt", v+"2.JPEG 361\n"+v+"1.JPEG 490\n"+v+"3.JPEG 171\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970, 230), notes: []string{"development kit; they were renumbered"}},
		{name: "from one", fsys: validationSet("val.txt", v+"1.JPEG 66\n"+v+"2.JPEG 971\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970), notes: []string{"from 1, in the order of WordNet ids; they were renumbered"}},
		{name: "wrong labels", fsys: validationSet("val.txt", v+"1.JPEG 65\n"+v+"2.JPEG 971\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 971), notes: []string{"00000002.JPEG is labelled 971"}},
		{name: "not told", fsys: fstest.MapFS{"val.txt": text("a 1\nb 1000"), "a": file, "b": file}, o: Options{Classes: 1000}, err: "number them from 0"},
		{name: "other classes", fsys: validationSet("val.txt", v+"1.JPEG 490\n"), o: Options{Classes: 500}, want: ilsvrc(490)},
		{name: "ground truth", fsys: validationSet(TruthFile, "490\n361\n171\n822\n297\n"), o: Options{Classes: 1000}, want: ilsvrc(65, 970, 230, 809, 516)},
		{name: "ground truth without its images", fsys: validationSet(TruthFile, "490\n361\n171\n822\n297\n482\n"), o: Options{Classes: 1000}, err: "00000006.JPEG\" is not there"},
		{name: "ground truth of other classes", fsys: validationSet(TruthFile, "490\n"), o: Options{Classes: 10}, err: "the model has 10"},
		{name: "ground truth out of range", fsys: validationSet(TruthFile, "0\n"), o: Options{Classes: 1000}, err: "from 1 to 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Walk(tt.fsys, tt.o)
			if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, got.Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if len(got.Notes) != len(tt.notes) {
				t.Fatalf("notes %q, want %q", got.Notes, tt.notes)
			}
			for i, part := range tt.notes {
				if !strings.Contains(got.Notes[i], part) {
					t.Errorf("no %q in the note %q", part, got.Notes[i])
				}
			}
		})
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
	archive, err := OpenTar(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := fstest.TestFS(archive, "n01440764/a.JPEG", "n01443537/b.JPEG", long); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"n01440764/a.JPEG": "./n01440764/a.JPEG", long: long} {
		if got, err := fs.ReadFile(archive, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v: want %q", name, got, err, want)
		}
	}
	set, err := Walk(archive, Options{Classes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Item{{"n01440764/a.JPEG", 0}, {"n01443537/b.JPEG", 1}}, set.Items); diff != "" {
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
		"no archive":  {os.Args[0], "tar"},
		"not there":   {"nowhere.tar", "nowhere.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			archive, err := OpenTar(tt.path)
			if err == nil {
				archive.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: want %q", err, tt.err)
			}
		})
	}
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
		archive, err := newTar(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		err = fs.WalkDir(archive, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(archive, name)
			if info, _ := d.Info(); err == nil && int64(len(content)) != info.Size() {
				t.Errorf("%q: %d bytes of %d", name, len(content), info.Size())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Whatever a list says, no label leaves the classes and no path leaves the set.
func FuzzList(f *testing.F) {
	f.Add([]byte("ILSVRC2012_val_00000001.JPEG 490\n"))
	f.Add([]byte("a b 3\n\n../x 1"))
	set := validationSet("x", "")
	f.Fuzz(func(t *testing.T, list []byte) {
		s, err := Walk(set, Options{Classes: 1000, List: list})
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
