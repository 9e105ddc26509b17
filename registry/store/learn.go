package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gozoo/zoo/registry/lock"
)

// learn notes the digest of a file where that may be done without being asked for: in the
// folder's own lock file, and in that of o unless it is signed.
func (s *Store) learn(ctx context.Context, want wanted, blob Blob, o *Options) error {
	pin, may := lock.Pin{Digest: blob.Digest, Size: blob.Size}, want.vouched(blob.Origin.Way)
	if may && !want.learnt {
		if err := s.learnHere(ctx, want.Name, pin, blob.Origin, o); err != nil && !errors.Is(err, ErrReadOnly) {
			return err
		}
	}
	if o.Lock == "" || o.LockKey != nil {
		return nil
	}
	f, err := lock.Read(o.Lock)
	if err != nil {
		return err
	}
	if _, ok := f.Pin(want.Name); ok {
		return nil // it was asked first
	}
	why := ""
	if _, err := os.Stat(lock.SignaturePath(o.Lock)); err == nil {
		why = "which is signed: zoo lock " + want.Name + " adds it, then sign it again"
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	} else if !may {
		why = fmt.Sprintf("since it came by %s and was checked by %s: zoo lock %s adds it", came(blob.Origin), want.stated, want.Name)
	} else if err := s.setPin(ctx, o.Lock, want.Name, pin, blob.Origin); errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		why = "which cannot be written to"
	} else if err != nil {
		return err
	}
	if why != "" {
		o.notice("%s: not added to %s, %s", want.Name, o.Lock, why)
	}
	return nil
}

// learnHere notes a digest in the folder's own lock file.
func (s *Store) learnHere(ctx context.Context, name string, pin lock.Pin, origin lock.Origin, o *Options) error {
	f, err := lock.Read(s.lockPath())
	if err != nil {
		return err
	}
	if old, ok := f.Pin(name); ok && old.Digest != pin.Digest && f.Origin(name).Way == lock.Unknown {
		o.notice("%s: an earlier version had noted sha256 %s for it, from an address that it did not note: the built-in address gave %s", name, old.Digest, pin.Digest)
	}
	return s.setPin(ctx, s.lockPath(), name, pin, origin)
}

// came says in words how a file came.
func came(o lock.Origin) string {
	if o.Way == lock.Unknown {
		return "a way that an earlier version did not note"
	}
	return o.String()
}

// Forget removes what was learnt in this folder about a name, and the name; its
// blob stays until it is pruned.
func (s *Store) Forget(ctx context.Context, name string) error {
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.fs.Remove(s.refPath(refsDir, name)); err != nil {
		return s.writeError(err)
	}
	return s.editLock(ctx, s.lockPath(), func(f *lock.File) { f.Delete(name) })
}

// SetPin makes a name stand for a file in a lock file, which is made if need be, and notes how
// the file came. It is what is done when somebody asks for it by hand.
func (s *Store) SetPin(ctx context.Context, path, name string, blob Blob) error {
	return s.setPin(ctx, path, name, lock.Pin{Digest: blob.Digest, Size: blob.Size}, blob.Origin)
}

// setPin writes a pin and its origin, unless both are there. An origin that is known is not
// replaced: the file of a pin came once.
func (s *Store) setPin(ctx context.Context, path, name string, pin lock.Pin, origin lock.Origin) error {
	f, err := lock.Read(path)
	if err != nil {
		return err
	}
	here := path == s.lockPath()
	same := func(f *lock.File) bool {
		old, ok := f.Pin(name)
		known := f.Origin(name)
		return ok && old == pin && (known == origin || known.Way != lock.Unknown && !here || origin.Way == lock.Unknown)
	}
	if same(f) {
		return nil
	}
	return s.editLock(ctx, path, func(f *lock.File) {
		if !same(f) {
			f.Set(name, pin)
			f.SetOrigin(name, origin)
		}
	})
}

// editLock changes a lock file while no other process does.
func (s *Store) editLock(ctx context.Context, path string, edit func(f *lock.File)) error {
	unlock, err := s.lock(ctx, lockOfLock)
	switch {
	case err == nil:
		defer unlock()
	case errors.Is(err, ErrReadOnly) && path != s.lockPath():
		// A lock file elsewhere may be written to all the same.
	default:
		return err
	}
	f, err := lock.Read(path)
	if err != nil {
		return err
	}
	edit(f)
	err = f.Write(path)
	if err != nil && path == s.lockPath() {
		return s.writeError(err)
	}
	return err
}
