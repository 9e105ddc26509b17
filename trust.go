package zoo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// lookup returns the entry of a name that is used, and tells once where a file of rows has
// changed facts of a built-in one: such a file may have come with somebody else's project.
func (z *Zoo) lookup(name string) (*registry.Entry, error) {
	entry, err := z.Lookup(name)
	if err == nil {
		z.tellOverrides(entry)
	}
	return entry, err
}

func (z *Zoo) tellOverrides(entry *registry.Entry) {
	overrides := z.registry.Overrides(entry.Name)
	if len(overrides) == 0 {
		return
	}
	if _, told := z.told.LoadOrStore(entry.Name, true); told {
		return
	}
	var parts []string
	for _, o := range overrides {
		parts = append(parts, fmt.Sprintf("%s in %s", strings.Join(o.Keys, ", "), o.File))
	}
	z.notice(fmt.Sprintf("%s: the built-in row is overridden: %s", entry.Name, strings.Join(parts, "; ")))
}

// signed returns nil where no key is configured. Else it returns the *lock.SignatureError of a
// lock file that is not there, or is not what the key signed. Commands that fetch a file are
// told so by the store; this is for those that vouch for a model and need no file for it. What
// a path names is the user's own, and no key is asked for.
func (z *Zoo) signed() error {
	if z.lockKey == nil {
		return nil
	}
	o := z.fetchOptions("")
	_, err := o.LockFile()
	return err
}

// bundleOptions returns what is trusted of a bundle whose lock file has been found signed, where
// a key is configured. Beside it holds the project's lock file where there is one, which the
// key must have signed, too; it need not have every name.
func (z *Zoo) bundleOptions(name string) (store.Options, error) {
	o := z.fetchOptions(name)
	if z.lockKey == nil {
		return o, nil
	}
	if there, err := isThere(o.Lock); err != nil || !there {
		o.Lock, o.LockKey = "", nil
		return o, err
	}
	_, err := o.LockFile()
	o.LockKey = nil
	return o, err
}

// isThere reports whether there is something at a path; nothing is at an empty one.
func isThere(path string) (bool, error) {
	if path == "" {
		return false, nil
	}
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
