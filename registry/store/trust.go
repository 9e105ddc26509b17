package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// Everything that decides what bytes may stand for a name, by whose word, and what may be
// noted of them, is in this file. Each way into the store asks Store.trust first, whatever is
// fetched, imported, found in the cache or taken out of a bundle:
//
//   - A key that is set is asked for always. Without a lock file that it signed, and for names
//     that are not in it, nothing is trusted: neither what is in the cache nor what is built in.
//   - All digits come from the row, else from the lock file of the project, else from what was
//     learnt in this cache. The 8 digits of a file's name count where there is nothing better.
//   - A row that states no digest is of a file on this machine: of what is at its address now, or of
//     what was imported by hand. That is said, and learnt by nobody who is not asked to. Or it is of a
//     file of a hub, which states the digest of each: what came by the same address counts, and what the hub
//     states where nothing did (wanted.byHost).
//   - 8 digits can be met by a made file in seconds. Who knows no more takes from the cache only
//     what came by the same address, or was brought by hand (wanted.stands), and the digest of a
//     file that is known by no more is learnt by itself only where it came straight from the
//     address that is built into the program, for that name and address (wanted.vouched).
//   - A stand-in is another file than the published one. It is used where a lock file pins it, or
//     where none pins anything and no published file is to be had (wanted.lastResort).

// wanted is what a file must be before it is trusted, and by whose word.
type wanted struct {
	transfer.Want
	checked Check           // by what is known
	stated  Check           // by what the row and the host of the file state
	entry   *registry.Entry // nil: of a bundle
	row     string          // names the address of the row: rowKey
	learnt  bool            // all digits are those that were learnt in this cache
	pinned  bool            // by the lock file of the project
	standIn bool            // that pins the stand-in
}

// trust returns what the entry's file must be. All digits of the digest come from the entry,
// else from the lock file of o, else from what was learnt in this folder for that name and
// address; the prefix alone counts where there is nothing better. The error is a *TrustError
// when entry and lock file disagree, or a *SignatureError.
func (s *Store) trust(entry *registry.Entry, o *Options) (wanted, error) {
	e := &entry.Weights
	w := wanted{
		Want:    transfer.Want{Name: entry.Name, Digest: e.Digest, Size: e.Size, Limit: s.limit},
		checked: ByPrefix, stated: ByPrefix, entry: entry, row: rowKey(e.URL),
	}
	switch {
	case e.Digest.Full():
		w.checked, w.stated = BySHA256, BySHA256
	case e.Digest == digest.Digest{}:
		w.checked, w.stated = ByNothing, ByNothing
	}
	if path, err := filepath.Abs(o.Lock); o.Lock != "" && o.LockKey == nil && err == nil && path == s.lockPath() {
		o.Lock = "" // the cache is the working directory: what was learnt is no project's lock file
	}
	pin, ok, err := o.pin(entry)
	if err != nil {
		return w, err
	}
	w.pinned = ok
	if w.standIn = ok && o.StandIn.stands(entry, pin); w.standIn {
		return w, nil
	}
	origin := o.Lock
	if !ok && !e.Digest.Full() {
		learnt, err := lock.Read(s.lockPath())
		if err != nil {
			return w, fmt.Errorf("store: %s: %v: if its text is damaged, remove the file to learn its digests anew", entry.Name, err)
		}
		origin = s.lockPath()
		pin, ok = learntOf(learnt, entry)
		w.learnt = ok
	}
	if ok && w.checked != BySHA256 {
		w.Digest, w.Size, w.checked, w.Origin = pin.Digest, pin.Size, ByLock, origin
	}
	if ok {
		w.Size = pin.Size
	} else if w.checked == ByNothing {
		if err := w.byFile(); err != nil {
			return w, err
		}
	}
	if w.Size > 0 {
		w.Limit = w.Size
	}
	return w, nil
}

// byFile makes the digest of a row that states none, and that no lock file pins, what the file at
// its address has now: no file that was there before stands for it.
func (w *wanted) byFile() error {
	a, err := registry.ParseAddress(w.entry.Weights.URL)
	if err != nil || a.Kind != registry.AddressFile {
		return nil // it has to be imported
	}
	path, err := localPath(a)
	if err != nil {
		return fmt.Errorf("store: %s: %w", w.Name, err)
	}
	w.Digest, err = fileDigest(w.Name, path)
	return err
}

// fileDigest returns the digest of a regular file.
func fileDigest(name, path string) (digest.Digest, error) {
	if err := checkRegular(name, path); err != nil {
		return digest.Digest{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return digest.Digest{}, fmt.Errorf("store: %s: %w", name, err)
	}
	defer f.Close()
	return digest.Read(f)
}

// learntOf returns what was learnt of an entry. It binds the address that it was learnt from
// alone, and not what an earlier entry said. Earlier versions noted digests without an origin,
// wherever the bytes came from: those say nothing.
func learntOf(f *lock.File, entry *registry.Entry) (lock.Pin, bool) {
	e := &entry.Weights
	pin, ok := f.Pin(entry.Name)
	came := f.Origin(entry.Name)
	ok = ok && entry.AtBuiltin() && came.Way == lock.BuiltIn && came.Address == lock.From(lock.BuiltIn, e.URL).Address
	return pin, ok && e.Digest.Matches(pin.Digest) && (e.Size == 0 || e.Size == pin.Size)
}

// LockFile returns the lock file whose pins hold, which has none where there is no file. Where
// a key is set, the error is a *SignatureError unless a file is there that it signed.
func (o *Options) LockFile() (*lock.File, error) {
	switch {
	case o.LockKey != nil:
		return lock.VerifyFile(o.Lock, o.LockKey)
	case o.Lock == "":
		return &lock.File{}, nil
	}
	return lock.Read(o.Lock)
}

// pin returns what the lock file says of an entry.
func (o *Options) pin(entry *registry.Entry) (pin lock.Pin, ok bool, err error) {
	f, err := o.LockFile()
	if err != nil {
		return pin, false, err
	}
	pin, ok = f.Pin(entry.Name)
	e := &entry.Weights
	var reason string
	switch {
	case ok && o.StandIn.stands(entry, pin):
		return pin, ok, nil
	case !ok && o.LockKey != nil:
		reason = fmt.Sprintf("it is not in %s, whose signature is asked for: add it with zoo lock %s and sign the file again", o.Lock, entry.Name)
	case ok && e.Digest != digest.Digest{} && !e.Digest.Matches(pin.Digest):
		reason = fmt.Sprintf("%s pins sha256 %s, the registry states %s: zoo lock --update %s if the registry is right", o.Lock, pin.Digest, e.Digest, entry.Name)
	case ok && e.Size != 0 && e.Size != pin.Size:
		reason = fmt.Sprintf("%s pins a file of %d bytes, the registry states %d: zoo lock --update %s if the registry is right", o.Lock, pin.Size, e.Size, entry.Name)
	default:
		return pin, ok, nil
	}
	return pin, false, &TrustError{Name: entry.Name, Reason: reason}
}

// stands reports whether a file that is in the cache under the name may stand for it, and by
// which word. Where all digits are known they decide. Where no more than the prefix is, the
// file must have come by the address of the same row, or by hand.
func (w *wanted) stands(r *ref) (Check, bool) {
	if r != nil && w.Digest == (digest.Digest{}) {
		if r.Way == lock.Import {
			return ByNothing, true
		}
		return ByHost, r.CheckedBy == ByHost && r.Row == w.row && (r.Way != lock.BuiltIn || w.entry.AtBuiltin())
	}
	if r == nil || !w.Digest.Matches(r.SHA256) || w.Size > 0 && w.Size != r.Size {
		return "", false
	}
	if w.Digest.Full() {
		return w.checked, true
	}
	switch r.Way {
	case lock.Unknown, lock.Import, lock.Bundle: // a cache of an earlier version; the user's own doing
		return ByPrefix, true
	case lock.OtherName: // taken by a digest that somebody else knew
		return "", false
	case lock.BuiltIn:
		if w.entry == nil || !w.entry.AtBuiltin() {
			return "", false
		}
	default:
		if r.Row == "" || r.Row != w.row {
			return "", false
		}
	}
	if r.CheckedBy == ByHost && r.Row == w.row {
		return ByHost, true
	}
	return ByPrefix, true
}

// vouched reports whether the digest of a file that came in a way may be noted for its name
// without being asked for: since the row states it, which no file of rows has changed and which did
// not come with the file; since
// it was learnt before; or since the file came straight from the built-in address.
func (w *wanted) vouched(came lock.Way) bool {
	e := w.entry
	switch {
	case e.Weights.Digest.Full():
		return e.AtBuiltin() || e.Builtin == registry.Weights{} && !e.Outside
	case w.learnt:
		return true
	}
	return came == lock.BuiltIn && e.AtBuiltin()
}

// A StandIn is a file that is part of the program and was made of an entry's published file, such
// as one of half precision. Whoever has its bytes has to hold them against Digest.
type StandIn struct {
	Of      digest.Digest // all digits of the published file; of an entry that states another it is none
	Digest  digest.Digest // all digits of the stand-in
	Size    int64         // bytes
	Address string        // "embedded:" and a name, for the lock file
}

// blob returns the stand-in as what Fetch returns.
func (t *StandIn) blob(by Check) Blob {
	from := lock.From(lock.BuiltIn, t.Address)
	from.Checked = string(BySHA256)
	return Blob{Size: t.Size, Digest: t.Digest, CheckedBy: by, Origin: from, StandIn: true}
}

// of reports whether there is a stand-in, and it was made of the entry's published file.
func (t *StandIn) of(entry *registry.Entry) bool {
	return t != nil && entry != nil && t.Of.Full() && t.Of == entry.Weights.Digest
}

// stands reports whether a pin of an entry is of the stand-in.
func (t *StandIn) stands(entry *registry.Entry, pin lock.Pin) bool {
	return t.of(entry) && pin == lock.Pin{Digest: t.Digest, Size: t.Size}
}

// lastResort reports whether the stand-in may be used where no published file is to be had, and
// by which word. A pin is of another file: what it says holds.
func (w *wanted) lastResort(o *Options) (Check, bool) {
	if !o.StandIn.of(w.entry) {
		return "", false
	}
	if w.pinned {
		o.notice("%s: the file that is part of the program, sha256 %s, is not used: %s pins sha256 %s",
			w.Name, o.StandIn.Digest, o.Lock, w.Digest)
	}
	return BySHA256, !w.pinned
}

// MayStandIn returns nil where the stand-in of o may be used for an entry whose published file is
// not at hand. Else the error is a *TrustError or a *SignatureError.
func (s *Store) MayStandIn(entry *registry.Entry, o Options) error {
	o.Notice = nil
	want, err := s.trust(entry, &o)
	if err != nil || want.standIn {
		return err
	}
	if _, ok := want.lastResort(&o); ok {
		return nil
	}
	reason := "no file that is part of the program was made of what the registry states"
	if o.StandIn.of(entry) {
		reason = fmt.Sprintf("%s pins sha256 %s", o.Lock, want.Digest)
	}
	return &TrustError{Name: entry.Name, Reason: reason}
}

// rowKey names the address of a row, without giving away what is secret in it. A file: address
// counts from the current folder.
func rowKey(address string) string {
	if address == "" {
		return ""
	}
	if a, err := registry.ParseAddress(address); err == nil && a.Kind == registry.AddressFile {
		if path, err := localPath(a); err == nil {
			address = registry.FileScheme + path
		}
	}
	if u, err := url.Parse(address); err == nil && u.User != nil {
		u.User = nil
		address = u.String()
	}
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

// byHost makes a wanted digest exact by what the host of the file states. The
// error is a *MismatchError when it states another one.
func (w *wanted) byHost(stated digest.Digest, size int64, host string) error {
	if !stated.Full() {
		return nil
	}
	if w.Digest != (digest.Digest{}) && !w.Digest.Matches(stated) || w.Size != 0 && size != 0 && w.Size != size {
		return &MismatchError{Name: w.Name, Want: w.Digest, Got: stated, Size: size, Hint: "so " + host + " states before any download"}
	}
	if w.Size == 0 && size > w.Limit {
		return &MismatchError{Name: w.Name, Want: w.Digest, Got: stated, Size: size, Hint: fmt.Sprintf("so %s states, and its network needs no more than %d", host, w.Limit)}
	}
	if !w.Digest.Full() {
		w.Digest, w.checked, w.stated, w.Origin = stated, ByHost, ByHost, host
	}
	if size > 0 {
		w.Size, w.Limit = size, size
	}
	return nil
}

// CheckPin returns the *TrustError of a file that a name may not stand for: by its
// entry, by the lock file of o, or by what was learnt in this folder.
func (s *Store) CheckPin(entry *registry.Entry, pin lock.Pin, o Options) error {
	want, err := s.trust(entry, &o)
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
