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
//	partial/           downloads that were cut off, with what is needed to go on, and a
//	                   folder for each piece of work under way
//	checked/HEX        when a blob's bytes were read, and the state of the file then
//	locks/             one empty file for each name in use; processes lock them
//	zoo.lock           the digests that were learnt here and how each file came, in the format of package lock
//
// A file appears under blobs, refs and derived whole or not at all, and under
// blobs only after its digest was computed from its bytes. Nothing is trusted
// because of a lock on a file: some network file systems grant those to everybody. Whoever
// may write to the folder is trusted as its owner is.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

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
	fs    fileSystem

	// Notice, when set, is told in one line of a derived file that is made again, because
	// its bytes had changed, and of files that stay though they were to be removed.
	Notice func(text string)

	mu   sync.Mutex
	held []hold // files that other processes may not remove, the one used last at the end
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
	s := &Store{dir: dir, net: transfer.NewClient(), limit: 16 << 30, fs: patient{system{}}}
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
	Read      time.Time   // when the bytes were last read and had the digest; zero: they may have changed since
	Origin    lock.Origin // how it came
	StandIn   bool        // it is Options.StandIn, which has no Path
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

// ErrReadOnly says that something had to be written to a folder that cannot be
// written to.
var ErrReadOnly = errors.New("the cache cannot be written to, and this is not in it: choose another folder with --cache-dir")

// writeError names the folder in an error of a write to it.
func (s *Store) writeError(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("store: %s: %w: %w", s.dir, ErrReadOnly, err)
	}
	return fmt.Errorf("store: %w", err)
}
