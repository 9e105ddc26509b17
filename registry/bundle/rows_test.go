package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
)

// compressed returns data as zstd has them.
func compressed(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := bundle.Compress(&b)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCompressed: a compressed bundle is the same one, and ends where it ends.
func TestCompressed(t *testing.T) {
	good := create(t, contents(t))
	packed := compressed(t, good)
	if !bytes.Equal(packed, compressed(t, good)) {
		t.Error("the same bundle gave other bytes")
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := z.DecodeAll(packed, nil); err != nil || !bytes.Equal(back, good) {
		t.Errorf("another reader unpacks it otherwise: %v", err)
	}
	var sets [][]string
	for _, data := range [][]byte{good, packed} {
		s := newStore(t)
		if _, err := bundle.Load(t.Context(), bytes.NewReader(data), s, bundle.LoadOptions{}); err != nil {
			t.Error(err)
		}
		sets = append(sets, files(t, s.Dir()))
	}
	if d := cmp.Diff(sets[0], sets[1]); d != "" {
		t.Errorf("loaded (-plain +compressed)\n%s", d)
	}
	window := []byte("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00") // of 2 GiB
	for name, data := range map[string][]byte{
		"cut short": packed[:len(packed)-20], "with something behind it": append(bytes.Clone(packed), "more"...),
		"changed": bytes.Replace(packed, packed[len(packed)/2:len(packed)/2+4], []byte{1, 2, 3, 4}, 1), "a large window": window,
		"another one behind it": append(bytes.Clone(packed), packed...),
	} {
		s := newStore(t)
		if _, err := bundle.Load(t.Context(), bytes.NewReader(data), s, bundle.LoadOptions{}); !errors.As(err, new(*bundle.Error)) {
			t.Errorf("%s: error = %v", name, err)
		}
		if left := files(t, s.Dir()); len(left) > 0 {
			t.Errorf("%s: %q were written", name, left)
		}
	}
}

// rowOf returns the text of a row of a model of these tests.
func rowOf(model, licence string) []byte {
	data := checkpoints[model]
	return []byte(fmt.Sprintf("[%s]\nfamily = \"f\"\narch = \"a\"\nclasses = 2\n"+
		"[%s.weights]\nsha256 = \"%s\"\nsize = %d\nlicence = %q\n[%s.input]\n"+
		"resize = { kind = \"none\" }\ncrop = 32\nmean = [0, 0, 0]\nstd = [1, 1, 1]\norder = \"rgb\"\nexif = \"apply\"\n", model, model,
		digestOf(data), len(data), licence, model))
}

// TestRows: rows go with their models, are kept where that is wanted, and say where they are from.
func TestRows(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := lock.WriteKeys(key); err != nil {
		t.Fatal(err)
	}
	private, err := lock.ReadPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := lock.ReadPublicKey(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	c := contents(t)
	c.Rows = map[string][]byte{"a": rowOf("a", "mine"), "b": rowOf("b", "")}
	plain := create(t, c)
	c.Key, c.Rows = private, map[string][]byte{"a": rowOf("a", "signed")}
	signed := create(t, c)
	s := newStore(t)
	load := func(data []byte) *bundle.Loaded {
		t.Helper()
		loaded, err := bundle.Load(t.Context(), bytes.NewReader(data), s, bundle.LoadOptions{Row: func(m bundle.Model,
			text []byte) (bool, error) {
			if e, err := registry.ParseCarried("row", text); err != nil || e.Name != m.Name || e.Weights.Digest != m.Pin.Digest {
				t.Errorf("asked about %+v, %s, %v", m, text, err)
			}
			return m.Name == "a", nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	row := func(want string) {
		t.Helper()
		names, err := bundle.RowNames(s.Dir())
		e, origin, rerr := bundle.Row(s.Dir(), "a", nil)
		if err != nil || rerr != nil || !cmp.Equal(names, []string{"a"}) || e.Weights.Licence != want ||
			(origin.Key != nil) != (want == "signed") {
			t.Errorf("%q, %+v, %v, %v, %v, want licence %q", names, e, origin, err, rerr, want)
		}
	}
	if loaded := load(plain); !cmp.Equal(loaded.Rows, []string{"a"}) {
		t.Errorf("%+v", loaded)
	}
	row("mine")
	if _, _, err := bundle.Row(s.Dir(), "a", public); !errors.As(err, new(*lock.SignatureError)) {
		t.Errorf("a row that nobody signed, with a key: %v", err)
	}
	if _, err := bundle.Load(t.Context(), bytes.NewReader(signed), s, bundle.LoadOptions{Key: public,
		Row: func(bundle.Model, []byte) (bool, error) { return true, nil }}); err != nil {
		t.Fatal(err)
	}
	row("signed")
	if loaded := load(plain); len(loaded.Rows) > 0 {
		t.Errorf("an unsigned row over a signed one: %+v", loaded)
	}
	row("signed")
	if _, _, err := bundle.Row(s.Dir(), "a", public); err != nil {
		t.Error(err)
	}
	path := filepath.Join(s.Dir(), "rows", "a.toml")
	if err := os.WriteFile(path, rowOf("a", "changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := bundle.Row(s.Dir(), "a", nil); !errors.As(err, new(*bundle.Error)) ||
		!strings.Contains(err.Error(), "load its bundle again") {
		t.Errorf("a row that was changed: %v", err)
	}
	// Without anybody who looks at rows none is kept, and one that is refused refuses the bundle.
	for _, f := range []func(bundle.Model, []byte) (bool, error){nil, func(bundle.Model, []byte) (bool, error) {
		return true,
			os.ErrInvalid
	}} {
		s = newStore(t)
		_, err := bundle.Load(t.Context(), bytes.NewReader(plain), s, bundle.LoadOptions{Row: f})
		if names, _ := bundle.RowNames(s.Dir()); len(names) > 0 || f != nil && !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%q, %v", names, err)
		}
		if left := files(t, s.Dir()); f != nil && len(left) > 0 {
			t.Errorf("%q were written", left)
		}
	}
	for name, rows := range map[string]map[string][]byte{
		"of no model": {"d": nil}, "too long": {"a": make([]byte, registry.MaxCarried+1)}, "a path": {"../a": nil},
	} {
		c.Rows = rows
		if err := bundle.Create(t.Context(), new(bytes.Buffer), c); !errors.As(err, new(*bundle.Error)) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}
