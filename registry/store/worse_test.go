package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/disk"
	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
)

// worse is a file system that behaves worse than the one below it.
type worse struct {
	fileSystem
	// fold, when set, is the folder below which names that differ by the case of their
	// letters are one.
	fold string
	// before is called with the name of an operation and its path; an error keeps the
	// operation from being done. After is called once it was done.
	before, after func(op, path string) error

	mu sync.Mutex
}

func (w *worse) path(p string) string {
	if rel, err := filepath.Rel(w.fold, p); w.fold != "" && err == nil {
		return filepath.Join(w.fold, strings.ToLower(rel))
	}
	return p
}

// do does an operation between the two hooks.
func do[T any](w *worse, op, path string, f func(path string) (T, error)) (out T, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.before != nil {
		if err := w.before(op, path); err != nil {
			return out, &fs.PathError{Op: op, Path: path, Err: err}
		}
	}
	if out, err = f(w.path(path)); err == nil && w.after != nil {
		if after := w.after(op, path); after != nil {
			err = &fs.PathError{Op: op, Path: path, Err: after}
		}
	}
	return out, err
}

// only is do for an operation that gives an error and nothing else.
func only(w *worse, op, path string, f func(path string) error) error {
	_, err := do(w, op, path, func(path string) (bool, error) { return true, f(path) })
	return err
}

func (w *worse) Open(p string) (*os.File, error)   { return do(w, "open", p, w.fileSystem.Open) }
func (w *worse) Create(p string) (*os.File, error) { return do(w, "create", p, w.fileSystem.Create) }
func (w *worse) ReadFile(p string) ([]byte, error) { return do(w, "read", p, w.fileSystem.ReadFile) }
func (w *worse) ReadDir(p string) ([]fs.DirEntry, error) {
	return do(w, "list", p, w.fileSystem.ReadDir)
}
func (w *worse) Stat(p string) (fs.FileInfo, error)  { return do(w, "stat", p, w.fileSystem.Stat) }
func (w *worse) Lstat(p string) (fs.FileInfo, error) { return do(w, "stat", p, w.fileSystem.Lstat) }
func (w *worse) State(p string) (disk.State, error)  { return do(w, "stat", p, w.fileSystem.State) }
func (w *worse) Mkdir(p string) error                { return only(w, "mkdir", p, w.fileSystem.Mkdir) }
func (w *worse) Remove(p string) error               { return only(w, "remove", p, w.fileSystem.Remove) }

// Sync does nothing more: the tests that fail each operation in turn would wait for the disk.
func (w *worse) Sync(p string) error {
	return only(w, "sync", p, func(string) error { return nil })
}
func (w *worse) WriteFile(p string, data []byte) error {
	return only(w, "write", p, func(p string) error { return w.fileSystem.WriteFile(p, data) })
}

func (w *worse) Rename(from, to string) error {
	return only(w, "rename", to, func(to string) error { return w.fileSystem.Rename(w.path(from), to) })
}

func (w *worse) Chmod(p string, m fs.FileMode) error {
	return only(w, "chmod", p, func(p string) error { return w.fileSystem.Chmod(p, m) })
}

func (w *worse) Chtimes(p string, t time.Time) error {
	return only(w, "chtimes", p, func(p string) error { return w.fileSystem.Chtimes(p, t) })
}

func (w *worse) TryLock(p string, m lockMode, create bool) (*heldLock, error) {
	var held *heldLock
	_, err := do(w, "lock", p, func(p string) (_ *heldLock, err error) {
		held, err = w.fileSystem.TryLock(p, m, create)
		return held, err
	})
	if err != nil && held != nil {
		held.release()
		held = nil
	}
	return held, err
}

// on puts a file system below a store.
func on(s *Store, w *worse) *Store {
	w.fileSystem = system{}
	s.fs = patient{w}
	return s
}

// refuse returns a hook that refuses operations with an error.
func refuse(err error, ops ...string) func(op, path string) error {
	return func(op, _ string) error {
		for _, o := range ops {
			if o == op {
				return err
			}
		}
		return nil
	}
}

// every returns a hook that fails each operation the first time that it is asked for at a path.
func every(err error, ops ...string) func(op, path string) error {
	seen := make(map[string]bool)
	hook := refuse(err, ops...)
	return func(op, path string) error {
		if err := hook(op, path); err != nil && !seen[op+path] {
			seen[op+path] = true
			return err
		}
		return nil
	}
}

// TestFileSystems does on worse file systems all that a store does: what is fetched and made is
// right, is found again by another store, and goes when it is pruned.
func TestFileSystems(t *testing.T) {
	for name, w := range map[string]*worse{
		"no locks, ENOLCK":              {after: refuse(syscall.ENOLCK, "lock")},
		"no locks, ENOSYS":              {after: refuse(syscall.ENOSYS, "lock")},
		"no locks, EOPNOTSUPP":          {after: refuse(syscall.EOPNOTSUPP, "lock")},
		"no sync":                       {before: refuse(syscall.EINVAL, "sync")},
		"no sync, ENOTSUP":              {before: refuse(syscall.ENOTSUP, "sync")},
		"no permissions, no times":      {before: refuse(syscall.EPERM, "chmod", "chtimes")},
		"renames that fail once done":   {after: refuse(syscall.ENOENT, "rename")},
		"removals that fail once done":  {after: refuse(syscall.ENOENT, "remove")},
		"handles that are stale, once":  {before: every(syscall.ESTALE, "open", "read", "list", "stat", "lock")},
		"notes that cannot be written":  {before: refuse(syscall.EIO, "write")},
		"cases that are not told apart": {},
	} {
		t.Run(name, func(t *testing.T) {
			host := faulthost.Start(t, content, nil)
			s := on(newStore(t), w)
			if name == "cases that are not told apart" {
				w.fold = s.dir
			}
			other := []byte("another file")
			path := filepath.Join(t.TempDir(), "other")
			write(t, path, other)
			upper := &registry.Entry{Name: "NET_in1k", Weights: registry.Weights{Digest: digestOf(other)}}
			lower := newEntry(t, host.URL+"/f")
			for range 2 { // the second time from the cache
				if blob, err := s.Fetch(t.Context(), lower, Options{}); err != nil || blob.Digest != digestOf(content) || blob.Read.IsZero() {
					t.Fatalf("fetch: %+v, %v", blob, err)
				}
				if blob, err := s.Import(t.Context(), upper, path, Options{}); err != nil || blob.Digest != digestOf(other) {
					t.Fatalf("import: %+v, %v", blob, err)
				}
				for _, key := range []string{"key", "Key"} {
					blob, err := s.Derived(t.Context(), key, func(tmp string) error { return os.WriteFile(tmp, []byte("of "+key), 0o600) })
					if err != nil || blob.Digest != digestOf([]byte("of "+key)) {
						t.Fatalf("derived: %+v, %v", blob, err)
					}
				}
			}
			if n := host.Requests.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			later := on(openStore(t, s.dir), &worse{fold: w.fold, before: w.before, after: w.after})
			for _, e := range []*registry.Entry{lower, upper} {
				if blob, err := later.Fetch(t.Context(), e, Options{Offline: true}); err != nil || e == upper && blob.Digest != digestOf(other) {
					t.Errorf("%s from the cache: %+v, %v", e.Name, blob, err)
				}
			}
			var names []string
			refs, err := s.List()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range refs {
				names = append(names, r.Name)
			}
			if d := cmp.Diff([]string{"NET_in1k", "net_in1k"}, names); d != "" {
				t.Errorf("names (-want +got)\n%s", d)
			}
			if h, err := s.Verify(t.Context(), nil); err != nil || h.Files != 4 || len(h.Faults) > 0 {
				t.Errorf("verify: %+v, %v", h, err)
			}
			later.Release()
			if _, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); err != nil {
				t.Errorf("prune: %v", err)
			}
			if d := cmp.Diff([]string{"zoo.lock"}, files(t, s)); d != "" {
				t.Errorf("after pruning (-want +got)\n%s", d)
			}
		})
	}
}

// TestEachOperationFails has one operation after the other fail, in each way. What comes of
// it is an error or the right file; then nothing wrong is trusted, and where the disk is well
// again everything is as if nothing had happened.
func TestEachOperationFails(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EACCES} {
		for _, late := range []bool{false, true} {
			name := errno.Error()
			if late {
				name += ", once done"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				failed := 0
				for n := 0; ; n++ {
					if n > 1000 {
						t.Fatal("operations do not end")
					}
					reached, err := failAt(t, n, errno, late)
					if !reached {
						break
					}
					if err != nil {
						failed++
						if errno == syscall.ENOSPC && !disk.IsFull(err) && !errors.Is(err, syscall.ENOENT) {
							t.Errorf("operation %d: error = %v, want one that says the disk is full", n, err)
						}
					}
				}
				if failed == 0 {
					t.Error("no operation failed")
				}
			})
		}
	}
}

// failAt fetches and derives a file while the operation of a number fails. It reports
// whether there was that operation, and what came of it.
func failAt(t *testing.T, n int, errno syscall.Errno, late bool) (reached bool, err error) {
	t.Helper()
	s := newStore(t)
	var at string
	hook := func(op, path string) error {
		if n--; n == -1 {
			at, reached = op+" "+path, true
			return errno
		}
		return nil
	}
	w := &worse{before: hook}
	if late {
		w = &worse{after: hook}
	}
	on(s, w)
	e := &registry.Entry{Name: "net_in1k", Weights: registry.Weights{URL: "embedded:f", Digest: digestOf(content)}}
	o := Options{Embedded: embeddedFile(content)}
	run := func(s *Store) error {
		blob, err := s.Fetch(t.Context(), e, o)
		if err == nil && blob.Digest != digestOf(content) {
			t.Errorf("%s: %+v", at, blob)
		}
		if err != nil {
			return err
		}
		blob, err = s.Derived(t.Context(), "key", func(tmp string) error { return os.WriteFile(tmp, []byte("made"), 0o600) })
		if err == nil && blob.Digest != digestOf([]byte("made")) {
			t.Errorf("%s: %+v", at, blob)
		}
		return err
	}
	err = run(s)
	s.Release()
	well := openStore(t, s.dir)
	if h, err := well.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 {
		t.Errorf("%s: afterwards: %+v, %v", at, h, err)
	}
	if err := run(well); err != nil {
		t.Errorf("%s: on a disk that is well: %v", at, err)
	}
	if _, err := well.Prune(t.Context(), PruneOptions{Keep: -1}); err != nil {
		t.Errorf("%s: prune: %v", at, err)
	}
	if got := kept(t, well); len(got) != 4 {
		t.Errorf("%s: left %q, want two blobs and their refs", at, got)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, locksDir)); len(left) > 2 {
		t.Errorf("%s: %d locks are left", at, len(left))
	}
	return reached, err
}

// Files that a network file system keeps under another name for whoever has them open are
// nobody's, and in nobody's way.
func TestSillyRenames(t *testing.T) {
	s, _ := rotStore(t)
	for _, dir := range []string{refsDir, derivedDir, partialDir, locksDir, checkedDir, "blobs/sha256"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(s.dir, dir, ".nfs000000000000002a"), []byte("x"))
	}
	if h, err := s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 {
		t.Errorf("verify: %+v, %v", h, err)
	}
	removed, err := s.Prune(t.Context(), PruneOptions{Keep: -1})
	if err != nil || len(removed) > 0 {
		t.Errorf("prune: %+v, %v, want nothing removed", removed, err)
	}
}

// Where there are no locks, age alone tells what is left over, by the file system's clock and
// whatever clock was wrong before.
func TestLeftoversWithoutLocks(t *testing.T) {
	for age, stays := range map[time.Duration]bool{0: true, 50 * time.Minute: true, 2 * time.Hour: false, -50 * time.Hour: false} {
		s := on(newStore(t), &worse{after: refuse(syscall.ENOLCK, "lock")})
		w, err := s.work()
		if err != nil {
			t.Fatal(err)
		}
		part := filepath.Join(s.dir, partialDir, "net.part")
		write(t, part, []byte("x"))
		write(t, filepath.Join(w.dir, "file"), []byte("x"))
		at := time.Now().Add(-age)
		for _, path := range []string{part, w.dir, filepath.Join(w.dir, "file"), filepath.Join(w.dir, workLock)} {
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Prune(t.Context(), PruneOptions{Keep: -1}); err != nil {
			t.Fatal(err)
		}
		if got := len(files(t, s)); (got == 3) != stays || got != 0 && !stays {
			t.Errorf("%v old: %d files are left, want them to stay: %v", age, got, stays)
		}
	}
}

// A ref that an earlier version wrote, with capital letters in its file's name, is not lost.
func TestOldNames(t *testing.T) {
	s, blob := rotStore(t)
	old := filepath.Join(s.dir, refsDir, "Net_In1k")
	if err := os.Rename(s.refPath(refsDir, "net_in1k"), old); err != nil {
		t.Fatal(err)
	}
	if h, err := s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 {
		t.Errorf("verify: %+v, %v", h, err)
	}
	if removed, err := s.Prune(t.Context(), PruneOptions{Keep: -1}); err != nil || len(removed) > 0 {
		t.Errorf("prune: %+v, %v", removed, err)
	}
	if refs, err := s.List(); err != nil || len(refs) != 1 || refs[0].Name != "Net_In1k" || refs[0].Blob.Digest != blob.Digest {
		t.Errorf("%+v, %v, want the name as it was", refs, err)
	}
}

// A clock that was wrong marks no file as used last for ever.
func TestUsedInTheFuture(t *testing.T) {
	s, blob := rotStore(t)
	path := s.refPath(refsDir, "net_in1k")
	at := time.Now().Add(100 * 24 * time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	if again, err := fetchRot(t, s); err != nil || again.Digest != blob.Digest {
		t.Fatalf("%+v, %v", again, err)
	}
	if st, err := os.Stat(path); err != nil || time.Until(st.ModTime()) > time.Minute {
		t.Errorf("used %v, %v: want now", st.ModTime(), err)
	}
}
