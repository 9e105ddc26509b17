package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

// Options says where Fetch may look and what it may trust. The zero value takes
// each file from its own address.
type Options struct {
	// Offline forbids opening a network connection.
	Offline bool
	// Mirror is a URL that replaces scheme and host of addresses; their path is
	// appended to its own.
	Mirror string
	// Embedded holds the files of "embedded:" addresses.
	Embedded fs.FS
	// Hub is the Hugging Face hub that hf:// addresses are fetched from. Its cache on this
	// machine is searched first.
	Hub hub.Hub
	// TorchCheckpoints is the folder where torch.hub keeps its files; empty: none.
	TorchCheckpoints string
	// Lock is the path of a lock file whose pins hold, and that digests learnt are
	// added to; empty: none.
	Lock string
	// LockKey, when set, is the key that must have signed Lock; names that are not
	// in it are refused.
	LockKey ed25519.PublicKey
	// Progress, when set, is called while a download gets on. Bytes; a total of 0
	// is not known.
	Progress func(done, total int64)
	// Notice, when set, is told what a user may want to know, in one line.
	Notice func(text string)
}

func (o *Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// TorchCheckpoints returns the folder where torch.hub keeps downloaded files, as
// the environment has it: hub/checkpoints in TORCH_HOME, or in torch in the cache
// home; empty when there is neither.
func TorchCheckpoints(getenv func(string) string) string {
	home := getenv("TORCH_HOME")
	if home == "" {
		base := hub.CacheHome(getenv)
		if base == "" {
			return ""
		}
		home = filepath.Join(base, "torch")
	}
	return filepath.Join(home, "hub", "checkpoints")
}

// Fetch returns the entry's file: from the store, else from the caches of other
// programs on this machine, else from its address. What is returned has the digest
// that is known best, and that digest is learnt. The errors are *MismatchError for
// a whole file that is another one, *TrustError and *SignatureError for lock files,
// *FetchError when the address did not give a whole file, *OfflineError when there
// was none to ask, *SpaceError for a full disk, *RotError for a file that was changed in the
// store, and the context's.
func (s *Store) Fetch(ctx context.Context, entry *registry.Entry, o Options) (Blob, error) {
	want, err := s.want(entry, &o)
	if err != nil {
		return Blob{}, err
	}
	if blob, ok, err := s.cached(ctx, want); err != nil {
		return Blob{}, err
	} else if ok {
		return s.used(ctx, want, blob, &o)
	}
	// Errors that need no lock come first: they leave nothing behind.
	from, err := s.source(entry, &o)
	if err != nil {
		return Blob{}, err
	}
	copies := from.copies(want, &o)
	if err := from.reachable(entry, &o); err != nil && len(copies) == 0 {
		return Blob{}, err
	}
	unlock, err := s.lock(ctx, entry.Name)
	if errors.Is(err, ErrReadOnly) {
		if blob, ok := s.find(ctx, want); ok {
			return s.used(ctx, want, blob, &o)
		}
	}
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	if want, err = s.want(entry, &o); err != nil {
		return Blob{}, err
	}
	blob, ok, err := s.cached(ctx, want)
	if err == nil && ok { // fetched while this call waited
		return s.used(ctx, want, blob, &o)
	}
	if err == nil {
		blob, ok, err = s.adopt(ctx, want)
	}
	if err == nil && !ok {
		blob, ok, err = s.takeCopy(ctx, want, copies, &o)
	}
	if err == nil && !ok {
		blob, err = s.bring(ctx, want, entry, from, &o)
	}
	if err == nil {
		err = s.learn(ctx, entry.Name, blob, &o)
	}
	if err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// cached returns the blob if it is there under its name. A blob that the wanted
// digest does not describe is not the entry's; a ref that cannot be read is none. The error
// is a *RotError for bytes that were changed.
func (s *Store) cached(ctx context.Context, want wanted) (Blob, bool, error) {
	r, err := s.readRef(refsDir, want.Name)
	if err != nil || r == nil || !want.Digest.Matches(r.SHA256) {
		return Blob{}, false, nil
	}
	blob, ok := s.blob(r)
	if !ok || !s.hold(blob.Path) {
		return Blob{}, false, nil
	}
	if want.Digest.Full() {
		blob.CheckedBy = want.checked
	}
	blob, err = s.intact(ctx, want.Name, blob)
	if errors.Is(err, fs.ErrNotExist) {
		return Blob{}, false, nil // it went meanwhile
	}
	return blob, err == nil, err
}

// used notes that a blob was there. What was known of it, if only here, is learnt
// by a lock file that does not have it yet.
func (s *Store) used(ctx context.Context, want wanted, blob Blob, o *Options) (Blob, error) {
	s.touch(refsDir, want.Name)
	if err := s.learn(ctx, want.Name, blob, o); err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// adopt makes the wanted name stand for a blob that is in the store already.
func (s *Store) adopt(ctx context.Context, want wanted) (Blob, bool, error) {
	unlock, err := s.lockShared(ctx, lockOfBlobs)
	if err != nil {
		return Blob{}, false, err
	}
	defer unlock()
	blob, ok := s.find(ctx, want)
	if ok {
		err = s.writeRef(refsDir, want.Name, ref{SHA256: blob.Digest, Size: blob.Size, CheckedBy: blob.CheckedBy})
	}
	if errors.Is(err, ErrReadOnly) {
		err = nil // it is there all the same
	}
	return blob, ok && err == nil, err
}

// find returns the blob that has the wanted digest and is in the store without its
// name: another name's, or left by a process that was killed before it could write
// the ref. Its bytes are checked again.
func (s *Store) find(ctx context.Context, want wanted) (Blob, bool) {
	paths := []string{s.blobPath(want.Digest)}
	if !want.Digest.Full() {
		paths = nil
		blobs, _ := s.blobs()
		for _, b := range blobs {
			if strings.HasPrefix(filepath.Base(b.path), want.Digest.String()) {
				paths = append(paths, b.path)
			}
		}
	}
	for _, path := range paths {
		f, err := s.fs.Open(path)
		if err != nil {
			continue
		}
		before, _ := s.fs.State(path)
		v := transfer.NewVerifier(want.Want)
		_, err = io.Copy(v, transfer.ContextReader(ctx, f))
		f.Close()
		if err != nil {
			continue
		}
		if digest, err := v.Check(); err == nil && path == s.blobPath(digest) {
			blob := Blob{Path: path, Size: v.Size(), Digest: digest, CheckedBy: want.checked}
			blob.Read = s.readIn(blob, before)
			return blob, s.hold(path)
		}
	}
	return Blob{}, false
}

// takeCopy takes the file from the first copy on this machine that is the right
// one.
func (s *Store) takeCopy(ctx context.Context, want wanted, copies []string, o *Options) (Blob, bool, error) {
	for _, path := range copies {
		blob, err := s.takeFile(ctx, want, path)
		var other *MismatchError
		switch {
		case err == nil:
			o.notice("%s: taken from %s after its sha256 was computed", want.Name, path)
			return blob, true, nil
		case errors.As(err, &other):
			o.notice("%s: %s was not used: it is another file", want.Name, path)
		case ctx.Err() != nil || errors.As(err, new(*SpaceError)):
			return Blob{}, false, err
		default:
			o.notice("%s: %s was not used: %v", want.Name, path, err)
		}
	}
	return Blob{}, false, nil
}
