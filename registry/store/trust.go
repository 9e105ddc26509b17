package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// wanted is what a file must be before it is trusted, and by whose word.
type wanted struct {
	transfer.Want
	checked Check
}

// want returns what the entry's file must be. All digits of the digest come from
// the entry, else from the lock file of o, else from what was learnt in this
// folder; the prefix alone counts where there is nothing better. The error is a
// *TrustError when entry and lock file disagree, or a *SignatureError.
func (s *Store) want(entry *registry.Entry, o *Options) (wanted, error) {
	e := &entry.Weights
	w := wanted{Want: transfer.Want{Name: entry.Name, Digest: e.Digest, Size: e.Size, Limit: s.limit}, checked: ByPrefix}
	if e.Digest.Full() {
		w.checked = BySHA256
	}
	pin, ok, err := o.pin(entry)
	if err != nil {
		return w, err
	}
	origin := o.Lock
	if !ok && !e.Digest.Full() {
		learnt, err := lock.Read(s.lockPath())
		if err != nil {
			return w, fmt.Errorf("store: %s: %w: if its text is damaged, remove the file to learn its digests anew", entry.Name, err)
		}
		// What was learnt of an earlier entry does not bind this one.
		origin = s.lockPath()
		pin, ok = learnt.Pin(entry.Name)
		ok = ok && e.Digest.Matches(pin.Digest) && (e.Size == 0 || e.Size == pin.Size)
	}
	if ok && w.checked != BySHA256 {
		w.Digest, w.Size, w.checked, w.Origin = pin.Digest, pin.Size, ByLock, origin
	}
	if ok {
		w.Size = pin.Size
	}
	if w.Size > 0 {
		w.Limit = w.Size
	}
	return w, nil
}

// pin returns what the lock file says of an entry.
func (o *Options) pin(entry *registry.Entry) (pin lock.Pin, ok bool, err error) {
	if o.Lock == "" {
		return pin, false, nil
	}
	var f *lock.File
	if o.LockKey != nil {
		f, err = lock.VerifyFile(o.Lock, o.LockKey)
	} else {
		f, err = lock.Read(o.Lock)
	}
	if err != nil {
		return pin, false, err
	}
	pin, ok = f.Pin(entry.Name)
	e := &entry.Weights
	var reason string
	switch {
	case !ok && o.LockKey != nil:
		reason = fmt.Sprintf("it is not in %s, whose signature is asked for: add it with zoo lock %s and sign the file again", o.Lock, entry.Name)
	case ok && !e.Digest.Matches(pin.Digest):
		reason = fmt.Sprintf("%s pins sha256 %s, the registry states %s: zoo lock --update %s if the registry is right", o.Lock, pin.Digest, e.Digest, entry.Name)
	case ok && e.Size != 0 && e.Size != pin.Size:
		reason = fmt.Sprintf("%s pins a file of %d bytes, the registry states %d: zoo lock --update %s if the registry is right", o.Lock, pin.Size, e.Size, entry.Name)
	default:
		return pin, ok, nil
	}
	return pin, false, &TrustError{Name: entry.Name, Reason: reason}
}

// byHost makes a wanted digest exact by what the host of the file states. The
// error is a *MismatchError when it states another one.
func (w *wanted) byHost(digest digest.Digest, size int64, host string) error {
	if !digest.Full() {
		return nil
	}
	if !w.Digest.Matches(digest) || w.Size != 0 && w.Size != size {
		return &MismatchError{Name: w.Name, Want: w.Digest, Got: digest, Size: size, Hint: "so " + host + " states before any download"}
	}
	if !w.Digest.Full() {
		w.Digest, w.checked, w.Origin = digest, ByHost, host
	}
	w.Size, w.Limit = size, size
	return nil
}

// learn notes the digest of a file that was fetched: in the folder's own lock
// file and, unless it is signed, in that of o.
func (s *Store) learn(ctx context.Context, name string, blob Blob, o *Options) error {
	pin := lock.Pin{Digest: blob.Digest, Size: blob.Size}
	if err := s.setPin(ctx, s.lockPath(), name, pin); err != nil && !errors.Is(err, ErrReadOnly) {
		return err
	}
	if o.Lock == "" || o.LockKey != nil {
		return nil
	}
	if _, err := os.Stat(lock.SignaturePath(o.Lock)); err == nil {
		f, err := lock.Read(o.Lock)
		if err != nil {
			return err
		}
		if _, ok := f.Pin(name); !ok {
			o.notice("%s: not added to %s, which is signed: zoo lock %s adds it, then sign it again", name, o.Lock, name)
		}
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	return s.setPin(ctx, o.Lock, name, pin)
}

// CheckPin returns the *TrustError of a file that a name may not stand for: by its
// entry, by the lock file of o, or by what was learnt in this folder.
func (s *Store) CheckPin(entry *registry.Entry, pin lock.Pin, o Options) error {
	want, err := s.want(entry, &o)
	if err != nil {
		return err
	}
	if want.Digest.Matches(pin.Digest) && (want.Size == 0 || want.Size == pin.Size) {
		return nil
	}
	origin := want.Origin
	if origin == "" {
		origin = "the registry"
	}
	return &TrustError{Name: entry.Name, Reason: fmt.Sprintf("expected sha256 %s by %s, found %s in %d bytes", want.Digest, origin, pin.Digest, pin.Size)}
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

// SetPin makes a name stand for a file in a lock file, which is made if need be.
func (s *Store) SetPin(ctx context.Context, path, name string, blob Blob) error {
	return s.setPin(ctx, path, name, lock.Pin{Digest: blob.Digest, Size: blob.Size})
}

func (s *Store) setPin(ctx context.Context, path, name string, pin lock.Pin) error {
	f, err := lock.Read(path)
	if err != nil {
		return err
	}
	if old, ok := f.Pin(name); ok && old == pin {
		return nil
	}
	return s.editLock(ctx, path, func(f *lock.File) { f.Set(name, pin) })
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
