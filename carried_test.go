package zoo_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/store"
)

// A bundle whose row would act, lie, or is of another file or network is refused, and nothing of it is written.
func TestHostileBundleRows(t *testing.T) {
	z := newZoo(t)
	entry, err := z.Registry().Lookup(nano.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	src, err := z.Download(t.Context(), entry.Name)
	if err != nil {
		t.Fatal(err)
	}
	own := *entry
	own.Name, own.Weights.Digest, own.Weights.Size = "mine", src.Digest, src.Size
	good, err := own.Carried()
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string, row []byte) (*zoo.Zoo, *bundle.Loaded, error) {
		t.Helper()
		c := bundle.Contents{Blobs: map[string]store.Blob{name: {Path: src.Path, Digest: src.Digest, Size: src.Size}},
			Rows: map[string][]byte{name: row}}
		var b bytes.Buffer
		if err := bundle.Create(t.Context(), &b, c); err != nil {
			t.Fatal(err)
		}
		to := newZoo(t)
		loaded, err := to.LoadBundle(t.Context(), &b)
		return to, loaded, err
	}
	if _, loaded, err := load("mine", good); err != nil || len(loaded.Rows) != 1 {
		t.Fatalf("the row that is edited below: %+v, %v", loaded, err)
	}
	edit := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the row has no %q:\n%s", old, good)
		}
		return []byte(strings.ReplaceAll(string(good), old, new))
	}
	for name, tt := range map[string]struct {
		model, says string
		row         []byte
	}{
		"a file of this machine": {"mine", "weights.url", edit("\nsize = ", "\nurl = \"file:/etc/passwd\"\nsize = ")},
		"another file's":         {"mine", "it is of a file of", edit("\nsize = ", "\nsize = 1")},
		"another model's":        {"mine", `it is of model "yours"`, edit("[mine", "[yours")},
		"no network":             {"mine", "nowhere", edit(entry.Arch, "nowhere")},
		"a control character":    {"mine", "licence", edit("licence = \"", "licence = \"\\u001b")},
		"another case":           {strings.ToUpper(entry.Name), "in case only", edit("[mine", "["+strings.ToUpper(entry.Name))},
		"no text":                {"mine", "UTF-8", []byte("\xff")},
	} {
		to, _, err := load(tt.model, tt.row)
		if !errors.As(err, new(*bundle.Error)) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error = %v, want one with %q", name, err, tt.says)
		}
		if left, err := os.ReadDir(to.Store().Dir()); err == nil && len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
	// A name that is built in has the row that is: one that differs is left out, one that does not is not needed.
	built := *entry
	built.Weights.Digest, built.Weights.Size = src.Digest, src.Size
	same, err := built.Carried()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]byte{same, bytes.Replace(same, []byte("crop = 32"), []byte("crop = 16"), 1)} {
		to, loaded, err := load(entry.Name, row)
		if err != nil || len(loaded.Rows) != 0 {
			t.Errorf("%+v, %v", loaded, err)
		}
		if names, err := bundle.RowNames(to.Store().Dir()); err != nil || len(names) > 0 {
			t.Errorf("%q was kept, %v", names, err)
		}
	}
}
