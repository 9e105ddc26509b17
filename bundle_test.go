package zoo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
)

// ownRow writes a registry with a row of another name for an embedded network, changed,
// and returns its path. Nothing else is known of that name.
func ownRow(t testing.TB, name string, change func(e *registry.Entry)) string {
	t.Helper()
	e, err := newZoo(t).Registry().Lookup(nano.Names[1])
	if err != nil {
		t.Fatal(err)
	}
	row := *e
	if change != nil {
		change(&row)
	}
	text := fmt.Sprintf(`
[%[1]s]
family = %[2]q
arch = %[3]q
classes = 10
labels = "digits"
[%[1]s.weights]
url = %[4]q
sha256 = %[5]q
licence = %[6]q
[%[1]s.input]
resize = { kind = "short", edge = 32, interpolation = "bicubic", backend = "pillow" }
crop = 32
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
order = "rgb"
exif = "apply"
[%[1]s.published]
top1 = "98.61"
flops_convention = "fvcore"
flops_size = 32
images = 360
source = "a test"
`, name, row.Family, row.Arch, row.Weights.URL, row.Weights.Digest, row.Weights.Licence)
	path := filepath.Join(t.TempDir(), "zoo.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// goldenOf writes a golden of an embedded network as that of another name, changed.
func goldenOf(t testing.TB, name string, change func(meta map[string]string)) string {
	t.Helper()
	files, err := golden.Files(nano.Names[1])
	if err != nil || len(files) == 0 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for file, data := range files {
		c, err := converter.Parse(file, data)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sd, err := c.StateDict()
		if err != nil {
			t.Fatal(err)
		}
		meta := c.Metadata
		meta["model"] = name
		if change != nil {
			change(meta)
		}
		path := filepath.Join(t.TempDir(), "mine.safetensors")
		if err := safetensors.WriteFile(path, sd, meta); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return ""
}

// A model that no golden is embedded for is verified by the one that came with it in a
// bundle, over an air gap: the file, its pin, the golden and the licence.
func TestBundle(t *testing.T) {
	const name = "mine_digits"
	row := ownRow(t, name, nil)
	mine := func(c *zoo.Config) { c.Registries = []string{row} }
	from, to := newZoo(t, mine), newZoo(t, mine)
	if _, err := from.Verify(t.Context(), name, zoo.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "no golden is embedded") {
		t.Fatalf("error %v", err)
	}
	path := filepath.Join(t.TempDir(), "models.tar")
	if err := from.WriteBundle(t.Context(), path, []string{name, nano.Names[0]}, zoo.BundleOptions{Goldens: []string{goldenOf(t, name, nil)}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	err = from.CreateBundle(t.Context(), &again, []string{name, nano.Names[0]}, zoo.BundleOptions{Goldens: []string{goldenOf(t, name, nil)}})
	if err != nil || !bytes.Equal(again.Bytes(), data) {
		t.Errorf("the same models give other bytes: %v", err)
	}
	loaded, err := to.LoadBundle(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Models) != 2 || !slices.ContainsFunc(loaded.Files,
		func(f string) bool { return strings.HasSuffix(filepath.ToSlash(f), name+"/mine.safetensors") }) {
		t.Errorf("loaded %+v", loaded)
	}
	cached, err := to.Cached()
	if err != nil || len(cached) != 2 || cached[1].Model != name || !cached[1].Digest.Full() {
		t.Errorf("cached %+v, %v", cached, err)
	}
	checks, err := to.Verify(t.Context(), name, zoo.VerifyOptions{})
	if err != nil || len(checks) != 1 || !checks[0].Pass() || checks[0].Verdict.Golden != "mine.safetensors" ||
		checks[0].Origin != "bundle" || checks[0].Bundle == nil || checks[0].Bundle.Key != nil {
		t.Errorf("%+v, %v", checks, err)
	}
	licence, err := os.ReadFile(filepath.Join(to.Store().Dir(), "licences", name+".txt"))
	if err != nil || !strings.Contains(string(licence), "Apache License") {
		t.Errorf("the licence: %v", err)
	}

	// Whoever has no such row gets it with the bundle.
	stranger := newZoo(t)
	loaded, err = stranger.LoadBundle(t.Context(), bytes.NewReader(data))
	if err != nil || !slices.Equal(loaded.Rows, []string{name}) {
		t.Errorf("%+v, %v", loaded, err)
	}
	later := newZoo(t, func(c *zoo.Config) { c.CacheDir = stranger.Store().Dir() })
	m, err := later.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if origin, ok := later.RowOrigin(name); !ok || origin.Manifest != loaded.Origin.Manifest {
		t.Errorf("the row is of %v, %v: want %v", origin, ok, loaded.Origin)
	}
	if _, ok := later.RowOrigin(nano.Names[0]); ok {
		t.Error("a built-in row came in a bundle")
	}
	// A row that states another digest contradicts it.
	other := ownRow(t, name, func(e *registry.Entry) {
		o, err := from.Registry().Lookup(nano.Names[2])
		if err != nil {
			t.Fatal(err)
		}
		e.Weights = o.Weights
	})
	contrary := newZoo(t, func(c *zoo.Config) { c.Registries = []string{other} })
	if _, err := contrary.LoadBundle(t.Context(), bytes.NewReader(data)); !errors.Is(err, zoo.ErrDigest) {
		t.Errorf("another digest: %v", err)
	}
	if _, err := to.LoadBundle(t.Context(), bytes.NewReader(data[:len(data)/2])); !errors.As(err, new(*bundle.Error)) {
		t.Errorf("half a bundle: %v", err)
	}
	err = from.CreateBundle(t.Context(), io.Discard, []string{name}, zoo.BundleOptions{Goldens: []string{goldenOf(t, nano.Names[0], nil)}})
	if !errors.Is(err, zoo.ErrVerify) {
		t.Errorf("a golden of a model that is not in the bundle: %v", err)
	}
	if err := from.CreateBundle(t.Context(), io.Discard, []string{name}, zoo.BundleOptions{Goldens: []string{"nowhere"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a golden that is not there: %v", err)
	}
	if err := from.CreateBundle(t.Context(), io.Discard, []string{"nobody"}, zoo.BundleOptions{}); !errors.Is(err, zoo.ErrUnknown) {
		t.Errorf("an unknown model: %v", err)
	}
}

// A golden of other weights, and of weights that nobody published, is refused.
func TestVerifyGoldenOfOthers(t *testing.T) {
	z := newZoo(t)
	const name = "cspresnet-nano_digits"
	g, err := zoo.OpenGolden(goldenOf(t, name, func(meta map[string]string) { meta["weights"] = "sha256:" + strings.Repeat("0", 64) }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = z.Verify(t.Context(), name, zoo.VerifyOptions{Goldens: []*golden.Golden{g}})
	if !errors.As(err, new(*zoo.GoldenError)) || !strings.Contains(err.Error(), "name a file with those weights") {
		t.Errorf("error %v", err)
	}
	for _, bad := range []string{"published", "sha256:12345678", "random"} {
		_, err := zoo.OpenGolden(goldenOf(t, name, func(meta map[string]string) { meta["weights"] = bad }))
		if !errors.Is(err, zoo.ErrCheckpoint) {
			t.Errorf("weights %q: %v", bad, err)
		}
	}
}

// A lock file pins what a name stands for, and a key says who wrote it.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "zoo.lock"), filepath.Join(dir, "k")
	pinned := func(c *zoo.Config) { c.Lock = path }
	z := newZoo(t, pinned)
	for _, update := range []bool{false, false, true} {
		s, err := z.Pin(t.Context(), nano.Names[:1], update)
		if err != nil || len(s) != 1 || s[0].Digest.Short() != "65dda03c" || s[0].Model != nano.Names[0] {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if err := lock.WriteKeys(key); err != nil {
		t.Fatal(err)
	}
	if err := z.SignLock(key); err != nil {
		t.Fatal(err)
	}
	names, err := z.VerifyLock(key + ".pub")
	if err != nil || !slices.Equal(names, nano.Names[:1]) {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := z.VerifyLock(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("no error for a key that is not there")
	}
	signed := newZoo(t, pinned, func(c *zoo.Config) { c.LockKey = key + ".pub" })
	if signed.Config().LockKey == "" {
		t.Error("the key is not configured")
	}
	if _, err := signed.Open(t.Context(), nano.Names[0]); err != nil {
		t.Error(err)
	}
	if _, err := signed.Open(t.Context(), nano.Names[1]); !errors.Is(err, zoo.ErrDigest) {
		t.Errorf("a name outside of a signed lock file: %v", err)
	}
	var b bytes.Buffer
	if err := signed.CreateBundle(t.Context(), &b, nano.Names[:1], zoo.BundleOptions{Key: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.LoadBundle(t.Context(), bytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("a signed bundle: %v", err)
	}
	b.Reset()
	if err := newZoo(t).CreateBundle(t.Context(), &b, nano.Names[:1], zoo.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.LoadBundle(t.Context(), &b); !errors.Is(err, zoo.ErrDigest) {
		t.Errorf("a bundle without a signature: %v", err)
	}
	// What is added has to be signed anew, before more is added.
	if _, err := signed.Pin(t.Context(), nano.Names[1:2], false); err != nil {
		t.Errorf("pinning in a signed lock file: %v", err)
	}
	for name, f := range map[string]func() error{
		"open":     func() error { _, err := signed.Open(t.Context(), nano.Names[0]); return err },
		"pin more": func() error { _, err := signed.Pin(t.Context(), nano.Names[2:], false); return err },
	} {
		if err := f(); !errors.Is(err, zoo.ErrDigest) {
			t.Errorf("%s before it is signed again: %v", name, err)
		}
	}
	if err := os.WriteFile(path, []byte("zoo-lock/1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := z.VerifyLock(key + ".pub"); !errors.Is(err, zoo.ErrDigest) {
		t.Errorf("a changed lock file: %v", err)
	}
	if _, err := newZoo(t).VerifyLock(key + ".pub"); !errors.Is(err, zoo.ErrOption) {
		t.Errorf("no lock file: %v", err)
	}
	if _, err := zoo.New(zoo.Config{LockKey: filepath.Join(dir, "nowhere")}); err == nil {
		t.Error("no error for a key that is not there")
	}
}

// A model goes to an OCI registry and comes back by the address that names its digest.
func TestPush(t *testing.T) {
	server := httptest.NewServer(ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	z := newZoo(t, func(c *zoo.Config) { c.Offline = false })
	at := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/models/nano:v1"
	pushed, err := z.Push(context.Background(), nano.Names[1], at, zoo.PushOptions{})
	if err != nil || !strings.Contains(pushed.Reference, "@sha256:") {
		t.Fatalf("%+v, %v", pushed, err)
	}
	address := pushed.Reference
	row := ownRow(t, "pulled_digits", func(e *registry.Entry) { e.Weights.URL = address })
	m, err := newZoo(t, func(c *zoo.Config) { c.Offline, c.Registries = false, []string{row} }).Open(t.Context(), "pulled_digits")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if p, err := m.Predict(t.Context(), nano.Image(t, 3)); err != nil || p.Class != 5 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := z.Push(t.Context(), "nobody", address, zoo.PushOptions{}); !errors.Is(err, zoo.ErrUnknown) {
		t.Errorf("error %v", err)
	}
}
