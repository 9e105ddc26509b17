package bundle_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// checkpoints are the published files of the tests, by the names of their models;
// b and c are the same file.
var checkpoints = map[string][]byte{"a": bytes.Repeat([]byte("first "), 1000), "b": []byte("second"), "c": []byte("second")}

func digestOf(b []byte) digest.Digest { return digest.Of(sha256.Sum256(b)) }

func newStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contents(t testing.TB) bundle.Contents {
	t.Helper()
	s := newStore(t)
	c := bundle.Contents{
		Blobs:    make(map[string]store.Blob),
		Goldens:  map[string]map[string][]byte{"a": {"images.safetensors.zst": []byte("golden")}},
		Licences: map[string][]byte{"a": []byte("Do as you like.")},
	}
	for name, data := range checkpoints {
		e := &registry.Entry{Name: name, Weights: registry.Weights{URL: "embedded:f", Digest: digestOf(data)}}
		blob, err := s.Fetch(t.Context(), e, store.Options{Embedded: fstest.MapFS{"f": {Data: data}}})
		if err != nil {
			t.Fatal(err)
		}
		c.Blobs[name] = blob
	}
	return c
}

func create(t testing.TB, c bundle.Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Create(t.Context(), &b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files returns what is below a folder, locks left out.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, "locks") && !strings.Contains(path, "checked") {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, filepath.ToSlash(rel))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	data := create(t, contents(t))
	if again := create(t, contents(t)); !bytes.Equal(data, again) {
		t.Error("the same contents gave other bytes")
	}
	s := newStore(t)
	var checked []string
	loaded, err := bundle.Load(t.Context(), bytes.NewReader(data), s, bundle.LoadOptions{Check: func(m bundle.Model) error {
		if m.Pin.Digest != digestOf(checkpoints[m.Name]) || m.Pin.Size != int64(len(checkpoints[m.Name])) {
			t.Errorf("check of %+v", m)
		}
		checked = append(checked, m.Name)
		if left := files(t, s.Dir()); left != nil {
			t.Errorf("before the check of %s: %q were written", m.Name, left)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, checked); d != "" {
		t.Errorf("checked (-want +got)\n%s", d)
	}
	want := []string{
		"blobs/sha256/" + digestOf(checkpoints["a"]).String(), "blobs/sha256/" + digestOf(checkpoints["b"]).String(),
		"goldens/a/images.safetensors.zst", "goldens/a/images.safetensors.zst.origin", "licences/a.txt", "refs/a", "refs/b", "refs/c",
	}
	slices.Sort(want)
	if d := cmp.Diff(want, files(t, s.Dir())); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
	if len(loaded.Models) != 3 || len(loaded.Files) != 2 {
		t.Errorf("loaded %+v", loaded)
	}
	// The models are there without a network, by the word that their rows state: an unsigned
	// bundle adds none.
	for name, data := range checkpoints {
		prefix, _ := digest.Parse(digestOf(data).Short())
		e := &registry.Entry{Name: name, Weights: registry.Weights{URL: "https://host.invalid/f", Digest: prefix}}
		blob, err := s.Fetch(t.Context(), e, store.Options{Offline: true})
		if err != nil || blob.CheckedBy != store.ByPrefix || blob.Origin.Way != lock.Bundle {
			t.Errorf("%s: %+v, %v", name, blob, err)
		}
		if got, err := os.ReadFile(blob.Path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: other bytes, %v", name, err)
		}
	}
	if h, err := s.Verify(t.Context(), nil); err != nil || h.Files != 2 || len(h.Faults) > 0 {
		t.Errorf("verify: %+v, %v", h, err)
	}
}

// TestTarReadsIt has the system's tar list and extract a bundle.
func TestTarReadsIt(t *testing.T) {
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip("tar is not here")
	}
	c := exec.CommandContext(t.Context(), "tar", "-C", t.TempDir(), "-xvf", "-")
	c.Stdin = bytes.NewReader(create(t, contents(t)))
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	blobs := []string{"blobs/sha256/" + digestOf(checkpoints["a"]).String(), "blobs/sha256/" + digestOf(checkpoints["b"]).String()}
	slices.Sort(blobs)
	want := append([]string{"MANIFEST", "goldens/a/images.safetensors.zst", "licences/a.txt", "zoo.lock"}, blobs...)
	if d := cmp.Diff(want, strings.Fields(string(out))); d != "" {
		t.Errorf("members (-want +got)\n%s", d)
	}
	m, err := os.ReadFile(filepath.Join(c.Args[2], "MANIFEST"))
	if err != nil || !strings.HasPrefix(string(m), "zoo-bundle/2\nfile sha256:"+digestOf([]byte("golden")).String()+" 6 goldens/") {
		t.Errorf("manifest = %q, %v", m, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	good := contents(t)
	damaged := contents(t)
	blob := damaged.Blobs["a"]
	os.Chmod(blob.Path, 0o600)
	data := bytes.Clone(checkpoints["a"])
	data[7] ^= 1
	if err := os.WriteFile(blob.Path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(edit func(c *bundle.Contents)) bundle.Contents {
		c := good
		edit(&c)
		return c
	}
	tests := []struct {
		name string
		c    bundle.Contents
		want any
		text string
	}{
		{"damaged checkpoint", damaged, new(*store.MismatchError), digestOf(checkpoints["a"]).String()},
		{"path up", with(func(c *bundle.Contents) { c.Goldens = map[string]map[string][]byte{"a": {"../x": nil}} }), new(*bundle.Error), "expected zoo.lock"},
		{"golden called as a record", with(func(c *bundle.Contents) { c.Goldens = map[string]map[string][]byte{"a": {"x.origin": nil}} }), new(*bundle.Error), "x.origin"},
		{"golden of another model", with(func(c *bundle.Contents) { c.Goldens = map[string]map[string][]byte{"z": {"x": nil}} }), new(*bundle.Error), "not in the bundle"},
		{"other folder", with(func(c *bundle.Contents) { c.Licences = map[string][]byte{"z": nil} }), new(*bundle.Error), "licences/z.txt: it is of a model that is not"},
		{"lock without a name", with(func(c *bundle.Contents) { c.Lock = []byte("zoo-lock/1\n") }), new(*store.TrustError), "does not pin"},
		{"lock of nothing", with(func(c *bundle.Contents) { c.Lock = []byte("x") }), new(error), "zoo-lock/1"},
	}
	for _, tt := range tests {
		if err := bundle.Create(t.Context(), io.Discard, tt.c); err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error = %v, want a %T with %q", tt.name, err, tt.want, tt.text)
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bundle.Create(done, io.Discard, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error = %v", err)
	}
}

// member is one of a tar file.
type member struct {
	tar.Header
	data []byte
}

func members(t testing.TB, data []byte) []member {
	t.Helper()
	var out []member
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, member{*h, body})
	}
}

func pack(t testing.TB, ms []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range ms {
		if m.Typeflag == tar.TypeReg {
			m.Size = int64(len(m.data))
		}
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLoadRefuses(t *testing.T) {
	good := create(t, contents(t))
	const manifest, golden, licence, lockFile, blob = 0, 1, 2, 3, 4
	edit := func(f func(ms []member) []member) []byte { return pack(t, f(members(t, good))) }
	replace := func(old, new string) []byte { // in the manifest
		return edit(func(ms []member) []member {
			if !bytes.Contains(ms[manifest].data, []byte(old)) {
				t.Fatalf("the manifest has no %q", old)
			}
			ms[manifest].data = bytes.Replace(ms[manifest].data, []byte(old), []byte(new), 1)
			return ms
		})
	}
	hexA := digestOf(checkpoints["a"]).String()
	extra := member{tar.Header{Typeflag: tar.TypeReg, Name: "../../evil", Mode: 0o644}, []byte("x")}
	tests := []struct {
		name string
		data []byte
		want any
		text string
	}{
		{"empty", nil, new(*bundle.Error), "MANIFEST: expected as the next file"},
		{"not a tar", []byte(strings.Repeat("<html>", 200)), new(*bundle.Error), "MANIFEST"},
		{"no manifest", edit(func(ms []member) []member { return ms[1:] }), new(*bundle.Error), "expected the file MANIFEST here"},
		{"a path up, first", edit(func(ms []member) []member { return append([]member{extra}, ms...) }), new(*bundle.Error), "../../evil"},
		{"a path up, last", edit(func(ms []member) []member { return append(ms, extra) }), new(*bundle.Error), "../../evil: the manifest does not list it"},
		{"a path up, listed", replace("goldens/a/images", "goldens/../../a/images"), new(*bundle.Error), "expected zoo.lock"},
		{"an absolute path, listed", replace("goldens/a/images.safetensors.zst", "/etc/passwd"), new(*bundle.Error), "/etc/passwd"},
		{"a hidden file, listed", replace("goldens/a/images", "goldens/a/.images"), new(*bundle.Error), "goldens/a/.images"},
		{"a drive, listed", replace("goldens/a/images", "goldens/a/c:images"), new(*bundle.Error), "c:images"},
		{"a backslash, listed", replace("goldens/a/images", `goldens/a/..\images`), new(*bundle.Error), "images"},
		{"a link", edit(func(ms []member) []member {
			ms[golden].Header = tar.Header{Typeflag: tar.TypeSymlink, Name: ms[golden].Name, Linkname: "/etc/passwd"}
			ms[golden].data = nil
			return ms
		}), new(*bundle.Error), "goldens/a/images"},
		{"a member renamed", edit(func(ms []member) []member { ms[golden].Name = "goldens/b"; return ms }), new(*bundle.Error), "goldens/b: expected the file goldens/a/images"},
		{"two the other way round", edit(func(ms []member) []member { ms[1], ms[2] = ms[2], ms[1]; return ms }), new(*bundle.Error), "licences/a.txt: expected"},
		{"one twice", edit(func(ms []member) []member { return append(ms[:2], ms[1:]...) }), new(*bundle.Error), "expected the file licences"},
		{"one lacking", edit(func(ms []member) []member { return slices.Delete(ms, golden, golden+1) }), new(*bundle.Error), "expected the file goldens"},
		{"no blobs", edit(func(ms []member) []member { return ms[:blob] }), new(*bundle.Error), "expected as the next file"},
		{"a golden changed", edit(func(ms []member) []member { ms[golden].data[0] ^= 1; return ms }), new(*bundle.Error), "expected sha256"},
		{"a golden longer", edit(func(ms []member) []member { ms[golden].data = append(ms[golden].data, 0); return ms }), new(*bundle.Error), "expected 6 bytes, found 7"},
		{"the lock changed", edit(func(ms []member) []member { ms[lockFile].data[30] ^= 1; return ms }), new(*bundle.Error), "zoo.lock: expected sha256"},
		{"a blob changed", edit(func(ms []member) []member { ms[blob].data[0] ^= 1; return ms }), new(*store.MismatchError), "found sha256"},
		{"lock of another digest", replace("blob sha256:"+hexA, "blob sha256:"+strings.Repeat("0", 64)), new(*store.TrustError), "does not pin"},
		{"no lock", edit(func(ms []member) []member {
			lines := strings.SplitAfter(string(ms[manifest].data), "\n")
			ms[manifest].data = []byte(strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "zoo.lock") }), ""))
			return slices.Delete(ms, lockFile, lockFile+1)
		}), new(*bundle.Error), "it lists no zoo.lock"},
		{"another format", replace("zoo-bundle/2", "zoo-bundle/3"), new(*bundle.Error), "expected a first line zoo-bundle/2"},
		{"a word too few", replace(" 6 goldens", " goldens"), new(*bundle.Error), "line 2"},
		{"another kind", replace("file sha256", "link sha256"), new(*bundle.Error), "expected file or blob"},
		{"a prefix", replace("blob sha256:"+hexA, "blob sha256:"+hexA[:8]), new(*bundle.Error), "64 hex digits"},
		{"a negative size", replace(" 6 goldens", " -6 goldens"), new(*bundle.Error), "expected a size"},
		{"more than memory", replace(" 6 goldens", " 9999999999 goldens"), new(*bundle.Error), "expected at most"},
		{"a name", replace(" a\n", " ../a\n"), new(*bundle.Error), "expected letters"},
		{"names out of order", replace(" a\n", " z\n"), new(*bundle.Error), "out of order"},
		{"one digest, two sizes", replace(" 6 c\n", " 7 c\n"), new(*bundle.Error), "has"},
	}
	for k := range 10 {
		tests = append(tests, struct {
			name string
			data []byte
			want any
			text string
		}{fmt.Sprintf("cut at %d/10", k), good[:len(good)*k/10], new(*bundle.Error), ""})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			_, err := bundle.Load(t.Context(), noSeek{bytes.NewReader(tt.data)}, s, bundle.LoadOptions{})
			if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error = %v, want a %T with %q", err, tt.want, tt.text)
			}
			// What came before the fault is in order; nothing else is there.
			for _, f := range files(t, filepath.Dir(s.Dir())) {
				if !strings.HasPrefix(f, "cache/blobs/sha256/") && !strings.HasPrefix(f, "cache/refs/") && f != "cache/zoo.lock" {
					t.Errorf("%s was written", f)
				}
			}
			if h, err := s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 {
				t.Errorf("verify: %+v, %v", h, err)
			}
		})
	}
	refused := errors.New("refused")
	s := newStore(t)
	_, err := bundle.Load(t.Context(), bytes.NewReader(good), s, bundle.LoadOptions{
		Check: func(bundle.Model) error { return refused },
		Row:   func(bundle.Model, []byte) (bool, error) { return true, nil },
	})
	if left := files(t, s.Dir()); !errors.Is(err, refused) || left != nil {
		t.Errorf("refused by the check: error = %v, %q were written", err, left)
	}
}

func FuzzLoad(f *testing.F) {
	c := contents(f)
	f.Add(create(f, c))
	f.Add(compressed(f, create(f, c)))
	c.Rows = map[string][]byte{"a": rowOf("a", "")}
	f.Add(create(f, c))
	s, err := store.Open(filepath.Join(f.TempDir(), "cache"))
	if err != nil {
		f.Fatal(err)
	}
	refused := errors.New("refused")
	f.Fuzz(func(t *testing.T, data []byte) {
		// The check refuses all, so that the disk is left alone.
		_, err := bundle.Load(t.Context(), bytes.NewReader(data), s, bundle.LoadOptions{Check: func(bundle.Model) error { return refused }})
		if err == nil && bytes.Contains(data, []byte("\nblob ")) {
			t.Fatal("models were loaded that the check refused")
		}
	})
}
