package zoo

import (
	"context"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry/lock"
)

// lockPath returns the lock file that is configured.
func (z *Zoo) lockPath() (string, error) {
	if z.config.Lock == "" {
		return "", option.Errorf("Lock", "zoo: lock: no lock file is configured: name one, such as %s", lock.FileName)
	}
	return z.config.Lock, nil
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
		return nil, option.Errorf("LockKey", "zoo: lock: a signature is asked for: pin without the key, then sign")
	}
	path, err := z.lockPath()
	if err != nil {
		return nil, err
	}
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
