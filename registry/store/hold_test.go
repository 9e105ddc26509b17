package store

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What another process was handed stays until that lets go of it, whatever may stay; what is
// left over beside it goes.
func TestHeldFilesStay(t *testing.T) {
	s, blob := rotStore(t)
	made, err := s.Derived(t.Context(), blob.Digest.String()+"-net", func(path string) error { return os.WriteFile(path, []byte("made"), 0o600) })
	if err != nil {
		t.Fatal(err)
	}
	other := openStore(t, s.dir) // as another process: it has locks of its own
	var notices []string
	other.Notice = func(text string) { notices = append(notices, text) }
	prune := func(keep int64) []string {
		t.Helper()
		if _, err := other.Prune(t.Context(), PruneOptions{Keep: keep}); err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, f := range kept(t, s) {
			name, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(f, blob.Digest.String(), "A"), made.Digest.String(), "B"), "-")
			left = append(left, name)
		}
		return left
	}
	all := []string{"blobs/sha256/A", "blobs/sha256/B", "derived/A", "refs/net_in1k"}
	if made.Digest.String() > blob.Digest.String() == (all[0] == "blobs/sha256/B") {
		all[0], all[1] = all[1], all[0]
	}
	if d := cmp.Diff(all, prune(0)); d != "" || len(notices) != 1 {
		t.Errorf("both are held: notices %q, left (-want +got)\n%s", notices, d)
	}
	// The file that was made is held still: what it was made of may go.
	s.letGo(blob.Path)
	if d := cmp.Diff([]string{"blobs/sha256/B", "derived/A"}, prune(0)); d != "" {
		t.Errorf("one is held: left (-want +got)\n%s", d)
	}
	s.Release()
	if d := cmp.Diff([]string(nil), prune(-1)); d != "" {
		t.Errorf("none is held: left (-want +got)\n%s", d)
	}
	// Who asks again is handed a new file, and holds that.
	if _, err := fetchRot(t, s); err != nil {
		t.Fatal(err)
	}
	if got := prune(0); len(got) != 2 {
		t.Errorf("held again: left %q", got)
	}
	// A process may remove what it holds itself.
	if _, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); err != nil || len(kept(t, s)) != 0 {
		t.Errorf("its own: left %q, %v", kept(t, s), err)
	}
}

// No more files are held than a process may have open without harm.
func TestHoldsAreBounded(t *testing.T) {
	s := on(newStore(t), new(worse))
	for i := range maxHeld + 10 {
		if _, err := s.Derived(t.Context(), "key"+strings.Repeat("x", i), func(path string) error {
			return os.WriteFile(path, make([]byte, i+1), 0o600)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.held) != maxHeld {
		t.Errorf("%d files are held, want %d", len(s.held), maxHeld)
	}
	if _, err := openStore(t, s.dir).Prune(t.Context(), PruneOptions{Keep: 0}); err != nil {
		t.Fatal(err)
	}
	if left, err := s.ListDerived(); err != nil || len(left) != maxHeld {
		t.Errorf("%d files are left, %v: want the %d that are held", len(left), err, maxHeld)
	}
}
