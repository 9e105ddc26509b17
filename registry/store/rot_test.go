package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gozoo/zoo/registry"
)

func embeddedFile(data []byte) fs.FS { return fstest.MapFS{"f": {Data: data}} }

// rotStore returns a store with content in it.
func rotStore(t testing.TB) (*Store, Blob) {
	t.Helper()
	s := newStore(t)
	blob, err := fetchRot(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, blob
}

func fetchRot(t testing.TB, s *Store) (Blob, error) {
	e := &registry.Entry{Name: "net_in1k", Weights: registry.Weights{URL: "embedded:f", Digest: digestOf(content)}}
	return s.Fetch(t.Context(), e, Options{Embedded: embeddedFile(content)})
}

// rots are ways in which a file changes at equal size.
var rots = map[string]func(t *testing.T, path string, data []byte){
	"written over": func(t *testing.T, path string, data []byte) { write(t, path, data) },
	"one byte": func(t *testing.T, path string, data []byte) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(data[100:200], 100); err != nil {
			t.Fatal(err)
		}
	},
	"written over, and its time set back": func(t *testing.T, path string, data []byte) {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, data)
		if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
			t.Fatal(err)
		}
	},
	"replaced": func(t *testing.T, path string, data []byte) {
		write(t, path+".new", data)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	},
}

// TestRot changes the bytes of a file that was fetched: whoever asks for it is told, and the
// next one gets it anew.
func TestRot(t *testing.T) {
	for name, rot := range rots {
		t.Run(name, func(t *testing.T) {
			s, blob := rotStore(t)
			if again, err := fetchRot(t, openStore(t, s.dir)); err != nil || again.Read != blob.Read {
				t.Fatalf("before: %+v, %v, want it as it was read", again, err)
			}
			time.Sleep(tick) // some clocks stand still for a while
			rot(t, blob.Path, flip(content, 150))
			if refs, err := s.List(); err != nil || len(refs) != 1 || !refs[0].Blob.Read.IsZero() {
				t.Errorf("listed: %+v, %v: want it as one that may have changed", refs, err)
			}
			var e *RotError
			if got, err := fetchRot(t, s); !errors.As(err, &e) || !e.Removed || !strings.Contains(err.Error(), blob.Path) {
				t.Fatalf("%+v, %v, want a RotError that names the file", got, err)
			}
			if _, err := os.Stat(blob.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file is still there: %v", err)
			}
			got, err := fetchRot(t, s)
			if err != nil {
				t.Fatal(err)
			}
			checkBlob(t, s, got, BySHA256)
		})
	}
}

// TestDerivedRot changes the bytes of a file that was made: it is made again.
func TestDerivedRot(t *testing.T) {
	for name, rot := range rots {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			made, notices := 0, ""
			s.Notice = func(text string) { notices += text + "\n" }
			derive := func() Blob {
				blob, err := s.Derived(t.Context(), "key", func(path string) error { made++; return os.WriteFile(path, content, 0o600) })
				if err != nil {
					t.Fatal(err)
				}
				return blob
			}
			blob := derive()
			time.Sleep(tick)
			rot(t, blob.Path, flip(content, 150))
			if again := derive(); again.Digest != blob.Digest || made != 2 {
				t.Errorf("made %d times: %+v", made, again)
			}
			if data, err := os.ReadFile(blob.Path); err != nil || string(data) != string(content) {
				t.Errorf("%d bytes, %v: not those that were made", len(data), err)
			}
			if !strings.Contains(notices, blob.Path) || strings.Count(notices, "\n") != 1 {
				t.Errorf("notices %q, want one that names the file", notices)
			}
			if derive(); made != 2 {
				t.Errorf("made %d times", made)
			}
		})
	}
}

// A file that was touched or linked is read once, and not again.
func TestTouched(t *testing.T) {
	s, blob := rotStore(t)
	reads := 0
	on(s, &worse{before: func(op, path string) error {
		if op == "open" && path == blob.Path {
			reads++
		}
		return nil
	}})
	for i, change := range []func() error{
		func() error { return nil },
		func() error { return os.Chmod(blob.Path, 0o640) },
		func() error { return os.Link(blob.Path, blob.Path+".link") },
		func() error { return os.Remove(s.notePath(blob.Digest)) },
		func() error { return os.WriteFile(s.notePath(blob.Digest), []byte(`{"size":`), 0o600) },
	} {
		time.Sleep(2 * tick)
		if err := change(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * tick) // what was changed this moment may change again unseen
		reads = 0
		for range 3 {
			if got, err := fetchRot(t, s); err != nil || got.Read.IsZero() {
				t.Fatalf("change %d: %+v, %v", i, got, err)
			}
		}
		if want := min(i, 1); reads != want {
			t.Errorf("change %d: the file was read %d times, want %d", i, reads, want)
		}
	}
}

// In a folder that cannot be written to rot is found all the same.
func TestRotReadOnly(t *testing.T) {
	s, blob := rotStore(t)
	time.Sleep(tick)
	write(t, blob.Path, flip(content, 5))
	readOnly(t, s)
	asUser(t, func() {
		var e *RotError
		if _, err := fetchRot(t, s); !errors.As(err, &e) || e.Removed {
			t.Errorf("error = %v, want a RotError of a file that stays", err)
		}
	})
}
