// Package store keeps published checkpoints: it brings them from where their
// registry entry says, checks them against everything that is known of them, and
// keeps them by content.
//
//	s, err := store.Open(dir)
//	blob, err := s.Fetch(ctx, entry, store.Options{})
//
// The folder holds
//
//	blobs/sha256/HEX   files, named by their content
//	refs/NAME          which blob a registry name stands for, as JSON
//	derived/KEY        which blob was made from others under that key, as JSON
//	partial/           downloads that were cut off, with what is needed to go on
//	locks/             one empty file for each name in use; processes lock them
//	zoo.lock           the digests that were learnt here and how each file came, in the format of package lock
//
// A file appears under blobs, refs and derived whole or not at all, and under
// blobs only after its digest was computed from its bytes. Nothing is trusted
// because of a lock on a file: some network file systems grant those to everybody.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/oci"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry/lock"
)

// A Store is a folder of checked files. It may be used from several goroutines,
// and the folder from several processes.
type Store struct {
	dir   string
	net   *transfer.Client
	oci   func() *oci.Client // made at first use: it reads how to log in
	limit int64              // bytes of a file whose size nobody states
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
	s := &Store{dir: dir, net: transfer.NewClient(), limit: 16 << 30}
	s.oci = sync.OnceValue(func() *oci.Client { return oci.NewClient(s.net) })
	return s, nil
}

// Dir returns the store's folder, as an absolute path.
func (s *Store) Dir() string { return s.dir }

// A Blob is a checked file in the store.
type Blob struct {
	Path      string
	Size      int64         // bytes
	Digest    digest.Digest // full
	CheckedBy Check
	Origin    lock.Origin // how it came
}

// A Check says what a blob's bytes were checked against.
type Check string

// The checks, most trustworthy first.
const (
	BySHA256 Check = "sha256" // all digits, which the registry entry states
	ByLock   Check = "lock"   // all digits, of a lock file, or learnt when the file came from the built-in address
	ByHost   Check = "host"   // all digits, which the host of the file states, and the entry's first 8
	ByPrefix Check = "prefix" // the 8 digits that the published file name carries
	// ByNothing is what is said of a file of one's own, on this machine, whose row states no
	// digest: its digest is that of what is there.
	ByNothing Check = "nothing"
)

func (s *Store) blobPath(d digest.Digest) string {
	return filepath.Join(s.dir, "blobs", "sha256", d.String())
}

// lockPath is where the digests that were learnt in this folder are written.
func (s *Store) lockPath() string { return filepath.Join(s.dir, lock.FileName) }

// Names in locks that no registry name can have.
const (
	lockOfLock = ".zoo.lock"
	// lockOfBlobs is shared by those who make a blob and its ref appear, and
	// held alone by those who remove blobs that nothing refers to.
	lockOfBlobs = ".blobs"
)

// lock keeps other users of the folder from writing what name stands for, until
// the returned function is called.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	l, err := s.lockFile(name)
	if err != nil {
		return nil, err
	}
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("store: %s: lock: %w", name, err)
	}
	// The file stays: another process may be waiting on it.
	return func() { l.Close() }, nil
}

const lockPoll = 20 * time.Millisecond

// lockShared is lock that others may hold at the same time.
func (s *Store) lockShared(ctx context.Context, name string) (unlock func(), err error) {
	l, err := s.lockFile(name)
	if err != nil {
		return nil, err
	}
	if _, err := l.TryRLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("store: %s: lock: %w", name, err)
	}
	return func() { l.Close() }, nil
}

// tryLock is lock that does not wait; ok is false when others hold it.
func (s *Store) tryLock(name string) (unlock func(), ok bool, err error) {
	l, err := s.lockFile(name)
	if err != nil {
		return nil, false, err
	}
	ok, err = l.TryLock()
	if err != nil {
		return nil, false, fmt.Errorf("store: %s: lock: %w", name, err)
	}
	return func() { l.Close() }, ok, nil
}

func (s *Store) lockFile(name string) (*flock.Flock, error) {
	dir := filepath.Join(s.dir, "locks")
	if err := s.mkdir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	if f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o644); err != nil {
		return nil, s.writeError(err)
	} else {
		f.Close()
	}
	return flock.New(path), nil
}

// ErrReadOnly says that something had to be written to a folder that cannot be
// written to.
var ErrReadOnly = errors.New("the cache cannot be written to, and this is not in it: choose another folder with --cache-dir")

// mkdir makes a folder of the store.
func (s *Store) mkdir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return s.writeError(err)
	}
	return nil
}

// writeError names the folder in an error of a write to it.
func (s *Store) writeError(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("store: %s: %w: %w", s.dir, ErrReadOnly, err)
	}
	return fmt.Errorf("store: %w", err)
}
