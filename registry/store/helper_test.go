package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// content is the published file of the tests.
var content = func() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 300<<10; i++ {
		fmt.Fprintf(&b, "line %d of a checkpoint\n", i)
	}
	return b.Bytes()
}()

// flip returns data with one bit changed.
func flip(data []byte, at int) []byte {
	out := bytes.Clone(data)
	out[at] ^= 1
	return out
}

func digestOf(b []byte) digest.Digest { return digest.Of(sha256.Sum256(b)) }

func mustDigest(t testing.TB, s string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newEntry returns an entry of content that knows 8 digits of its digest, as one that is built
// into the program.
func newEntry(t testing.TB, url string) *registry.Entry {
	w := registry.Weights{URL: url, Digest: mustDigest(t, digestOf(content).Short())}
	return &registry.Entry{Name: "net_in1k", Weights: w, Builtin: w}
}

// newStore returns an empty store that loses no time and makes one request at a
// time.
func newStore(t testing.TB) *Store {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "cache"))
}

// openStore is newStore for a folder that may hold something.
func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.net.Backoff, s.net.Stall, s.net.Attempts, s.net.Connections = time.Millisecond, 20*time.Second, 3, 1
	return s
}

// files returns the files of the store, other than locks and notes, relative to its folder.
func files(t testing.TB, s *Store) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		if !strings.HasPrefix(rel, locksDir) && !strings.HasPrefix(rel, checkedDir) {
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// kept is files without the lock file.
func kept(t testing.TB, s *Store) []string {
	t.Helper()
	return slices.DeleteFunc(files(t, s), func(f string) bool { return f == "zoo.lock" })
}

// cachedFiles is what files returns when content is cached and nothing else is, but for the
// lock file where its digest was learnt.
var cachedFiles = []string{"blobs/sha256/" + digestOf(content).String(), "refs/net_in1k"}

// partialFiles is what files returns when a part of content is kept.
var partialFiles = []string{"partial/net_in1k.part", "partial/net_in1k.part.journal"}

// checkBlob checks that blob is content, cached, with nothing beside it.
func checkBlob(t *testing.T, s *Store, blob Blob, by Check) {
	t.Helper()
	want := Blob{Path: s.blobPath(digestOf(content)), Size: int64(len(content)), Digest: digestOf(content), CheckedBy: by, Read: blob.Read, Origin: blob.Origin}
	if time.Since(blob.Read) > time.Minute {
		t.Errorf("the bytes were read %v", blob.Read)
	}
	if blob != want {
		t.Errorf("blob = %+v, want %+v", blob, want)
	}
	got, err := os.ReadFile(blob.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Error("the blob has other bytes than were published")
	}
	there := slices.DeleteFunc(files(t, s), func(path string) bool { return path == lock.FileName })
	if d := cmp.Diff(cachedFiles, there); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
}

// equalDigests lets cmp compare digests.
var equalDigests = cmp.Comparer(func(x, y digest.Digest) bool { return x == y })
