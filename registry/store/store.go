// Package store keeps published checkpoints: it downloads them, or takes them from
// elsewhere, checks them against their registry entry, and keeps them by content.
//
//	s, err := store.Open(dir)
//	blob, err := s.Fetch(ctx, entry, store.Options{})
//
// The folder holds
//
//	blobs/sha256/HEX   files, named by their content
//	refs/NAME          which blob a registry name stands for, as JSON
//	derived/KEY        files made from blobs, which can be made again
//	partial/NAME       downloads that were cut off, with what is needed to go on
//	locks/             one empty file for each name in use; processes lock them
//
// A file appears under blobs, refs and derived whole or not at all, and under
// blobs only after its digest was computed from the bytes written.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/registry"
)

// A Store is a folder of checked files. It may be used from several goroutines,
// and the folder from several processes.
type Store struct {
	dir    string
	client *http.Client

	attempts int           // at one download
	backoff  time.Duration // before the second attempt; doubles with each
	stall    time.Duration // without a byte, after which an attempt is given up
	limit    int64         // bytes of a file whose entry states no size
}

// Open returns the store of a folder. It makes nothing: the folder appears when
// it is first written to.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		return nil, fmt.Errorf("store: %s: expected a folder, found a file", dir)
	}
	return &Store{
		dir:      dir,
		client:   &http.Client{Transport: http.DefaultTransport, CheckRedirect: checkRedirect},
		attempts: 5,
		backoff:  time.Second,
		stall:    30 * time.Second,
		limit:    16 << 30,
	}, nil
}

// A Blob is a checked file in the store.
type Blob struct {
	Path      string
	Size      int64           // bytes
	Digest    registry.Digest // full
	CheckedBy Check
}

// A Check says what a blob's bytes were checked against.
type Check string

// The checks.
const (
	BySHA256 Check = "sha256" // all digits
	ByPrefix Check = "prefix" // the 8 digits that the published file name carries
)

// A Ref is a registry name and the blob that it stands for.
type Ref struct {
	Name string
	Blob Blob
}

// ref is the content of refs/NAME. It is also a pin: once written, a name whose
// entry knows a digest prefix only stands for this very file.
type ref struct {
	SHA256    registry.Digest `json:"sha256"`
	Size      int64           `json:"size"`
	CheckedBy Check           `json:"checked_by"`
}

// List returns the names whose blobs are in the store, sorted.
func (s *Store) List() ([]Ref, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "refs")) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []Ref
	for _, e := range entries {
		if e.Name()[0] == '.' {
			continue // a ref being written
		}
		r, err := s.readRef(e.Name())
		if err != nil {
			return nil, err
		}
		if blob, ok := s.blob(r); ok {
			out = append(out, Ref{e.Name(), blob})
		}
	}
	return out, nil
}

// readRef returns what a name stands for, or nil when it is not known yet.
func (s *Store) readRef(name string) (*ref, error) {
	path := filepath.Join(s.dir, "refs", name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var r ref
	if err = json.Unmarshal(data, &r); err == nil && !r.SHA256.Full() {
		err = errors.New("no sha256")
	}
	if err != nil {
		return nil, fmt.Errorf("store: %s: not a ref: %w: remove it to fetch the file again", path, err)
	}
	return &r, nil
}

// writeRef notes what a name stands for.
func (s *Store) writeRef(name string, r ref) error {
	path := filepath.Join(s.dir, "refs", name)
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(path, func(tmp string) error { return os.WriteFile(tmp, append(data, '\n'), 0o600) })
}

// blob returns the blob of a ref if it is there, whole.
func (s *Store) blob(r *ref) (Blob, bool) {
	if r == nil {
		return Blob{}, false
	}
	path := s.blobPath(r.SHA256)
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != r.Size {
		return Blob{}, false
	}
	return Blob{Path: path, Size: r.Size, Digest: r.SHA256, CheckedBy: r.CheckedBy}, true
}

func (s *Store) blobPath(d registry.Digest) string {
	return filepath.Join(s.dir, "blobs", "sha256", d.String())
}

// lock keeps other users of the folder from writing what name stands for, until
// the returned function is called.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	dir := filepath.Join(s.dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	const poll = 20 * time.Millisecond
	l := flock.New(filepath.Join(dir, name))
	if _, err := l.TryLockContext(ctx, poll); err != nil {
		return nil, fmt.Errorf("store: %s: lock: %w", name, err)
	}
	// The file stays: another process may be waiting on it.
	return func() { l.Close() }, nil
}

// Derived returns the path of the derived file of that key. When it is not there
// yet, write makes it at the path that it is given; it appears once write has
// returned nil. The key must change with everything that decides the content.
func (s *Store) Derived(key string, write func(path string) error) (string, error) {
	if key == "" || key[0] == '.' || filepath.Base(key) != key {
		return "", fmt.Errorf("store: derived file: %q is not a file name", key)
	}
	path := filepath.Join(s.dir, "derived", key)
	if isFile(path) {
		return path, nil
	}
	unlock, err := s.lock(context.Background(), "derived-"+key)
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(path) { // made while this call waited
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if err := atomicfile.Replace(path, write); err != nil {
		return "", err
	}
	return path, nil
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
