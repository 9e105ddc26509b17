package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/disk"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// Import puts a file into the store as the entry's, after the checks that a
// download goes through. The error is a *MismatchError for another file.
func (s *Store) Import(ctx context.Context, entry *registry.Entry, path string, o Options) (Blob, error) {
	if err := checkRegular(entry.Name, path); err != nil {
		return Blob{}, err
	}
	// What is refused leaves nothing behind.
	if _, err := s.trust(entry, &o); err != nil {
		return Blob{}, err
	}
	unlock, err := s.lock(ctx, entry.Name)
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	want, err := s.trust(entry, &o)
	if err != nil {
		return Blob{}, err
	}
	o.bound(&want, entry)
	if want.Digest == (digest.Digest{}) {
		if want.Digest, err = fileDigest(entry.Name, path); err != nil {
			return Blob{}, err
		}
	}
	from := path
	if abs, err := filepath.Abs(path); err == nil {
		from = abs
	}
	blob, err := s.takeFile(ctx, want, path, lock.From(lock.Import, from))
	if err == nil {
		err = s.learn(ctx, want, blob, &o)
	}
	if err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// Put puts a file of a bundle into the store under a name, if its bytes have the digest and the
// size of the pin. Nothing is learnt of it: the name's row, or a lock file, says what it may stand
// for. The error is a *MismatchError for other bytes.
func (s *Store) Put(ctx context.Context, name string, pin lock.Pin, src io.Reader) (Blob, error) {
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	want := wanted{
		Want:    transfer.Want{Name: name, Digest: pin.Digest, Size: pin.Size, Limit: pin.Size},
		checked: ByPrefix, stated: ByPrefix,
	}
	return s.take(ctx, want, src, lock.From(lock.Bundle, ""))
}

func checkRegular(name, path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: expected a regular file, found %v", path, st.Mode().Type())
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", name, err)
	}
	return nil
}

func (s *Store) takeFile(ctx context.Context, want wanted, path string, from lock.Origin) (Blob, error) {
	if err := checkRegular(want.Name, path); err != nil {
		return Blob{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Blob{}, fmt.Errorf("store: %s: %w", want.Name, err)
	}
	defer f.Close()
	return s.take(ctx, want, f, from)
}

// take copies a file into the store and makes the wanted name stand for it.
func (s *Store) take(ctx context.Context, want wanted, src io.Reader, from lock.Origin) (Blob, error) {
	w, err := s.work()
	if err != nil {
		return Blob{}, err
	}
	defer w.done()
	tmp, err := w.create()
	if err != nil {
		return Blob{}, err
	}
	v := transfer.NewVerifier(want.Want)
	// The verifier first: what is too long does not get to the disk.
	_, err = io.Copy(io.MultiWriter(v, tmp), transfer.ContextReader(ctx, src))
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	switch {
	case errors.Is(err, transfer.ErrTooLong):
		return Blob{}, v.TooLong()
	case disk.IsFull(err):
		return Blob{}, &SpaceError{Name: want.Name, Dir: filepath.Dir(tmp.Name()), Need: max(want.Size-v.Size(), 0), Err: err}
	case err != nil:
		return Blob{}, fmt.Errorf("store: %s: %w", want.Name, err)
	}
	digest, err := v.Check()
	if err != nil {
		return Blob{}, err
	}
	return s.keepWanted(ctx, tmp.Name(), want, newRef(want, digest, v.Size(), from))
}

// keepWanted is keep for a file that was wanted, and returns it by the word that it was wanted
// by.
func (s *Store) keepWanted(ctx context.Context, path string, want wanted, r ref) (Blob, error) {
	blob, err := s.keep(ctx, path, refsDir, want.Name, r)
	blob.CheckedBy = want.checked
	return blob, err
}

// keep moves a checked file into place and notes what its name stands for.
func (s *Store) keep(ctx context.Context, path, dir, name string, r ref) (Blob, error) {
	unlock, err := s.lockShared(ctx, lockOfBlobs)
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	blob := s.blobOf(&r, r.CheckedBy)
	if err := s.mkdir(filepath.Dir(blob.Path)); err != nil {
		return Blob{}, err
	}
	checked, err := s.fs.State(path)
	if err == nil {
		err = s.place(path, blob.Path)
	}
	if err != nil {
		return Blob{}, fmt.Errorf("store: %s: %w", name, err)
	}
	s.hold(blob.Path)
	// Renaming changes one of the times. If anything else did, the file is read once more.
	placed, err := s.fs.State(blob.Path)
	if checked.Changed = placed.Changed; err == nil && placed == checked {
		blob.Read = s.noted(blob.Digest, placed)
	} else if got, _, err := s.hashFile(ctx, blob.Path); err != nil {
		return Blob{}, err
	} else if got != blob.Digest {
		return Blob{}, &RotError{Name: name, Path: blob.Path, Want: blob.Digest, Got: got, Removed: s.fs.Remove(blob.Path) == nil}
	} else {
		blob.Read = readNow()
	}
	return blob, s.writeRef(dir, name, r)
}
