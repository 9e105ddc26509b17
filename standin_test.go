package zoo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
	"github.com/gozoo/zoo/tensor"
)

// A substitute is a row "mine" whose published file has to be imported, and a stand-in of half
// precision.
type substitute struct {
	dir       string // with mine.toml, published.pth, keys and a place for a lock file
	standIn   zoo.StandIn
	published lock.Pin
	notices   []string
}

func newSubstitute(t *testing.T) *substitute {
	t.Helper()
	s := &substitute{dir: t.TempDir()}
	data, err := fs.ReadFile(golden.Nano(), nano.File(t, nano.Names[1]))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "published.pth", data)
	s.published = lock.Pin{Digest: sum(t, data), Size: int64(len(data))}
	s.write(t, "mine.toml", fmt.Appendf(nil, "[mine]\nbase = %q\n[mine.weights]\nsha256 = %q\n", nano.Names[1], s.published.Digest))
	half := s.path("half.safetensors.zst")
	o := zoo.ConvertOptions{Model: nano.Names[1], DType: tensor.F16, Output: half}
	if _, err := newZoo(t).ConvertFile(t.Context(), s.path("published.pth"), o); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(half); err != nil {
		t.Fatal(err)
	}
	s.standIn = zoo.StandIn{
		Name: "mine", Of: s.published.Digest, Kind: "float16", Digest: sum(t, data),
		Files: fstest.MapFS{"half.zst": {Data: data}}, File: "half.zst",
	}
	if err := lock.WriteKeys(s.path("key")); err != nil {
		t.Fatal(err)
	}
	return s
}

func sum(t *testing.T, data []byte) digest.Digest {
	t.Helper()
	d, err := digest.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *substitute) path(name string) string { return filepath.Join(s.dir, name) }

func (s *substitute) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open returns a Zoo with the stand-in and an empty cache, changed by configure.
func (s *substitute) open(t *testing.T, configure func(c *zoo.Config)) *zoo.Zoo {
	t.Helper()
	c := zoo.Config{CacheDir: t.TempDir(), Registries: []string{s.path("mine.toml")}, StandIns: []zoo.StandIn{s.standIn},
		Notice: func(text string) { s.notices = append(s.notices, text) }}
	if configure != nil {
		configure(&c)
	}
	z, err := zoo.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// weights returns whose weights a model opens with.
func weights(z *zoo.Zoo) (golden.Weights, error) {
	m, err := z.Open(context.Background(), "mine")
	if err != nil {
		return golden.Weights{}, err
	}
	defer m.Close()
	return m.Weights(), nil
}

// The stand-in is used while the published file is not at hand, it is said, and nothing is kept.
func TestStandIn(t *testing.T) {
	s := newSubstitute(t)
	cache := filepath.Join(s.dir, "published.pth", "cache") // where no folder can be made
	z := s.open(t, func(c *zoo.Config) { c.CacheDir, c.Offline = cache, true })
	got, err := weights(z)
	if want := golden.FromFile(s.standIn.Digest); err != nil || got != want {
		t.Errorf("weights %v, %v; want %v", got, err, want)
	}
	if !strings.Contains(strings.Join(s.notices, "\n"), "its float16 weights that are part of the program are used") {
		t.Errorf("it is not said: %q", s.notices)
	}
	// Who wants the published file gets no other one.
	if _, err := z.Download(t.Context(), "mine"); !errors.Is(err, zoo.ErrNetwork) {
		t.Errorf("download: %v", err)
	}
	if _, err := z.Convert(t.Context(), "mine", zoo.ConvertOptions{}); !errors.Is(err, zoo.ErrOption) {
		t.Errorf("convert into the cache: %v", err)
	}
	made, err := z.Convert(t.Context(), "mine", zoo.ConvertOptions{Output: s.path("out.safetensors")})
	if err != nil || made.SourceDigest != s.standIn.Digest {
		t.Errorf("convert: %+v, %v", made, err)
	}
}

func TestPublishedFileWins(t *testing.T) {
	s := newSubstitute(t)
	z := s.open(t, nil)
	if _, err := weights(z); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Import(t.Context(), "mine", s.path("published.pth")); err != nil {
		t.Fatal(err)
	}
	if got, err := weights(z); err != nil || got != golden.FromFile(s.published.Digest) {
		t.Errorf("after an import: weights %v, %v", got, err)
	}
	// Nor does it stand for a row that states another file.
	s.write(t, "mine.toml", []byte(fmt.Sprintf("[mine]\nbase = %q\n[mine.weights]\nsha256 = %q\n", nano.Names[1], s.standIn.Digest)))
	if got, err := weights(s.open(t, nil)); !errors.Is(err, zoo.ErrNetwork) {
		t.Errorf("of another row: weights %v, %v", got, err)
	}
}

func TestStandInChanged(t *testing.T) {
	s := newSubstitute(t)
	whole := s.standIn.Files.(fstest.MapFS)["half.zst"].Data
	for name, data := range map[string][]byte{
		"one bit":    slices.Concat(whole[:2000], []byte{whole[2000] ^ 1}, whole[2001:]),
		"cut short":  whole[:len(whole)-1],
		"lengthened": append(slices.Clone(whole), 0),
		"empty":      nil,
		"another":    bytes.Clone(must(os.ReadFile(s.path("published.pth")))),
	} {
		s.standIn.Files = fstest.MapFS{"half.zst": {Data: data}}
		got, err := weights(s.open(t, nil))
		var mismatch *store.MismatchError
		if !errors.As(err, &mismatch) || mismatch.Want != s.standIn.Digest || !strings.Contains(err.Error(), "the program was changed") {
			t.Errorf("%s: weights %v, %v; want a mismatch", name, got, err)
		}
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// A lock file decides between the two, and a key asks for one that has the stand-in.
func TestStandInLocked(t *testing.T) {
	s := newSubstitute(t)
	standIn := lock.Pin{Digest: s.standIn.Digest, Size: int64(len(s.standIn.Files.(fstest.MapFS)["half.zst"].Data))}
	other := lock.Pin{Digest: sum(t, nil), Size: 0}
	const nobody, itself, publisher = "", "stand-in", "published"
	for _, tt := range []struct {
		name           string
		pin            *lock.Pin
		key            bool
		absent, beside string // whose weights are used where the published file is not here, and where it is
		err            error  // where nobody's are
	}{
		{name: "no pin", absent: itself, beside: publisher},
		{name: "the published file pinned", pin: &s.published, absent: nobody, beside: publisher, err: zoo.ErrNetwork},
		{name: "the stand-in pinned", pin: &standIn, absent: itself, beside: itself},
		{name: "another file pinned", pin: &other, absent: nobody, beside: nobody, err: zoo.ErrDigest},
		{name: "key, no pin", key: true, absent: nobody, beside: nobody, err: zoo.ErrDigest},
		{name: "key, the published file pinned", pin: &s.published, key: true, absent: nobody, beside: publisher, err: zoo.ErrNetwork},
		{name: "key, the stand-in pinned", pin: &standIn, key: true, absent: itself, beside: itself},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "zoo.lock")
			f := &lock.File{}
			if tt.pin != nil {
				f.Set("mine", *tt.pin)
			}
			f.Set("another", other)
			if err := f.Write(path); err != nil {
				t.Fatal(err)
			}
			if err := lock.SignFile(path, s.path("key")); err != nil {
				t.Fatal(err)
			}
			cache := t.TempDir()
			z := s.open(t, func(c *zoo.Config) {
				c.CacheDir, c.Lock = cache, path
				if tt.key {
					c.LockKey = s.path("key.pub")
				}
			})
			check := func(when, want string) {
				t.Helper()
				got, err := weights(z)
				by := map[golden.Weights]string{golden.FromFile(s.standIn.Digest): itself, golden.FromFile(s.published.Digest): publisher}[got]
				if by != want || (err == nil) != (want != nobody) || err != nil && !errors.Is(err, tt.err) {
					t.Errorf("%s: weights of %q, %v; want of %q, %v", when, by, err, want, tt.err)
				}
			}
			before := must(os.ReadFile(path))
			check("absent", tt.absent)
			if _, err := s.open(t, func(c *zoo.Config) { c.CacheDir = cache }).Import(t.Context(), "mine", s.path("published.pth")); err != nil {
				t.Fatal(err)
			}
			check("imported", tt.beside)
			if diff := cmp.Diff(string(before), string(must(os.ReadFile(path)))); diff != "" {
				t.Errorf("the lock file was changed: %s", diff)
			}
		})
	}
	// Without a lock file that the key signed nothing is used.
	z := s.open(t, func(c *zoo.Config) { c.Lock, c.LockKey = s.path("none.lock"), s.path("key.pub") })
	if got, err := weights(z); !errors.As(err, new(*store.SignatureError)) {
		t.Errorf("no lock file: weights %v, %v", got, err)
	}
	// Whoever asks for it has it pinned, with how it came.
	sources, err := z.Pin(t.Context(), []string{"mine"}, false)
	if err != nil || sources[0].Digest != standIn.Digest {
		t.Fatalf("%+v, %v", sources, err)
	}
	if text := string(must(os.ReadFile(s.path("none.lock")))); !strings.Contains(text, "built-in embedded:half.zst") {
		t.Errorf("the lock file does not say how it came: %s", text)
	}
	if err := z.SignLock(s.path("key")); err != nil {
		t.Fatal(err)
	}
	if got, err := weights(z); err != nil || got != golden.FromFile(standIn.Digest) {
		t.Errorf("pinned and signed: weights %v, %v", got, err)
	}
}

func TestStandInOptions(t *testing.T) {
	s := newSubstitute(t)
	for name, change := range map[string]func(*zoo.StandIn){
		"no name":       func(t *zoo.StandIn) { t.Name = "" },
		"eight digits":  func(t *zoo.StandIn) { t.Digest, _ = digest.Parse(t.Digest.Short()) },
		"of no file":    func(t *zoo.StandIn) { t.Of = digest.Digest{} },
		"without files": func(t *zoo.StandIn) { t.Files = nil },
	} {
		bad := s.standIn
		change(&bad)
		if _, err := zoo.New(zoo.Config{CacheDir: t.TempDir(), StandIns: []zoo.StandIn{bad}}); !errors.Is(err, zoo.ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
