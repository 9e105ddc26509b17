package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// newKey returns a key that is the same for the same letter.
func newKey(letter byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{letter}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// noSeek hides that a reader can seek, as a pipe does.
type noSeek struct{ io.Reader }

// old rewrites the members of a bundle in the format zoo-bundle/1.
func old(ms []member) []member {
	ms = slices.DeleteFunc(slices.Clone(ms), func(m member) bool { return m.Name == "MANIFEST.sig" })
	text := string(ms[0].data)
	text = strings.Replace(text, "zoo-bundle/2", "zoo-bundle/1", 1)
	text = strings.ReplaceAll(text, "goldens/a/", "goldens/a.")
	ms[0].data = []byte(text)
	for i := range ms {
		ms[i].Name = strings.Replace(ms[i].Name, "goldens/a/", "goldens/a.", 1)
	}
	return ms
}

// TestSigned loads variants of a signed bundle with the key that is asked for. Nothing of a
// bundle that is refused is written.
func TestSigned(t *testing.T) {
	key := newKey('k')
	c := contents(t)
	c.Key = key
	good := create(t, c)
	if again := create(t, c); !bytes.Equal(good, again) {
		t.Error("the same contents and key give other bytes")
	}
	const manifest, signature, golden = 0, 1, 2
	edit := func(f func(ms []member) []member) []byte { return pack(t, f(members(t, good))) }
	resign := func(ms []member, key ed25519.PrivateKey) []member { // with whatever the manifest says now
		ms[signature].data = lock.Sign(key, ms[manifest].data)
		return ms
	}
	otherGolden := contents(t)
	otherGolden.Key = key
	otherGolden.Goldens["a"] = map[string][]byte{"images.safetensors.zst": []byte("other!")}
	other := members(t, create(t, otherGolden))

	signed, bad := new(*lock.SignatureError), new(*bundle.Error)
	tests := []struct {
		name string
		data []byte
		want any // nil: it is loaded
	}{
		{"as made", good, nil},
		{"no signature", edit(func(ms []member) []member { return slices.Delete(ms, signature, signature+1) }), signed},
		{"signature of another bundle", edit(func(ms []member) []member { ms[signature].data = other[signature].data; return ms }), signed},
		{"of the lock file only", edit(func(ms []member) []member {
			i := slices.IndexFunc(ms, func(m member) bool { return m.Name == "zoo.lock" })
			ms[signature].data = lock.Sign(key, ms[i].data)
			return ms
		}), signed},
		{"by another key", edit(func(ms []member) []member { return resign(ms, newKey('x')) }), signed},
		{"by another key under this one's name", edit(func(ms []member) []member {
			text := string(lock.Sign(newKey('x'), ms[manifest].data))
			ms[signature].data = []byte(strings.Replace(text, lock.Fingerprint(public(newKey('x'))), lock.Fingerprint(public(key)), 1))
			return ms
		}), signed},
		{"a signature of nothing", edit(func(ms []member) []member { ms[signature].data = nil; return ms }), signed},
		{"the signature last", edit(func(ms []member) []member {
			s := ms[signature]
			return append(slices.Delete(ms, signature, signature+1), s)
		}), signed},
		{"two signatures", edit(func(ms []member) []member { return slices.Insert(ms, signature, ms[signature]) }), bad},
		{"two manifests", edit(func(ms []member) []member { return slices.Insert(ms, 1, ms[0]) }), signed},
		{"another manifest first", edit(func(ms []member) []member { ms[manifest].data = other[manifest].data; return ms }), signed},
		{"a byte of the manifest", edit(func(ms []member) []member { ms[manifest].data[20] ^= 1; return ms }), signed},
		{"the golden changed", edit(func(ms []member) []member { ms[golden].data = []byte("other!"); return ms }), bad},
		{"the licence changed", edit(func(ms []member) []member { ms[golden+1].data[0] ^= 1; return ms }), bad},
		{"the golden twice", edit(func(ms []member) []member { return slices.Insert(ms, golden, ms[golden]) }), bad},
		{"one more at the end", edit(func(ms []member) []member { return append(ms, ms[golden]) }), bad},
		{"a blob twice", edit(func(ms []member) []member { return append(ms, ms[len(ms)-1]) }), bad},
		{"one more archive behind", slices.Concat(good, good), bad},
		{"something behind the end", append(slices.Clone(good), 1), bad},
		{"zeros without end behind", append(slices.Clone(good), make([]byte, 2<<20)...), bad},
		{"padded as tapes are", append(slices.Clone(good), make([]byte, 9<<10)...), nil},
		{"of the older format", edit(old), signed},
		{"of the older format, signed", edit(func(ms []member) []member {
			ms = old(ms)
			s := member{tar.Header{Typeflag: tar.TypeReg, Name: "MANIFEST.sig", Mode: 0o644}, lock.Sign(key, ms[0].data)}
			return slices.Insert(ms, 1, s)
		}), bad},
		{"nothing but a golden, unsigned", pack(t, []member{
			{tar.Header{Typeflag: tar.TypeReg, Name: "MANIFEST", Mode: 0o644}, fmt.Appendf(nil,
				"zoo-bundle/1\nfile sha256:%s 6 goldens/a.x.safetensors\nfile sha256:%s 11 zoo.lock\n", digestOf([]byte("golden")), digestOf([]byte("zoo-lock/1\n")))},
			{tar.Header{Typeflag: tar.TypeReg, Name: "goldens/a.x.safetensors", Mode: 0o644}, []byte("golden")},
			{tar.Header{Typeflag: tar.TypeReg, Name: "zoo.lock", Mode: 0o644}, []byte("zoo-lock/1\n")},
		}), signed},
	}
	for _, tt := range tests {
		for _, seeks := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, seeks %v", tt.name, seeks), func(t *testing.T) {
				s := newStore(t)
				var r io.Reader = bytes.NewReader(tt.data)
				if !seeks {
					r = noSeek{r}
				}
				loaded, err := bundle.Load(t.Context(), r, s, bundle.LoadOptions{Key: public(key)})
				if tt.want == nil {
					if err != nil || loaded.Origin.Signer() != lock.Fingerprint(public(key)) {
						t.Errorf("%+v, %v", loaded, err)
					}
					return
				}
				if err == nil || !errors.As(err, tt.want) {
					t.Errorf("error = %v, want a %T", err, tt.want)
				}
				// Without seeking, whole blobs may have come by before the fault.
				left := slices.DeleteFunc(files(t, filepath.Dir(s.Dir())), func(f string) bool {
					return !seeks && !strings.Contains(f, "goldens") && !strings.Contains(f, "licences")
				})
				if len(left) > 0 {
					t.Errorf("%q were written", left)
				}
			})
		}
	}
}

// TestGoldenOrigin follows goldens of one name out of several bundles.
func TestGoldenOrigin(t *testing.T) {
	key := newKey('k')
	s := newStore(t)
	load := func(golden string, key ed25519.PrivateKey, older bool) (notices []string) {
		t.Helper()
		c := contents(t)
		c.Key = key
		c.Goldens["a"]["images.safetensors.zst"] = []byte(golden)
		data := create(t, c)
		if older {
			data = pack(t, old(members(t, data)))
		}
		o := bundle.LoadOptions{Notice: func(text string) { notices = append(notices, text) }}
		if key != nil {
			o.Key = public(key)
		}
		if _, err := bundle.Load(t.Context(), bytes.NewReader(data), s, o); err != nil {
			t.Fatal(err)
		}
		return notices
	}
	expect := func(golden string, signer ed25519.PrivateKey) {
		t.Helper()
		got, err := bundle.Goldens(s.Dir(), "a", nil)
		if golden == "" && len(got) == 0 && err == nil {
			return
		}
		if err != nil || len(got) != 1 || string(got[0].Data) != golden {
			t.Fatalf("%+v, %v", got, err)
		}
		want := ""
		if signer != nil {
			want = lock.Fingerprint(public(signer))
		}
		if got[0].Origin.Signer() != want {
			t.Errorf("signed by %q, want %q", got[0].Origin.Signer(), want)
		}
		_, err = bundle.Goldens(s.Dir(), "a", public(key))
		if ok := signer != nil && signer.Equal(key); ok != (err == nil) || err != nil && !errors.As(err, new(*lock.SignatureError)) {
			t.Errorf("asked for the key: error = %v", err)
		}
	}
	if n := load("first", nil, true); len(n) != 1 || !strings.Contains(n[0], "1 goldens were left out") {
		t.Errorf("older format: %q", n)
	}
	expect("", nil)
	load("second", nil, false)
	expect("second", nil)
	load("third", key, false)
	expect("third", key)
	if n := load("fourth", nil, false); len(n) != 1 || !strings.Contains(n[0], "came in a signed bundle") {
		t.Errorf("unsigned over signed: %q", n)
	}
	expect("third", key)
	load("third", nil, false)
	expect("third", key)
	load("fifth", newKey('x'), false)
	expect("fifth", newKey('x'))

	path := filepath.Join(s.Dir(), "goldens", "a", "images.safetensors.zst")
	if err := os.WriteFile(path, []byte("Fifth"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Goldens(s.Dir(), "a", nil); !errors.As(err, new(*bundle.Error)) {
		t.Errorf("changed in the cache: error = %v", err)
	}
	if err := os.WriteFile(path+".origin", []byte(`{"sha256":""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Goldens(s.Dir(), "a", nil); err == nil {
		t.Error("no error for a record that says nothing")
	}
}

// rawMember returns a member of a tar file as it lies there, whatever its header says.
func rawMember(name string, kind byte, size int64, data string) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00")
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(append(h, data...), make([]byte, -len(data)&511)...)
}

// pax returns the records of a PAX header.
func pax(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		record := " " + pairs[i] + "=" + pairs[i+1] + "\n"
		n := len(record)
		for n != len(fmt.Sprint(n))+len(record) {
			n = len(fmt.Sprint(n)) + len(record)
		}
		fmt.Fprintf(&b, "%d%s", n, record)
	}
	return b.String()
}

// TestLoadBounds refuses files that take more than they are, or more than anybody needs.
func TestLoadBounds(t *testing.T) {
	const gib = 1 << 30
	name := "blobs/sha256/" + strings.Repeat("0", 64)
	bomb := func(members ...[]byte) []byte {
		text := fmt.Sprintf("zoo-lock/1\na sha256:%s %d\n", strings.Repeat("0", 64), gib)
		manifest := fmt.Sprintf("zoo-bundle/2\nfile sha256:%s %d zoo.lock\nblob sha256:%s %d a\n", digestOf([]byte(text)), len(text), strings.Repeat("0", 64), gib)
		all := slices.Concat(rawMember("MANIFEST", '0', int64(len(manifest)), manifest), rawMember("zoo.lock", '0', int64(len(text)), text))
		return slices.Concat(all, slices.Concat(members...), make([]byte, 1024))
	}
	header := func(pairs ...string) []byte {
		text := pax(pairs...)
		return rawMember("PaxHeaders/x", 'x', int64(len(text)), text)
	}
	good := create(t, contents(t))
	listed := func(line string) []byte {
		manifest := "zoo-bundle/2\n" + line
		return slices.Concat(rawMember("MANIFEST", '0', int64(len(manifest)), manifest), make([]byte, 1024))
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(good)
	z.Close()
	const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000 "
	tests := []struct {
		name string
		data []byte
		want any
		text string
	}{
		{"sparse, PAX 0.0", bomb(header("GNU.sparse.size", fmt.Sprint(gib), "GNU.sparse.numblocks", "1", "GNU.sparse.offset", fmt.Sprint(gib), "GNU.sparse.numbytes", "0"),
			rawMember(name, '0', 0, "")), new(*bundle.Error), "sparse"},
		{"sparse, PAX 0.1", bomb(header("GNU.sparse.size", fmt.Sprint(gib), "GNU.sparse.numblocks", "1", "GNU.sparse.name", name, "GNU.sparse.map", fmt.Sprintf("%d,0", gib)),
			rawMember("GNUSparseFile.0/x", '0', 0, "")), new(*bundle.Error), "sparse"},
		{"sparse, PAX 1.0", bomb(header("GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", name, "GNU.sparse.realsize", fmt.Sprint(gib)),
			rawMember("GNUSparseFile.0/x", '0', 512, fmt.Sprintf("1\n%d\n0\n", gib)+strings.Repeat("\x00", 498))), new(*bundle.Error), "sparse"},
		{"sparse, old", bomb(rawMember(name, 'S', 0, "")), new(*bundle.Error), ""},
		{"a hard link", bomb(rawMember(name, '1', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"a symbolic link", bomb(rawMember(name, '2', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"a device", bomb(rawMember(name, '3', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"a block device", bomb(rawMember(name, '4', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"a folder", bomb(rawMember(name, '5', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"a pipe", bomb(rawMember(name, '6', 0, "")), new(*bundle.Error), "expected a plain file"},
		{"records for all that follows", bomb(rawMember("pax_global_header", 'g', 20, pax("path", "MANIFEST"))), new(*bundle.Error), ""},
		{"a size that no disk has", listed("blob " + zeros + "4611686018427387904 a\n"), new(*store.SpaceError), "needs"},
		{"sizes that no number counts", listed("blob " + zeros + "9223372036854775807 a\nblob " + strings.Replace(zeros, "0 ", "1 ", 1) + "9223372036854775807 b\n"), new(*bundle.Error), "too many"},
		{"a golden that no golden is", listed("file " + zeros + "1073741824 goldens/a/x\nblob " + zeros + "1 a\n"), new(*bundle.Error), "expected at most"},
		{"goldens that are too many together", listed("file " + zeros + "268435456 goldens/a/x\nfile " + zeros + "268435456 goldens/a/y\nfile " + zeros + "1 goldens/a/z\nblob " + zeros + "1 a\n"),
			new(*bundle.Error), "in all files"},
		{"a manifest without end", rawMember("MANIFEST", '0', gib, "zoo-bundle/2\n"), new(*bundle.Error), "expected at most"},
		{"a signature without end", append(rawMember("MANIFEST", '0', 13, "zoo-bundle/2\n"), rawMember("MANIFEST.sig", '0', gib, "zoo")...), new(*bundle.Error), "expected at most"},
		{"gzip", zipped.Bytes(), new(*bundle.Error), "compressed with gzip"},
		{"zeros without end", append(slices.Clip(good), make([]byte, 8<<20)...), new(*bundle.Error), "follows the end"},
		{"zstd within zstd", compressed(t, good), new(*bundle.Error), "MANIFEST"},
	}
	for _, tt := range tests {
		packed := compressed(t, tt.data)
		for i, r := range []io.Reader{
			bytes.NewReader(tt.data), noSeek{bytes.NewReader(tt.data)}, bytes.NewReader(packed), noSeek{bytes.NewReader(packed)},
		} {
			plain, piped := i < 2, i%2 == 1
			if tt.name == "zstd within zstd" && plain || tt.name == "gzip" && !plain || tt.name == "zeros without end" && piped {
				continue // good, no bundle at all, and found once all is written
			}
			s := newStore(t)
			_, err := bundle.Load(t.Context(), r, s, bundle.LoadOptions{})
			if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: error = %v, want a %T with %q", tt.name, err, tt.want, tt.text)
			}
			if left := files(t, s.Dir()); len(left) > 0 {
				t.Errorf("%s: %q were written", tt.name, left)
			}
		}
	}

	s := newStore(t)
	_, err := bundle.Load(t.Context(), bytes.NewReader(good), s, bundle.LoadOptions{Limit: func(model string) int64 { return 100 }})
	if !errors.As(err, new(*bundle.Error)) || !strings.Contains(err.Error(), "needs no more than 100") {
		t.Errorf("more than its network needs: error = %v", err)
	}
	_, err = bundle.Load(t.Context(), bytes.NewReader(good), s, bundle.LoadOptions{Golden: func(model, file string, data []byte) error {
		if model != "a" || file != "images.safetensors.zst" || digest.Digest(digestOf(data)) != digestOf([]byte("golden")) {
			t.Errorf("asked about %s, %s, %q", model, file, data)
		}
		return io.ErrNoProgress
	}})
	if !errors.Is(err, io.ErrNoProgress) || !errors.As(err, new(*bundle.Error)) {
		t.Errorf("a golden that is refused: error = %v", err)
	}
	if left := files(t, s.Dir()); len(left) > 0 {
		t.Errorf("%q were written", left)
	}
}
