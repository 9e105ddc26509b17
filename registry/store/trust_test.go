package store

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// pins returns a lock file's text with one pin.
func pins(digest digest.Digest, size int64) []byte {
	var f lock.File
	f.Set("net_in1k", lock.Pin{Digest: digest, Size: size})
	return f.Bytes()
}

// learntPins is pins for what came from the built-in address of an entry.
func learntPins(e *registry.Entry, digest digest.Digest, size int64) []byte {
	var f lock.File
	f.Set(e.Name, lock.Pin{Digest: digest, Size: size})
	from := lock.From(lock.BuiltIn, e.Builtin.URL)
	from.Checked = string(ByPrefix)
	f.SetOrigin(e.Name, from)
	return f.Bytes()
}

// TestDigestIsLearnt prunes a file and downloads it again: this time all digits of
// its digest are known.
func TestDigestIsLearnt(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/f")
	project := filepath.Join(t.TempDir(), lock.FileName)
	blob, err := s.Fetch(t.Context(), e, Options{Lock: project})
	if err != nil || blob.CheckedBy != ByPrefix {
		t.Fatalf("first: %+v, %v", blob, err)
	}
	want := string(learntPins(e, digestOf(content), int64(len(content))))
	for _, path := range []string{project, filepath.Join(s.dir, lock.FileName)} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{"folder's lock": {}, "project's lock": {Lock: project}} {
		if blob, err = s.Fetch(t.Context(), e, o); err != nil || blob.CheckedBy != ByLock {
			t.Errorf("%s: %+v, %v, want the file checked by lock", name, blob, err)
		}
	}
	// Somebody who has the project's lock file only.
	other := newStore(t)
	if blob, err = other.Fetch(t.Context(), e, Options{Lock: project}); err != nil || blob.CheckedBy != ByLock {
		t.Errorf("elsewhere: %+v, %v, want the file checked by lock", blob, err)
	}
	// An entry that states all digits needs no lock file.
	e.Weights.Digest = digestOf(content)
	if blob, err = other.Fetch(t.Context(), e, Options{Lock: project}); err != nil || blob.CheckedBy != BySHA256 {
		t.Errorf("full digest: %+v, %v, want the file checked by sha256", blob, err)
	}
}

// learntAt gives the one pin of a lock file the built-in address of an entry as its origin.
func learntAt(e *registry.Entry, text []byte) []byte {
	f, err := lock.Parse("", text)
	if err != nil {
		return text
	}
	pin, _ := f.Pin(e.Name)
	return learntPins(e, pin.Digest, pin.Size)
}

// TestLockHolds has another file of the same 8 digits at the host. The digest that
// was learnt is made up: finding two such files would take hours.
func TestLockHolds(t *testing.T) {
	made := mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56))
	size := int64(len(content))
	tests := []struct {
		name          string
		project, here []byte // lock files
		edit          func(e *registry.Entry)
		want          any
		text          string
	}{
		{"project", pins(made, size), nil, nil, new(*MismatchError), "same 8 digits as the file in "},
		{"learnt here", nil, pins(made, size), nil, new(*MismatchError), "same 8 digits"},
		{"project before here", pins(digestOf(content), size), pins(made, size), nil, nil, ""},
		{"another size", pins(digestOf(content), 5), nil, nil, new(*MismatchError), "states 5 bytes"},
		{"entry of another prefix", pins(made, size), nil, func(e *registry.Entry) { e.Weights.Digest = mustDigest(t, "00000000") }, new(*TrustError), "the registry states 00000000"},
		{"entry of another digest", pins(made, size), nil, fullDigest, new(*TrustError), "pins sha256 " + made.String()},
		{"entry of another size", pins(made, size), nil, withSize(7), new(*TrustError), "the registry states 7"},
		{"learnt of an earlier entry", nil, pins(digestOf(nil), 0), nil, nil, ""},
		{"learnt, then stated otherwise", nil, pins(made, size), fullDigest, nil, ""},
		{"not a lock file", []byte("x"), nil, nil, new(error), "expected zoo-lock/1"},
		{"damaged here", nil, []byte("x"), nil, new(error), "remove the file to learn its digests anew"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host := faulthost.Start(t, content, nil)
			s, e := newStore(t), newEntry(t, host.URL+"/f")
			o := Options{Lock: filepath.Join(t.TempDir(), lock.FileName)}
			if tt.project != nil {
				write(t, o.Lock, tt.project)
			}
			if tt.here != nil {
				if err := os.MkdirAll(s.dir, 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(s.dir, lock.FileName), learntAt(e, tt.here))
			}
			if tt.edit != nil {
				tt.edit(e)
			}
			path := filepath.Join(t.TempDir(), "f")
			write(t, path, content)
			for name, bring := range map[string]func() (Blob, error){
				"fetch":  func() (Blob, error) { return s.Fetch(t.Context(), e, o) },
				"import": func() (Blob, error) { return s.Import(t.Context(), e, path, o) },
			} {
				_, err := bring()
				if tt.want == nil {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%s: error = %v, want a %T with %q", name, err, tt.want, tt.text)
				}
				if refs, _ := s.List(); len(refs) > 0 {
					t.Errorf("%s: %v is in the store", name, refs)
				}
			}
			if tt.project != nil {
				if now, err := os.ReadFile(o.Lock); err != nil || string(now) != string(tt.project) {
					t.Errorf("the project's lock file was changed to %q, %v", now, err)
				}
			}
		})
	}
}

// TestSignedLock has a lock file that others may only use as it was signed.
func TestSignedLock(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	dir := t.TempDir()
	key, path := filepath.Join(dir, "key"), filepath.Join(dir, lock.FileName)
	if err := lock.WriteKeys(key); err != nil {
		t.Fatal(err)
	}
	public, err := lock.ReadPublicKey(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, pins(digestOf(content), int64(len(content))))
	fetch := func(name string, key ed25519.PublicKey) (Blob, []string, error) {
		e := newEntry(t, host.URL+"/f")
		e.Name = name
		var notices []string
		blob, err := newStore(t).Fetch(t.Context(), e, Options{Lock: path, LockKey: key, Notice: func(s string) { notices = append(notices, s) }})
		return blob, notices, err
	}
	if _, _, err := fetch("net_in1k", public); !errors.As(err, new(*SignatureError)) {
		t.Errorf("unsigned: error = %v, want a SignatureError", err)
	}
	if err := lock.SignFile(path, key); err != nil {
		t.Fatal(err)
	}
	if blob, _, err := fetch("net_in1k", public); err != nil || blob.CheckedBy != ByLock {
		t.Errorf("signed: %+v, %v", blob, err)
	}
	if _, _, err := fetch("other", public); !errors.As(err, new(*TrustError)) || !strings.Contains(err.Error(), "zoo lock other") {
		t.Errorf("a name outside: error = %v, want a TrustError", err)
	}
	if blob, notices, err := fetch("other", nil); err != nil || blob.CheckedBy != ByPrefix || len(notices) != 1 || !strings.Contains(notices[0], "which is signed") {
		t.Errorf("a name outside, no key: %+v, %q, %v", blob, notices, err)
	}
	write(t, path, pins(digestOf(nil), 0))
	if _, _, err := fetch("net_in1k", public); !errors.As(err, new(*SignatureError)) {
		t.Errorf("changed after it was signed: error = %v, want a SignatureError", err)
	}
	if n := host.Requests.Load(); n != 2 {
		t.Errorf("%d requests, want 2: what is not trusted is not fetched", n)
	}
}
