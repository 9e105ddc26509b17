package zoo

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// lockPath returns the lock file that is configured.
func (z *Zoo) lockPath() (string, error) {
	if z.config.Lock == "" {
		return "", option.Errorf("Lock", "zoo: lock: no lock file is configured: name one, such as %s", lock.FileName)
	}
	return z.config.Lock, nil
}

// Pin fetches models' files where need be and pins them in the lock file, with how each came.
// A file that is pinned already has to be that one, unless update is set: then what was
// learnt of the name before is forgotten first. Where a key is configured, a lock file that is
// there must be one that it signed; one that is not there is made. A signature over the lock
// file no longer holds after a change, of which a notice tells.
func (z *Zoo) Pin(ctx context.Context, names []string, update bool) ([]*Source, error) {
	entries, err := z.Entries(names...)
	if err != nil {
		return nil, err
	}
	path, err := z.lockPath()
	if err != nil {
		return nil, err
	}
	if there, err := isThere(path); err != nil {
		return nil, fmt.Errorf("zoo: lock: %w", err)
	} else if there {
		// Whoever signs afterwards signs what was there before, too.
		if err := z.signed(); err != nil {
			return nil, err
		}
	}
	before, err := lock.Read(path)
	if err != nil {
		return nil, err
	}
	var out []*Source
	for _, entry := range entries {
		src, err := z.pin(ctx, path, entry, update)
		if err != nil {
			return out, err
		}
		out = append(out, src)
	}
	after, err := lock.Read(path)
	if err != nil {
		return out, err
	}
	z.tellUnsigned(path, !bytes.Equal(before.Bytes(), after.Bytes()))
	return out, nil
}

func (z *Zoo) pin(ctx context.Context, path string, entry *registry.Entry, update bool) (*Source, error) {
	name := entry.Name
	z.tellOverrides(entry)
	pins, err := lock.Read(path)
	if err != nil {
		return nil, err
	}
	o := z.weightOptions(entry.Name)
	o.Lock, o.LockKey = "", nil // the name may be new
	if _, pinned := pins.Pin(name); update {
		err = z.store.Forget(ctx, name)
	} else if pinned {
		o.Lock = path
	}
	if err != nil {
		return nil, err
	}
	blob, err := z.store.Fetch(ctx, entry, o)
	if err != nil {
		return nil, err
	}
	if err := z.store.SetPin(ctx, path, name, blob); err != nil {
		return nil, err
	}
	return source(name, blob), nil
}

// tellUnsigned tells that a lock file has to be signed, where somebody asks for that: by a
// configured key, or by a signature that lies there of what it was before.
func (z *Zoo) tellUnsigned(path string, changed bool) {
	there, err := isThere(lock.SignaturePath(path))
	if z.lockKey != nil && z.signed() != nil || z.lockKey == nil && changed && (there || err != nil) {
		z.notice(fmt.Sprintf("%s is not signed as it is now, and nothing in it is trusted where a key is asked for: zoo lock sign --key FILE signs it", path))
	}
}

// SignLock signs the lock file with the private key in a PEM file.
func (z *Zoo) SignLock(keyPath string) error {
	path, err := z.lockPath()
	if err != nil {
		return err
	}
	return lock.SignFile(path, keyPath)
}

// VerifyLock checks the signature of the lock file against a public key and
// returns the names that it pins. The error is a *lock.SignatureError when it does
// not hold.
func (z *Zoo) VerifyLock(keyPath string) ([]string, error) {
	key, err := lock.ReadPublicKey(keyPath)
	if err != nil {
		return nil, err
	}
	path, err := z.lockPath()
	if err != nil {
		return nil, err
	}
	f, err := lock.VerifyFile(path, key)
	if err != nil {
		return nil, err
	}
	return f.Names(), nil
}
