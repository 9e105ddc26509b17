package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// badImages writes a folder of images, good and bad by turns, and returns what is the matter with
// each, in path order.
func badImages(t *testing.T) (dir string, kinds []string) {
	t.Helper()
	five := embedded(t, "val/00003.png")
	damaged := append([]byte(nil), five...)
	damaged[len(damaged)-40] ^= 1 // in the pixels, before a checksum
	wide := append([]byte(nil), five...)
	copy(wide[16:], "\x7f\xff\xff\xff")
	dir = t.TempDir()
	for _, f := range []struct {
		name, kind string
		data       []byte
	}{
		{"1.png", "", five}, {"2.png", "format", []byte("text")}, {"3.png", "", five}, {"4.png", "empty", nil},
		{"5.png", "truncated", five[:len(five)-30]}, {"6.png", "invalid", damaged}, {"7.png", "invalid", wide}, {"8.png", "", five},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o600); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, f.kind)
	}
	return dir, kinds
}

// Programs find one object for each image in order, those that cannot be read among them, and
// read of no image twice.
func TestBadImagesInTheirPlace(t *testing.T) {
	dir, kinds := badImages(t)
	type object struct {
		Version           int    `json:"schema_version"`
		Image, Kind       string `json:",omitempty"`
		Top, Features     []any
		Error             string
		ExitStatus, Event any
	}
	check := func(t *testing.T, results []object, stderr string) {
		t.Helper()
		var got []string
		for i, r := range results {
			got = append(got, r.Kind)
			want, good := filepath.Join(dir, string('1'+rune(i))+".png"), len(r.Top)+len(r.Features) > 0
			if r.Image != want || (r.Kind == "") != good || (r.Error == "") != good {
				t.Errorf("%+v, want one of %s", r, want)
			}
		}
		if diff := cmp.Diff(kinds, got); diff != "" {
			t.Errorf("kinds (-want +got)\n%s", diff)
		}
		if strings.Contains(stderr, ".png") || !strings.Contains(stderr, `"error":"5 of 8 images could not be read","exit_status":1}`) {
			t.Errorf("standard error: %s", stderr)
		}
	}
	for _, name := range []string{"predict", "embed"} {
		t.Run(name+" ndjson", func(t *testing.T) {
			got := command(t, t.TempDir(), name, nanoModel, dir, "--format", "ndjson")
			var results []object
			for _, line := range strings.Split(strings.TrimSpace(got.stdout), "\n") {
				var r object
				if err := json.Unmarshal([]byte(line), &r); err != nil || r.Version != schemaVersion {
					t.Fatalf("%v: %s", err, line)
				}
				results = append(results, r)
			}
			check(t, results, got.stderr)
			if got.status != exitInternal {
				t.Errorf("exit status %d", got.status)
			}
		})
		t.Run(name+" json", func(t *testing.T) {
			got := command(t, t.TempDir(), name, nanoModel, dir, "--format", "json")
			var doc struct{ Results []object }
			if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil {
				t.Fatalf("%v: %s", err, got.stdout)
			}
			check(t, doc.Results, got.stderr)
		})
	}
	bad := filepath.Join(dir, "2.png")
	said := "expected a JPEG"
	play(t, t.TempDir(), []situation{
		{name: "one image", args: []string{"predict", nanoModel, bad, "--format", "ndjson"}, status: exitInternal,
			says: []string{`"kind":"format"}`, `{"schema_version":1,"error":"1 of 1 images could not be read","exit_status":1}`}},
		{name: "one that may not be read", status: exitUsage,
			args: []string{"embed", nanoModel, os.DevNull, "--format", "ndjson"},
			says: []string{`"kind":"unreadable"}`, `"exit_status":2}`}},
		{name: "one, for people", args: []string{"predict", nanoModel, bad}, status: exitInternal,
			says: []string{"2.png", said}, never: []string{"1 of 1"}},
		{name: "too large", status: exitInternal,
			args: []string{"predict", nanoModel, filepath.Join(dir, "1.png"), "--max-pixels", "1", "--format", "ndjson"},
			says: []string{`"kind":"size"}`}},
	})
}
