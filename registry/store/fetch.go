package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/homepath"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
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
	// LockKey, when set, is the key that must have signed Lock. Where that is not so, or there is
	// no file at Lock, everything is refused, and so are names that are not in it.
	LockKey ed25519.PublicKey
	// StandIn, when set, is what Fetch returns where the entry's file is not at hand: see there.
	StandIn *StandIn
	// Limit, when set, returns how many bytes the file of an entry may have where its size is
	// stated nowhere; 0: more than any.
	Limit func(entry *registry.Entry) int64
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
	if expanded, err := homepath.Expand(home, getenv); err == nil { // else nothing is there
		home = expanded
	}
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
//
// The stand-in of o is returned where the lock file pins it, and in place of an *OfflineError
// where no lock file pins another file. It is neither stored nor learnt.
func (s *Store) Fetch(ctx context.Context, entry *registry.Entry, o Options) (Blob, error) {
	want, err := s.trust(entry, &o)
	if err != nil {
		return Blob{}, err
	}
	if want.standIn {
		return o.StandIn.blob(ByLock), nil
	}
	if blob, ok, err := s.cached(ctx, want); err != nil {
		return Blob{}, err
	} else if ok {
		return s.used(ctx, want, blob, &o)
	}
	s.passedOver(want, &o)
	// Errors that need no lock come first: they leave nothing behind.
	from, err := s.source(entry, &o)
	if err != nil {
		return Blob{}, err
	}
	copies := from.copies(want, &o)
	if err := from.reachable(entry, &o); err != nil && len(copies) == 0 && len(s.candidates(want)) == 0 {
		if by, ok := want.lastResort(&o); ok {
			return o.StandIn.blob(by), nil
		}
		return Blob{}, err
	}
	unlock, err := s.lock(ctx, entry.Name)
	if errors.Is(err, ErrReadOnly) {
		if r, by, ok := s.find(ctx, want); ok {
			return s.used(ctx, want, s.found(&r, by), &o)
		}
	}
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	if want, err = s.trust(entry, &o); err != nil {
		return Blob{}, err
	}
	blob, ok, err := s.cached(ctx, want)
	if err == nil && ok { // fetched while this call waited
		return s.used(ctx, want, blob, &o)
	}
	if err == nil {
		o.bound(&want, entry)
		blob, ok, err = s.adopt(ctx, want)
	}
	if err == nil && !ok {
		blob, ok, err = s.takeCopy(ctx, want, copies, &o)
	}
	if err == nil && !ok {
		blob, err = s.bring(ctx, want, entry, from, &o)
	}
	if err == nil {
		err = s.learn(ctx, want, blob, &o)
	}
	if err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// cached returns the blob if it is there under its name, and may stand for it. The error is a
// *RotError for bytes that were changed.
func (s *Store) cached(ctx context.Context, want wanted) (Blob, bool, error) {
	r, err := s.readRef(refsDir, want.Name)
	if err != nil {
		return Blob{}, false, nil // it is written over
	}
	by, ok := want.stands(r)
	if !ok {
		return Blob{}, false, nil
	}
	if _, ok = s.blob(r); !ok || !s.hold(s.blobPath(r.SHA256)) {
		return Blob{}, false, nil
	}
	blob, err := s.intact(ctx, want.Name, s.blobOf(r, by))
	if errors.Is(err, fs.ErrNotExist) {
		return Blob{}, false, nil // it went meanwhile
	}
	return blob, err == nil, err
}

// passedOver tells that a file with the right 8 digits is in the cache, and is not used.
func (s *Store) passedOver(want wanted, o *Options) {
	r, err := s.readRef(refsDir, want.Name)
	if err != nil || r == nil || want.Digest.Full() || !want.Digest.Matches(r.SHA256) {
		return
	}
	for _, e := range append([]ref{*r}, r.Earlier...) {
		if _, ok := want.stands(&e); ok {
			return
		}
	}
	o.notice("%s: the file in the cache, sha256 %s, is not used: no more than 8 digits are known, and it came by another address: %s", want.Name, r.SHA256, came(r.origin()))
}

// used notes that a blob was there. What may be known of it without being asked for is learnt
// by a lock file that does not have it yet.
func (s *Store) used(ctx context.Context, want wanted, blob Blob, o *Options) (Blob, error) {
	s.touch(refsDir, want.Name)
	if err := s.learn(ctx, want, blob, o); err != nil {
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
	r, by, ok := s.find(ctx, want)
	if ok {
		err = s.writeRef(refsDir, want.Name, r)
	}
	if errors.Is(err, ErrReadOnly) {
		err = nil // it is there all the same
	}
	return s.found(&r, by), ok && err == nil, err
}

// found returns the blob of a ref that find gave.
func (s *Store) found(r *ref, by Check) Blob {
	blob := s.blobOf(r, by)
	blob.Read = readNow()
	return blob
}

// candidates returns refs of blobs that are in the store, and may stand for the name that does
// not stand for any of them now: those that it stood for before, and, where all digits are
// known, another name's, or one left by a process that was killed before it could write the ref.
func (s *Store) candidates(want wanted) []ref {
	var known []ref
	if r, err := s.readRef(refsDir, want.Name); err == nil && r != nil {
		known = append([]ref{*r}, r.Earlier...)
	}
	if want.Digest.Full() {
		from := lock.Origin{Way: lock.OtherName}
		if want.learnt { // the same bytes came for this name, from there
			from = lock.From(lock.BuiltIn, want.entry.Weights.URL)
		}
		known = append(known, newRef(want, want.Digest, want.Size, from))
	}
	return slices.DeleteFunc(known, func(r ref) bool {
		if _, ok := want.stands(&r); !ok {
			return true
		}
		_, err := s.fs.Stat(s.blobPath(r.SHA256))
		return err != nil
	})
}

// find returns the first candidate that is what its digest says. Its bytes are read again.
func (s *Store) find(ctx context.Context, want wanted) (ref, Check, bool) {
	for _, r := range s.candidates(want) {
		exact := want.Want
		exact.Digest = r.SHA256
		v := transfer.NewVerifier(exact)
		path := s.blobPath(r.SHA256)
		before, _ := s.fs.State(path)
		f, err := s.fs.Open(path)
		if err != nil {
			continue
		}
		_, err = io.Copy(v, transfer.ContextReader(ctx, f))
		f.Close()
		if err != nil {
			continue
		}
		if _, err := v.Check(); err == nil && s.hold(path) {
			s.readIn(Blob{Path: path, Digest: r.SHA256}, before)
			r.Size = v.Size()
			by, ok := want.stands(&r)
			return r, by, ok
		}
	}
	return ref{}, "", false
}

// takeCopy takes the file from the first copy on this machine that is the right
// one.
func (s *Store) takeCopy(ctx context.Context, want wanted, copies []localCopy, o *Options) (Blob, bool, error) {
	for _, c := range copies {
		path, as := c.path, want
		if !c.ofRow {
			as.row = "" // it was found by its digest, at whatever address
		}
		if as.Digest == (digest.Digest{}) {
			as.Digest, as.stated = c.stated, ByHost
		}
		blob, err := s.takeFile(ctx, as, path, lock.From(c.way, want.entry.Weights.URL))
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
