package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

// filled returns a store with the names a, a-b and c, of which a and a-b have the same file, and what was made of
// them; c had another file before.
func filled(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	put := func(name, data string) string {
		e := &registry.Entry{Name: name, Weights: registry.Weights{URL: "embedded:f", Digest: digestOf([]byte(data))}}
		if _, err := s.Fetch(t.Context(), e, Options{Embedded: embeddedFile([]byte(data))}); err != nil {
			t.Fatal(err)
		}
		return digestOf([]byte(data)).String()
	}
	made := func(key, data string) {
		if _, err := s.Derived(t.Context(), key, func(path string) error { return os.WriteFile(path, []byte(data), 0o600) }); err != nil {
			t.Fatal(err)
		}
	}
	one := put("a", "shared")
	put("a-b", "shared")
	put("c", "old")
	two := put("c", "new")
	made(one+"-a-arch-3", "made for a")
	made(one+"-a-b-arch-3", "made for a-b")
	made(one+"-artifact-x", "an artifact's texts")
	made(two+"-c-arch-3", "made for c")
	made(digestOf([]byte("old")).String()+"-c-arch-2", "made for c before")
	made("other", "made for c") // the same bytes, of something else
	for _, path := range partialFiles {
		write(t, filepath.Join(s.dir, strings.Replace(path, "net_in1k", "c", 1)), []byte("half"))
	}
	s.Release()
	return s
}

// shown returns files of a store by what they hold, so that digests need not be read.
func shown(t *testing.T, s *Store, paths []string) []string {
	t.Helper()
	known := make(map[string]string)
	for _, data := range []string{"shared", "old", "new", "made for a", "made for a-b", "an artifact's texts", "made for c",
		"made for c before"} {
		known[digestOf([]byte(data)).String()] = data
	}
	var out []string
	for _, path := range paths {
		for hex, data := range known {
			path = strings.ReplaceAll(path, hex, "<"+data+">")
		}
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(s.dir)+"/"), "blobs/sha256/"))
	}
	slices.Sort(out)
	return out
}

// TestRemove: what is a name's goes, and nothing that another name or another thing has a use for.
func TestRemove(t *testing.T) {
	for _, tt := range []struct {
		names []string
		gone  []string
	}{
		{[]string{"a"}, []string{"<made for a>", "derived/<shared>-a-arch-3", "refs/a"}},
		{[]string{"a-b"}, []string{"<made for a-b>", "derived/<shared>-a-b-arch-3", "refs/a-b"}},
		{[]string{"a", "a-b"}, []string{"<an artifact's texts>", "<made for a-b>", "<made for a>", "<shared>",
			"derived/<shared>-a-arch-3", "derived/<shared>-a-b-arch-3",
			"derived/<shared>-artifact-x", "refs/a", "refs/a-b"}},
		{[]string{"c"}, []string{"<made for c before>", "<new>", "<old>", "derived/<new>-c-arch-3", "derived/<old>-c-arch-2",
			"partial/c.part", "partial/c.part.journal", "refs/c"}},
		{[]string{"b", "nobody"}, nil},
	} {
		s := filled(t)
		before := kept(t, s)
		var removed []string
		for _, dry := range []bool{true, false} {
			var planned []string
			got, err := s.Remove(t.Context(), tt.names, dry)
			if err != nil || len(got) != len(tt.names) {
				t.Fatalf("%q: %v, %v", tt.names, got, err)
			}
			for i, c := range got {
				if c.Name != tt.names[i] || c.Err != nil {
					t.Errorf("%q: %+v", tt.names, c)
				}
				for _, r := range c.Removed {
					if planned = append(planned, r.Path); r.Size == 0 {
						t.Errorf("%q: %+v", tt.names, r)
					}
				}
			}
			if left := kept(t, s); dry && !cmp.Equal(before, left) {
				t.Errorf("%q: a dry run left %q", tt.names, left)
			}
			removed = planned
			if d := cmp.Diff(tt.gone, shown(t, s, planned)); d != "" {
				t.Errorf("%q, dry %v (-want +got)\n%s", tt.names, dry, d)
			}
		}
		var left []string
		for _, path := range before {
			if !slices.Contains(removed, filepath.Join(s.dir, filepath.FromSlash(path))) {
				left = append(left, path)
			}
		}
		if d := cmp.Diff(left, kept(t, s)); d != "" {
			t.Errorf("%q: left (-want +got)\n%s", tt.names, d)
		}
		if h, err := s.Verify(t.Context(), nil); err != nil || len(h.Faults) > 0 {
			t.Errorf("%q: %+v, %v", tt.names, h, err)
		}
	}
	if got, err := newStore(t).Remove(t.Context(), []string{"a"}, false); err != nil || len(got) != 1 || got[0].Removed != nil {
		t.Errorf("of no folder: %v, %v", got, err)
	}
}

// TestRemoveInUse: what another process has open, or works on, stays whole.
func TestRemoveInUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody removes a file there that another has open")
	}
	s := filled(t)
	other := openStore(t, s.dir) // as another process: it has locks of its own
	before := kept(t, s)
	refused := func(what string) {
		t.Helper()
		for _, dry := range []bool{true, false} {
			got, err := s.Remove(t.Context(), []string{"nobody", "c"}, dry)
			if err != nil || got[0].Err != nil || got[1].Removed != nil || !errors.As(got[1].Err, new(*InUseError)) ||
				!strings.Contains(got[1].Err.Error(), "nothing of it was removed") {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
		}
		if d := cmp.Diff(before, kept(t, s)); d != "" {
			t.Errorf("%s: left (-want +got)\n%s", what, d)
		}
	}
	for _, data := range []string{"new", "old", "made for c before"} {
		other.hold(other.blobPath(digestOf([]byte(data))))
		refused(data + " is held")
		other.Release()
	}
	unlock, err := other.lock(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	refused("the name is locked")
	unlock()
	if got, err := s.Remove(t.Context(), []string{"c"}, false); err != nil || len(got[0].Removed) != 8 {
		t.Errorf("%v, %v", got, err)
	}
}
