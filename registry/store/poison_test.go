package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
)

// TestPoison brings a file that was made to have the 8 digits of a built-in row in every way
// there is. None of them makes it a file of which more is known, here or in the lock file of
// another project, and what a file of rows brought stands for that row alone. The made file is
// content, and the built-in address is one that nobody answers at.
func TestPoison(t *testing.T) {
	const address = "https://published.invalid/v0/net.pth"
	type scene struct {
		*testing.T
		s    *Store
		evil *faulthost.Host // serves the made file at every path
		dir  string
	}
	builtin := func(t testing.TB) *registry.Entry { return newEntry(t, address) }
	hubRow := func(t testing.TB) *registry.Entry { return newEntry(t, "hf://org/net/net.pth@main") }
	// over returns a built-in row as a file of rows has changed it.
	over := func(e *registry.Entry, edit func(w *registry.Weights)) *registry.Entry {
		e.Name = "net_in1k"
		edit(&e.Weights)
		return e
	}
	fetch := func(sc scene, e *registry.Entry, o Options) {
		sc.Helper()
		if blob, err := sc.s.Fetch(sc.Context(), e, o); err != nil || blob.Digest != digestOf(content) {
			sc.Fatalf("the made file was not brought: %+v, %v", blob, err)
		}
	}
	evilLock := func(sc scene) string {
		path := filepath.Join(sc.dir, "evil", lock.FileName)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			sc.Fatal(err)
		}
		write(sc, path, pins(digestOf(content), int64(len(content))))
		return path
	}
	for _, tt := range []struct {
		name  string
		bring func(sc scene)
		row   func(t testing.TB) *registry.Entry // that is used afterwards; nil: builtin
		way   lock.Way                           // as which it may be used by its prefix; Unknown with used: an old cache
		used  bool
	}{
		{name: "url", bring: func(sc scene) {
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL = sc.evil.URL + "/v0/net.pth" }), Options{})
		}},
		{name: "url and all digits", bring: func(sc scene) {
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL, w.Digest = sc.evil.URL+"/x", digestOf(content) }), Options{})
		}},
		{name: "url and size", bring: func(sc scene) {
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL, w.Size = sc.evil.URL+"/x", int64(len(content)) }), Options{})
		}},
		{name: "file", bring: func(sc scene) {
			write(sc, filepath.Join(sc.dir, "f"), content)
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL = "file:" + filepath.Join(sc.dir, "f") }), Options{})
		}},
		{name: "url, with a lock file of its own", bring: func(sc scene) {
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL = sc.evil.URL + "/x" }), Options{Lock: evilLock(sc)})
		}},
		{name: "a name of its own", bring: func(sc scene) {
			e := &registry.Entry{Name: "other", Weights: registry.Weights{URL: sc.evil.URL + "/x", Digest: builtin(sc).Weights.Digest}}
			fetch(sc, e, Options{})
		}},
		{name: "a name of its own, then its lock file", bring: func(sc scene) {
			e := &registry.Entry{Name: "other", Weights: registry.Weights{URL: sc.evil.URL + "/x", Digest: builtin(sc).Weights.Digest}}
			fetch(sc, e, Options{})
			fetch(sc, builtin(sc), Options{Lock: evilLock(sc), Offline: true})
		}},
		{name: "hub repository in the hub's cache", bring: func(sc scene) {
			dir := filepath.Join(sc.dir, "hub", "models--evil--net", "blobs")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				sc.Fatal(err)
			}
			write(sc, filepath.Join(dir, digestOf(content).String()), content)
			fetch(sc, builtin(sc), Options{Lock: evilLock(sc), Offline: true, Hub: hub.Hub{Cache: filepath.Join(sc.dir, "hub")}})
		}},
		{name: "another repository", row: hubRow, bring: func(sc scene) {
			evil := startHub(sc.T, "", nil)
			fetch(sc, over(hubRow(sc), func(w *registry.Weights) { w.URL = "hf://evil/net/net.pth@main" }), Options{Hub: hub.Hub{Endpoint: evil.URL}})
		}},
		{name: "mirror", way: lock.Mirror, used: true, bring: func(sc scene) {
			fetch(sc, builtin(sc), Options{Mirror: "http://user:secret@" + strings.TrimPrefix(sc.evil.URL, "http://") + "/m?key=secret"})
		}},
		{name: "hub endpoint", way: lock.Endpoint, used: true, row: hubRow, bring: func(sc scene) {
			evil := startHub(sc.T, "", func(h http.Header) { h.Del("X-Linked-Etag") })
			fetch(sc, hubRow(sc), Options{Hub: hub.Hub{Endpoint: evil.URL}})
		}},
		{name: "hub endpoint that states all digits", way: lock.Endpoint, used: true, row: hubRow, bring: func(sc scene) {
			evil := startHub(sc.T, "", nil)
			fetch(sc, hubRow(sc), Options{Hub: hub.Hub{Endpoint: evil.URL}})
		}},
		{name: "torch.hub's folder", way: lock.TorchCache, used: true, bring: func(sc scene) {
			write(sc, filepath.Join(sc.dir, "net.pth"), content)
			fetch(sc, builtin(sc), Options{TorchCheckpoints: sc.dir, Offline: true})
		}},
		{name: "import", way: lock.Import, used: true, bring: func(sc scene) {
			write(sc, filepath.Join(sc.dir, "f"), content)
			if _, err := sc.s.Import(sc.Context(), builtin(sc), filepath.Join(sc.dir, "f"), Options{}); err != nil {
				sc.Fatal(err)
			}
		}},
		{name: "bundle", way: lock.Bundle, used: true, bring: func(sc scene) {
			pin := lock.Pin{Digest: digestOf(content), Size: int64(len(content))}
			if _, err := sc.s.Put(sc.Context(), "net_in1k", pin, strings.NewReader(string(content))); err != nil {
				sc.Fatal(err)
			}
		}},
		{name: "an earlier version", way: lock.Unknown, used: true, bring: func(sc scene) {
			fetch(sc, over(builtin(sc), func(w *registry.Weights) { w.URL = sc.evil.URL + "/x" }), Options{})
			old := fmt.Sprintf(`{"sha256":"%s","size":%d,"checked_by":"lock"}`, digestOf(content), len(content))
			write(sc, filepath.Join(sc.s.dir, refsDir, "net_in1k"), []byte(old))
			write(sc, sc.s.lockPath(), pins(digestOf(content), int64(len(content))))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := scene{t, newStore(t), faulthost.Start(t, content, nil), t.TempDir()}
			tt.bring(sc)
			row := builtin
			if tt.row != nil {
				row = tt.row
			}
			project := filepath.Join(t.TempDir(), lock.FileName)
			for range 2 { // nothing becomes of using it twice
				blob, err := sc.s.Fetch(t.Context(), row(t), Options{Offline: true, Lock: project})
				switch {
				case !tt.used && !errors.As(err, new(*OfflineError)):
					t.Errorf("the built-in row is given %+v, %v", blob, err)
				case tt.used && (err != nil || blob.CheckedBy != ByPrefix && (blob.CheckedBy != ByHost || !strings.Contains(tt.name, "states")) || blob.Origin.Way != tt.way):
					t.Errorf("blob %+v, %v: want it by its prefix from %q", blob, err, tt.way)
				}
				if strings.Contains(blob.Origin.Address, "secret") {
					t.Errorf("a secret is kept: %s", blob.Origin)
				}
			}
			if f, err := lock.Read(project); err != nil || len(f.Names()) > 0 {
				t.Errorf("another project's lock file has %q, %v", f.Names(), err)
			}
			if f, err := lock.Read(sc.s.lockPath()); err != nil || f.Origin("net_in1k").Way != lock.Unknown {
				t.Errorf("it was learnt: %v, %v", f.Origin("net_in1k"), err)
			}
			// Asked for by hand, it is pinned with what is known of it.
			if tt.used {
				blob, err := sc.s.Fetch(t.Context(), row(t), Options{Offline: true})
				if err == nil {
					err = sc.s.SetPin(t.Context(), project, "net_in1k", blob)
				}
				f, rerr := lock.Read(project)
				if err != nil || rerr != nil || f.Origin("net_in1k").Way != tt.way || strings.Contains(string(f.Bytes()), "secret") {
					t.Errorf("pinned by hand: %s, %v, %v", f.Bytes(), err, rerr)
				}
				if tt.way != lock.Unknown && !strings.Contains(string(f.Bytes()), "# from "+string(tt.way)) {
					t.Errorf("the lock file does not say so:\n%s", f.Bytes())
				}
			}
		})
	}
}

// TestNameAndAddress has files of one name come by two addresses: each row keeps its own,
// whichever came last, and both may be used without a network.
func TestNameAndAddress(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/published")
	over := *e
	over.Weights.URL = host.URL + "/over"
	for i, step := range []struct {
		row     *registry.Entry
		o       Options
		by      Check
		way     lock.Way
		request bool
	}{
		{e, Options{}, ByPrefix, lock.BuiltIn, true},
		{e, Options{}, ByLock, lock.BuiltIn, false}, // learnt
		{&over, Options{}, ByPrefix, lock.Catalogue, true},
		{&over, Options{}, ByPrefix, lock.Catalogue, false},
		{e, Options{Offline: true}, ByLock, lock.Catalogue, false}, // the same bytes, as all digits say
		{&over, Options{Offline: true}, ByPrefix, lock.Catalogue, false},
		{e, Options{Mirror: host.URL + "/m"}, ByLock, lock.Catalogue, false},
	} {
		before := host.Requests.Load()
		blob, err := s.Fetch(t.Context(), step.row, step.o)
		if err != nil || blob.CheckedBy != step.by || blob.Origin.Way != step.way {
			t.Fatalf("step %d: %+v, %v, want checked by %s from %s", i, blob, err, step.by, step.way)
		}
		if asked := host.Requests.Load() > before; asked != step.request {
			t.Errorf("step %d: asked the host: %v", i, asked)
		}
	}
}

// TestEarlierFiles: two files of the same 8 digits under one name, which only made-up refs can
// show here. The one that stands for a row is chosen by its address, and stands first afterwards.
func TestEarlierFiles(t *testing.T) {
	s, e := newStore(t), newEntry(t, "https://published.invalid/f")
	over := *e
	over.Weights.URL = "https://other.invalid/f"
	good := ref{SHA256: digestOf(content), Size: int64(len(content)), CheckedBy: ByPrefix, Way: lock.BuiltIn, Row: rowKey(e.Weights.URL)}
	evil := good
	evil.SHA256, evil.Way, evil.Row = mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56)), lock.Catalogue, rowKey(over.Weights.URL)
	if err := os.MkdirAll(filepath.Dir(s.blobPath(good.SHA256)), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, s.blobPath(good.SHA256), content)
	write(t, s.blobPath(evil.SHA256), content) // not its bytes: the note has it that they were read
	state, err := s.fs.State(s.blobPath(evil.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	s.noted(evil.SHA256, state)
	for _, r := range []ref{good, evil} {
		if err := s.writeRef(refsDir, e.Name, r); err != nil {
			t.Fatal(err)
		}
	}
	if blob, err := s.Fetch(t.Context(), &over, Options{Offline: true}); err != nil || blob.Digest != evil.SHA256 {
		t.Errorf("the row of the file that came last: %+v, %v", blob, err)
	}
	if blob, err := s.Fetch(t.Context(), e, Options{Offline: true}); err != nil || blob.Digest != good.SHA256 || blob.Origin.Way != lock.BuiltIn {
		t.Errorf("the built-in row: %+v, %v", blob, err)
	}
	r, err := s.readRef(refsDir, e.Name)
	if err != nil || r.SHA256 != good.SHA256 || len(r.Earlier) != 1 || r.Earlier[0].SHA256 != evil.SHA256 {
		t.Errorf("the ref is %+v, %v", r, err)
	}
	// Read again, its bytes are not what its digest says, and so it is not taken.
	if blob, err := s.Fetch(t.Context(), &over, Options{Offline: true}); !errors.As(err, new(*OfflineError)) {
		t.Errorf("a file that is not what its ref says: %+v, %v", blob, err)
	}
	for i := range 2 * maxEarlier {
		next := good
		next.Row = fmt.Sprint(i)
		if err := s.writeRef(refsDir, e.Name, next); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.readRef(refsDir, e.Name); err != nil || len(r.Earlier) != maxEarlier {
		t.Errorf("%d files are remembered, %v, want %d", len(r.Earlier), err, maxEarlier)
	}
}

// TestRefOfEarlierVersions: what a version before origins wrote is read, and what is written now
// can be read by it.
func TestRefOfEarlierVersions(t *testing.T) {
	r := newRef(wanted{stated: ByHost, row: rowKey("https://h.example/f?x=1")}, digestOf(content), 5, lock.From(lock.Mirror, "https://u:p@m.example/f?token=x#y"))
	text, err := json.Marshal(r.over(&r))
	if err != nil {
		t.Fatal(err)
	}
	var old struct {
		SHA256    string `json:"sha256"`
		Size      int64  `json:"size"`
		CheckedBy Check  `json:"checked_by"`
	}
	if err := json.Unmarshal(text, &old); err != nil || old.SHA256 != digestOf(content).String() || old.Size != 5 || old.CheckedBy != ByHost {
		t.Errorf("%s is read as %+v, %v", text, old, err)
	}
	if d := cmp.Diff(lock.Origin{Way: lock.Mirror, Address: "https://m.example/f", Checked: "host"}, r.origin()); d != "" {
		t.Errorf("origin (-want +got)\n%s", d)
	}
}

// TestFirstUse has the digest learnt from the built-in address alone, and a later file of the
// same 8 digits refused, however it comes.
func TestFirstUse(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/f")
	if _, err := s.Fetch(t.Context(), e, Options{}); err != nil {
		t.Fatal(err)
	}
	made := mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56))
	pin := lock.Pin{Digest: made, Size: int64(len(content))}
	if err := s.CheckPin(e, pin, Options{}); !errors.As(err, new(*TrustError)) {
		t.Errorf("a bundle with another file: error = %v", err)
	}
	// A version before origins learnt something else of some address: it says nothing now.
	var f lock.File
	f.Set(e.Name, pin)
	write(t, s.lockPath(), f.Bytes())
	if err := s.CheckPin(e, pin, Options{}); err != nil {
		t.Errorf("a digest without an origin binds: %v", err)
	}
	var notices []string
	o := Options{Notice: func(s string) { notices = append(notices, s) }}
	if blob, err := s.Fetch(t.Context(), e, o); err != nil || blob.CheckedBy != ByPrefix {
		t.Errorf("%+v, %v", blob, err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "earlier version had noted sha256 "+made.String()) {
		t.Errorf("notices = %q", notices)
	}
	if blob, err := s.Fetch(t.Context(), e, o); err != nil || blob.CheckedBy != ByLock {
		t.Errorf("learnt again: %+v, %v", blob, err)
	}
}

// TestKeyIsAskedFor: no way into the store goes past a key that is set.
func TestKeyIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := lock.WriteKeys(key); err != nil {
		t.Fatal(err)
	}
	public, err := lock.ReadPublicKey(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }))
	defer server.Close()
	path := filepath.Join(dir, "f")
	write(t, path, content)
	pipe := filepath.Join(dir, "folder.lock")
	if err := os.Mkdir(pipe, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"none": "", "gone": filepath.Join(dir, "none.lock"), "no file": pipe} {
		t.Run(name, func(t *testing.T) {
			s, e := newStore(t), newEntry(t, server.URL+"/f")
			if _, err := s.Import(t.Context(), e, path, Options{}); err != nil { // it is cached already
				t.Fatal(err)
			}
			o := Options{Lock: file, LockKey: public}
			for what, f := range map[string]func() error{
				"fetch":  func() error { _, err := s.Fetch(t.Context(), e, o); return err },
				"import": func() error { _, err := s.Import(t.Context(), e, path, o); return err },
				"check": func() error {
					return s.CheckPin(e, lock.Pin{Digest: digestOf(content), Size: int64(len(content))}, o)
				},
			} {
				if err := f(); !errors.As(err, new(*SignatureError)) {
					t.Errorf("%s: error = %v, want a SignatureError", what, err)
				}
			}
		})
	}
}

// TestCacheAsProject: in the cache folder as working directory, what was learnt there is no
// lock file of a project, whose pins would hold whatever they came from.
func TestCacheAsProject(t *testing.T) {
	s, e := newStore(t), newEntry(t, "https://published.invalid/f")
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, content)
	if _, err := s.Import(t.Context(), e, path, Options{}); err != nil {
		t.Fatal(err)
	}
	write(t, s.lockPath(), pins(digestOf(content), int64(len(content)))) // by an earlier version
	t.Chdir(s.dir)
	for _, o := range []Options{{}, {Lock: lock.FileName}, {Lock: s.lockPath()}} {
		if blob, err := s.Fetch(t.Context(), e, o); err != nil || blob.CheckedBy != ByPrefix {
			t.Errorf("%q: %+v, %v", o.Lock, blob, err)
		}
	}
}

// TestFileOfHome: a file: address in the home folder is one address, wherever one works.
func TestFileOfHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	write(t, filepath.Join(home, "f"), content)
	s, e := newStore(t), newEntry(t, "file:~/f")
	for range 2 {
		t.Chdir(t.TempDir())
		blob, err := s.Fetch(t.Context(), e, Options{Offline: true})
		if err != nil || blob.CheckedBy != ByPrefix || blob.Origin.Address != filepath.Join(home, "f") {
			t.Errorf("%+v, %v", blob, err)
		}
		os.Remove(filepath.Join(home, "f")) // the second time it is in the cache
	}
}
