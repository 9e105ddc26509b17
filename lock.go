package zoo

import (
	"context"
	"errors"

	"github.com/gozoo/zoo/registry/lock"
)

// LockPath returns the lock file that is configured, or zoo.lock in the current
// folder.
func (z *Zoo) LockPath() string {
	if z.config.Lock != "" {
		return z.config.Lock
	}
	return lock.FileName
}

// Pin fetches a model's file where need be and pins it in the lock file. A file
// that is pinned already has to be that one, unless update is set: then what was
// learnt of the name before is forgotten first. A signature over the lock file no
// longer holds after a change.
func (z *Zoo) Pin(ctx context.Context, name string, update bool) (*Source, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	if z.lockKey != nil {
		return nil, errors.New("zoo: lock: a signature is asked for: pin without --lock-key, then sign")
	}
	path := z.LockPath()
	pins, err := lock.Read(path)
	if err != nil {
		return nil, err
	}
	o := z.fetchOptions(name)
	if _, pinned := pins.Pin(name); update {
		o.Lock = ""
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

// SignLock signs the lock file with the private key in a PEM file.
func (z *Zoo) SignLock(keyPath string) error { return lock.SignFile(z.LockPath(), keyPath) }

// VerifyLock checks the signature of the lock file against a public key and
// returns the names that it pins. The error is a *lock.SignatureError when it does
// not hold.
func (z *Zoo) VerifyLock(keyPath string) ([]string, error) {
	key, err := lock.ReadPublicKey(keyPath)
	if err != nil {
		return nil, err
	}
	f, err := lock.VerifyFile(z.LockPath(), key)
	if err != nil {
		return nil, err
	}
	return f.Names(), nil
}
