package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

func TestFetchGoesOnLater(t *testing.T) {
	host := faulthost.Start(t, content, faulthost.CutAt(content, 200<<10, 3))
	s, e := newStore(t), newEntry(t, host.URL+"/net.pth")
	var fetch *FetchError
	if _, err := s.Fetch(t.Context(), e, Options{}); !errors.As(err, &fetch) || fetch.Kept != 200<<10 {
		t.Fatalf("error = %v, want a FetchError with %d bytes kept", err, 200<<10)
	}
	later, first := openStore(t, s.dir), int64(-1)
	blob, err := later.Fetch(t.Context(), e, Options{Progress: func(done, total int64) {
		if first < 0 {
			first = done
		}
		if total != int64(len(content)) {
			t.Errorf("total = %d, want %d", total, len(content))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if first <= fetch.Kept {
		t.Errorf("first progress at %d bytes, want more than the %d kept", first, fetch.Kept)
	}
	if sent := host.Sent(); sent != len(content) {
		t.Errorf("the host sent %d bytes in all, want each of the %d once", sent, len(content))
	}
	checkBlob(t, later, blob, ByPrefix)
}

func TestFetchFromElsewhereStartsAnew(t *testing.T) {
	host := faulthost.Start(t, content, faulthost.CutAt(content, 1000, always))
	other := faulthost.Start(t, content, nil)
	s := newStore(t)
	if _, err := s.Fetch(t.Context(), newEntry(t, host.URL+"/f"), Options{}); err == nil {
		t.Fatal("fetched a file that was cut")
	}
	blob, err := s.Fetch(t.Context(), newEntry(t, other.URL+"/f"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, ByPrefix)
	if n := other.Sent(); n != len(content) {
		t.Errorf("another host sent %d bytes, want the whole file: 8 digits do not tell whether it has the same one", n)
	}
}

// TestPartialDamaged has bytes change between two runs: the digest tells, and the
// file is fetched anew.
func TestPartialDamaged(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, part string){
		"a bit flipped": func(t *testing.T, part string) { write(t, part, flip(content[:100<<10], 50<<10)) },
		"shortened":     func(t *testing.T, part string) { write(t, part, content[:10<<10]) },
		"journal gone":  func(t *testing.T, part string) { remove(t, part+".journal") },
		"journal wrong": func(t *testing.T, part string) { write(t, part+".journal", []byte("{")) },
		"part gone":     func(t *testing.T, part string) { remove(t, part) },
	} {
		t.Run(name, func(t *testing.T) {
			host := faulthost.Start(t, content, faulthost.CutAt(content, 100<<10, 3))
			s, e := newStore(t), newEntry(t, host.URL+"/f")
			if _, err := s.Fetch(t.Context(), e, Options{}); err == nil {
				t.Fatal("fetched a file that was cut")
			}
			damage(t, filepath.Join(s.dir, "partial", e.Name+".part"))
			blob, err := s.Fetch(t.Context(), e, Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkBlob(t, s, blob, ByPrefix)
		})
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestEntryOfAnotherDigest(t *testing.T) {
	s, e := newStore(t), newEntry(t, "embedded:net.pth")
	o := Options{Embedded: fstest.MapFS{"net.pth": {Data: content}, "new.pth": {Data: content[1:]}}}
	if _, err := s.Fetch(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	e.Weights.URL, e.Weights.Digest = "embedded:new.pth", mustDigest(t, digestOf(content[1:]).Short())
	for range 2 {
		blob, err := s.Fetch(t.Context(), e, o)
		if err != nil || blob.Digest != digestOf(content[1:]) {
			t.Errorf("blob = %+v, %v, want the new file", blob, err)
		}
	}
}

func TestFetchEmbedded(t *testing.T) {
	s, e := newStore(t), newEntry(t, "embedded:net.pth")
	e.Weights.Digest = digestOf(content)
	blob, err := s.Fetch(t.Context(), e, Options{Offline: true, Embedded: fstest.MapFS{"net.pth": {Data: content}}})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, BySHA256)

	// Another name of the same file needs no second copy.
	e2 := *e
	e2.Name, e2.Weights.URL = "other", "embedded:gone.pth"
	if again, err := s.Fetch(t.Context(), &e2, Options{Embedded: fstest.MapFS{}}); err != nil || again.Path != blob.Path || again.CheckedBy != BySHA256 || again.Origin.Way != lock.OtherName {
		t.Errorf("second name: %+v, %v", again, err)
	}
	refs, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	for i := range refs {
		if time.Since(refs[i].Used) > time.Hour {
			t.Errorf("%s was used %v, want now", refs[i].Name, refs[i].Used)
		}
		refs[i].Used, refs[i].Blob.Origin = time.Time{}, blob.Origin
	}
	want := []Ref{{Name: "net_in1k", Blob: blob}, {Name: "other", Blob: blob}}
	if d := cmp.Diff(want, refs, equalDigests); d != "" {
		t.Errorf("list (-want +got)\n%s", d)
	}
}

func TestFetchConcurrently(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	s, e := newStore(t), newEntry(t, host.URL+"/f")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			other := openStore(t, s.dir) // as another process would
			blob, err := other.Fetch(t.Context(), e, Options{})
			if err != nil || blob.Digest != digestOf(content) {
				t.Errorf("fetch: %+v, %v", blob, err)
			}
		})
	}
	wg.Wait()
	if n := host.Requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if d := cmp.Diff(append(slices.Clone(cachedFiles), "zoo.lock"), files(t, s)); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
}

func TestFetchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := faulthost.Start(t, content, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:1000])
		http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	s := newStore(t)
	s.net.Stall = time.Minute
	if _, err := s.Fetch(ctx, newEntry(t, host.URL+"/f"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if blobs, _ := os.ReadDir(filepath.Join(s.dir, "blobs", "sha256")); len(blobs) != 0 {
		t.Errorf("%d blobs after a cancelled fetch", len(blobs))
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.pth"), filepath.Join(dir, "bad.pth")
	write(t, good, content)
	write(t, bad, content[1:])
	s, e := newStore(t), newEntry(t, "")
	var mismatch *MismatchError
	if _, err := s.Import(t.Context(), e, bad, Options{}); !errors.As(err, &mismatch) || mismatch.Got != digestOf(content[1:]) {
		t.Errorf("wrong file: error = %v", err)
	}
	if _, err := s.Import(t.Context(), e, dir, Options{}); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: error = %v", err)
	}
	if _, err := s.Import(t.Context(), e, filepath.Join(dir, "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: error = %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(done, e, good, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error = %v", err)
	}
	if left := files(t, s); left != nil {
		t.Errorf("left behind: %q", left)
	}
	for range 2 { // nothing is learnt of a file that came by hand
		blob, err := s.Import(t.Context(), e, good, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkBlob(t, s, blob, ByPrefix)
	}
}

func TestOpenRefusesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, nil)
	if _, err := Open(path); err == nil {
		t.Error("opened a file as a folder")
	}
}

// TestRealCheckpoint imports a published checkpoint by the repository's own row.
func TestRealCheckpoint(t *testing.T) {
	root := filepath.Join("..", "..")
	path := filepath.Join(root, "..", "shared", "real", "efficientnet-lite0-57934424.pth")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the checkpoint is not here: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(root, "zoo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Parse("zoo.toml", data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Lookup("efficientnet-lite0_3rdparty_in1k")
	if err != nil {
		t.Fatal(err)
	}
	blob, err := newStore(t).Import(t.Context(), e, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(blob.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err != nil || n != blob.Size {
		t.Fatalf("%d bytes, %v, want %d", n, err, blob.Size)
	}
	if got := digest.Of([sha256.Size]byte(h.Sum(nil))); got != blob.Digest || got.Short() != "57934424" {
		t.Errorf("sha256 = %s, want %s", got, blob.Digest)
	}
}
