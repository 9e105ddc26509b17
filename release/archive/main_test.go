package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An entry is what a reader of an archive sees.
type entry struct {
	Name, Data string
	Mode       int64
	Time       int64
}

// Two folders of the same files, written in another order and at other times, give the same
// archives, and readers see the files in them.
func TestSameFilesGiveSameBytes(t *testing.T) {
	files := []entry{{Name: "zoo", Data: "program", Mode: 0o755}, {Name: "man/zoo.1", Data: "page", Mode: 0o600}, {Name: "README.md",
		Mode: 0o664}}
	folder := func(order []int, at time.Time) string {
		dir := filepath.Join(t.TempDir(), "zoo_1.2.3")
		for _, i := range order {
			name := filepath.Join(dir, files[i].Name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(files[i].Data), os.FileMode(files[i].Mode)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, at, at); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	const at = 1_700_000_000
	want := []entry{
		{"zoo_1.2.3/README.md", "", 0o644, at}, {"zoo_1.2.3/man/zoo.1", "page", 0o644, at}, {"zoo_1.2.3/zoo", "program", 0o755, at},
	}
	one, two := folder([]int{0, 1, 2}, time.Now()), folder([]int{2, 1, 0}, time.Unix(1, 0))
	for name, read := range map[string]func([]byte) []entry{
		"a.tar.gz": func(data []byte) []entry { return readTar(t, data) },
		"a.zip":    func(data []byte) []entry { return readZip(t, data) },
	} {
		var packed [][]byte
		for _, dir := range []string{one, two} {
			out := filepath.Join(t.TempDir(), name)
			if err := run(out, dir, "1700000000"); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			packed = append(packed, data)
		}
		if !bytes.Equal(packed[0], packed[1]) {
			t.Errorf("%s: other bytes", name)
		}
		if diff := cmp.Diff(want, read(packed[0])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if err := run(filepath.Join(t.TempDir(), "a.zip"), one, "yesterday"); err == nil {
		t.Error("a time that is none is taken")
	}
}

func readTar(t *testing.T, data []byte) (list []entry) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{h.Name, string(text), h.Mode, h.ModTime.Unix()})
	}
}

func readZip(t *testing.T, data []byte) (list []entry) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{f.Name, string(text), int64(f.Mode()), f.Modified.Unix()})
	}
	return list
}
