package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

func TestFetchMendsTheCache(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/f")
	blob, err := s.Fetch(t.Context(), e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	damages := []struct {
		name   string
		damage func()
		cached bool // it is seen without reading the file
	}{
		{"blob shortened", func() { os.Chmod(blob.Path, 0o600); os.Truncate(blob.Path, 10) }, false},
		{"blob gone", func() { remove(t, blob.Path) }, false},
		{"ref damaged", func() { write(t, filepath.Join(s.dir, "refs", e.Name), []byte("{}")) }, true},
		{"ref gone", func() { remove(t, filepath.Join(s.dir, "refs", e.Name)) }, true},
		{"lock file gone", func() { remove(t, filepath.Join(s.dir, "zoo.lock")) }, true},
	}
	for _, tt := range damages {
		host.Sent()
		tt.damage()
		blob, err := s.Fetch(t.Context(), e, Options{})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		checkBlob(t, s, blob, blob.CheckedBy)
		if sent := host.Sent(); (sent == 0) != tt.cached {
			t.Errorf("%s: %d bytes were sent", tt.name, sent)
		}
	}
}

// TestUnnamedBlob has a blob whose ref was never written, as a process that is
// killed leaves it, or that is not what its name says. It is taken by all digits, not by 8:
// whoever made it may have had another name in mind.
func TestUnnamedBlob(t *testing.T) {
	for _, tt := range []struct {
		name  string
		data  []byte
		full  bool
		taken bool
	}{{"good", content, true, true}, {"damaged", flip(content, 5), true, false}, {"good, 8 digits are known", content, false, false}} {
		t.Run(tt.name, func(t *testing.T) {
			host := faulthost.Start(t, content, nil)
			s := newStore(t)
			path := s.blobPath(digestOf(content))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, path, tt.data)
			e, by := newEntry(t, host.URL+"/f"), ByPrefix
			if tt.full {
				fullDigest(e)
				by = BySHA256
			}
			blob, err := s.Fetch(t.Context(), e, Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkBlob(t, s, blob, by)
			if sent := host.Sent(); (sent == 0) != tt.taken {
				t.Errorf("%d bytes were sent", sent)
			}
		})
	}
}

func TestReadOnlyFolder(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/f")
	if _, err := s.Fetch(t.Context(), e, Options{}); err != nil {
		t.Fatal(err)
	}
	made, err := s.Derived(t.Context(), "key", func(path string) error { return os.WriteFile(path, []byte("made"), 0o600) })
	if err != nil {
		t.Fatal(err)
	}
	readOnly(t, s)
	project := filepath.Join(t.TempDir(), "zoo.lock")
	for dir, mode := range map[string]fs.FileMode{filepath.Dir(project): 0o777, filepath.Dir(filepath.Dir(project)): 0o755} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	asUser(t, func() {
		blob, err := s.Fetch(t.Context(), e, Options{Lock: project})
		if err != nil || blob.Digest != digestOf(content) {
			t.Errorf("fetch: %+v, %v", blob, err)
		}
		if data, err := os.ReadFile(project); err != nil || string(data) != string(learntPins(e, blob.Digest, blob.Size)) {
			t.Errorf("the project's lock file has %q, %v", data, err)
		}
		if blob, err := s.Fetch(t.Context(), e, Options{}); err != nil || blob.CheckedBy != ByLock || blob.Origin.Way != lock.BuiltIn {
			t.Errorf("what the owner of the cache learnt: %+v, %v", blob, err)
		}
		// A lock file of the project that may be read only learns nothing, and says so.
		fixed := filepath.Join(s.dir, "partial", "fixed.lock")
		var notices []string
		o := Options{Lock: fixed, Notice: func(text string) { notices = append(notices, text) }}
		if blob, err := s.Fetch(t.Context(), e, o); err != nil || blob.CheckedBy != ByLock {
			t.Errorf("with a lock file that cannot be written to: %+v, %v", blob, err)
		}
		if len(notices) != 1 || !strings.Contains(notices[0], "cannot be written to") {
			t.Errorf("notices = %q", notices)
		}
		second := *e
		second.Name = "same_file_other_name"
		if _, err := s.Fetch(t.Context(), &second, Options{}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("another name with the same 8 digits: error = %v, want ErrReadOnly", err)
		}
		fullDigest(&second)
		if blob, err := s.Fetch(t.Context(), &second, Options{}); err != nil || blob.Digest != digestOf(content) {
			t.Errorf("another name of the same file: %+v, %v", blob, err)
		}
		if blob, err := s.Derived(t.Context(), "key", nil); err != nil || blob != made {
			t.Errorf("derived: %+v, %v", blob, err)
		}
		if health, err := s.Verify(t.Context(), nil); err != nil || health.Files != 2 || len(health.Faults) > 0 {
			t.Errorf("verify: %+v, %v", health, err)
		}
		other := *e
		other.Name, other.Weights.Digest = "other", mustDigest(t, "00000000")
		if _, err := s.Fetch(t.Context(), &other, Options{}); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "--cache-dir") {
			t.Errorf("a file that is not there: error = %v, want ErrReadOnly", err)
		}
		if _, err := s.Derived(t.Context(), "other", func(string) error { return nil }); !errors.Is(err, ErrReadOnly) {
			t.Errorf("a derived file that is not there: error = %v, want ErrReadOnly", err)
		}
		if _, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("prune: error = %v, want ErrReadOnly", err)
		}
	})
	if n := host.Requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// readOnly keeps everybody but root from writing to a store, until the test ends. Everybody may
// read it.
func readOnly(t *testing.T, s *Store) {
	t.Helper()
	for _, dir := range []string{"blobs", "blobs/sha256", refsDir, derivedDir, partialDir, checkedDir, locksDir, "."} {
		path := filepath.Join(s.dir, dir)
		if err := os.Chmod(path, 0o555); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o755) })
	}
	for dir := filepath.Dir(s.dir); strings.Contains(dir, t.Name()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDerived(t *testing.T) {
	s := newStore(t)
	broken := errors.New("broken")
	if _, err := s.Derived(t.Context(), "key", func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
	if left := files(t, s); left != nil {
		t.Errorf("left behind: %q", left)
	}
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			blob, err := s.Derived(t.Context(), "key", func(path string) error {
				made.Add(1)
				return os.WriteFile(path, []byte("made"), 0o600)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := os.ReadFile(blob.Path); err != nil || string(got) != "made" {
				t.Errorf("content = %q, %v", got, err)
			}
			if blob.Digest != digestOf([]byte("made")) || blob.Size != 4 {
				t.Errorf("%+v, want the digest and the size of what was made", blob)
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times, want once", n)
	}
	for _, key := range []string{"", ".hidden", "../up", "a@b", "a!b"} {
		if _, err := s.Derived(t.Context(), key, func(string) error { return nil }); err == nil {
			t.Errorf("key %q was accepted", key)
		}
	}
}

// Who waits for another process that makes a file need not wait for ever.
func TestDerivedHeedsContext(t *testing.T) {
	s := newStore(t)
	unlock, err := s.lock(t.Context(), derivedLock("key"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Derived(ctx, "key", func(string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestVerifyAndMend(t *testing.T) {
	s := newStore(t)
	o := Options{Embedded: fstest.MapFS{"net.pth": {Data: content}, "b.pth": {Data: []byte("b")}, "c.pth": {Data: []byte("c")}}}
	fetch := func(name, file string, data []byte) Blob {
		e := &registry.Entry{Name: name, Weights: registry.Weights{URL: "embedded:" + file, Digest: digestOf(data)}}
		blob, err := s.Fetch(t.Context(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		return blob
	}
	a, b := fetch("a", "net.pth", content), fetch("b", "b.pth", []byte("b"))
	c := fetch("c", "c.pth", []byte("c"))
	derive := func() string {
		blob, err := s.Derived(t.Context(), "key", func(path string) error { return os.WriteFile(path, []byte("made"), 0o600) })
		if err != nil {
			t.Fatal(err)
		}
		return blob.Path
	}
	made := derive()
	var seen int64
	h, err := s.Verify(t.Context(), func(done, total int64) {
		seen = done
		if want := int64(len(content) + 1 + 1 + 4); total != want {
			t.Errorf("total = %d, want %d", total, want)
		}
	})
	if want := (Health{Files: 4, Bytes: seen}); err != nil || cmp.Diff(want, h) != "" {
		t.Fatalf("a good store: %+v, %v", h, err)
	}

	// One bit in a, c gone, what was derived of another length, a ref damaged.
	os.Chmod(a.Path, 0o600)
	write(t, a.Path, flip(content, 77))
	remove(t, c.Path)
	os.Chmod(made, 0o600)
	write(t, made, []byte("mad"))
	write(t, filepath.Join(s.dir, "refs", "d"), []byte("{"))
	h, err = s.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range h.Faults {
		rel, _ := filepath.Rel(s.dir, f.Path)
		got = append(got, strings.ReplaceAll(filepath.ToSlash(rel), digestOf(content).String(), "A")+": "+f.Reason[:12])
	}
	want := []string{
		"blobs/sha256/A: its sha256 i",
		"blobs/sha256/" + filepath.Base(made) + ": its sha256 i",
		"refs/c: its blob is ",
		"refs/d: store: " + s.dir[:5],
		"derived/key: its blob has",
	}
	if filepath.Base(made) < filepath.Base(a.Path) {
		want[0], want[1] = want[1], want[0]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("faults (-want +got)\n%s", d)
	}
	removed, err := s.Mend(t.Context(), h)
	if err != nil || len(removed) != 6 {
		t.Errorf("mended %+v, %v, want 2 blobs and 4 refs", removed, err)
	}
	if h, err = s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 || h.Files != 1 {
		t.Errorf("after mending: %+v, %v, want one good file", h, err)
	}
	if _, err := os.Stat(b.Path); err != nil {
		t.Errorf("mending removed a good file: %v", err)
	}
	fetch("a", "net.pth", content)
	fetch("c", "c.pth", []byte("c"))
	derive()
	if h, err = s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 || h.Files != 4 {
		t.Errorf("fetched again: %+v, %v", h, err)
	}
}

func TestPrune(t *testing.T) {
	s := newStore(t)
	if removed, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); err != nil || removed != nil {
		t.Errorf("no folder: %v, %v", removed, err)
	}
	data := map[string][]byte{"old": []byte("old file"), "mid": []byte("middle file"), "new": []byte("new")}
	digests := make(map[string]string)
	for name, content := range data {
		e := &registry.Entry{Name: name, Weights: registry.Weights{URL: "embedded:f", Digest: digestOf(content)}}
		blob, err := s.Fetch(t.Context(), e, Options{Embedded: fstest.MapFS{"f": {Data: content}}})
		if err != nil {
			t.Fatal(err)
		}
		digests[name] = blob.Digest.String()
		if _, err := s.Derived(t.Context(), blob.Digest.String()+"-net",
			func(path string) error { return os.WriteFile(path, []byte("of "+name), 0o600) }); err != nil {
			t.Fatal(err)
		}
	}
	age := func(name string, age time.Duration) {
		at := time.Now().Add(-age)
		for _, path := range []string{"refs/" + name, "derived/" + digests[name] + "-net"} {
			if err := os.Chtimes(filepath.Join(s.dir, path), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	age("old", 3*time.Hour)
	age("mid", 2*time.Hour)
	age("new", time.Hour)
	good := files(t, s)

	// What interrupted work leaves, and one download that is under way.
	for _, path := range []string{
		"partial/net.part", "partial/net.part.journal", "partial/net.1.2.part", "partial/net.123", "partial/derived-x-y.123", "partial/busy.part",
		"refs/.net.9.tmp", "derived/.x.9.tmp", "blobs/sha256/." + digests["old"] + ".9.tmp", ".zoo.lock.9.tmp",
		"blobs/sha256/" + strings.Repeat("0", 64), "refs/lost",
	} {
		write(t, filepath.Join(s.dir, path), []byte("{}"))
	}
	unlock, err := s.lock(t.Context(), "busy")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	would, err := s.Prune(t.Context(), PruneOptions{Keep: -1, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	removed, err := s.Prune(t.Context(), PruneOptions{Keep: -1})
	if err != nil || len(removed) != 11 {
		t.Errorf("removed %+v, %v, want 11 leftovers", removed, err)
	}
	if d := cmp.Diff(would, removed); d != "" {
		t.Errorf("dry run, and not (-would +removed)\n%s", d)
	}
	busy := append([]string{"partial/busy.part"}, good...)
	slices.Sort(busy)
	if d := cmp.Diff(busy, files(t, s)); d != "" {
		t.Errorf("left (-want +got)\n%s", d)
	}

	// A quota: mid and new with what was derived of them are 11+6+3+6 bytes.
	for _, step := range []struct {
		keep int64
		want []string // names
	}{
		{11 + 6 + 3 + 6, []string{"mid", "new"}},
		{11 + 6 + 3 + 6 - 1, []string{"new", "mid"}}, // what was derived of mid goes first
		{11 + 3 + 6 - 1, []string{"new"}},
		{0, nil},
	} {
		if _, err := s.Prune(t.Context(), PruneOptions{Keep: step.keep}); err != nil {
			t.Fatal(err)
		}
		refs, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var total int64
		for _, r := range refs {
			got = append(got, r.Name)
		}
		blobs, err := s.blobs()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blobs {
			total += b.size
		}
		slices.Sort(step.want)
		if d := cmp.Diff(step.want, got); d != "" || total > step.keep {
			t.Errorf("keep %d: %d bytes; names (-want +got)\n%s", step.keep, total, d)
		}
	}
	if d := cmp.Diff([]string{"partial/busy.part", "zoo.lock"}, files(t, s)); d != "" {
		t.Errorf("at last (-want +got)\n%s", d)
	}
}

func TestDiskFullWhileTaking(t *testing.T) {
	s, e := newStore(t), newEntry(t, "embedded:f")
	full := fullFS{}
	_, err := s.Fetch(t.Context(), e, Options{Embedded: full})
	var space *SpaceError
	if !errors.As(err, &space) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error = %v, want a SpaceError", err)
	}
	if left := files(t, s); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// fullFS has a file whose reading fails as writing to a full disk would.
type fullFS struct{}

func (fullFS) Open(string) (fs.File, error) { return fullFile{}, nil }

type fullFile struct{ fs.File }

func (fullFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC}
}
func (fullFile) Close() error { return nil }
