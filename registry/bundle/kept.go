package bundle

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// What a bundle brings into a store's folder beside checkpoints lies there with a record of its origin.

// An Origin says which bundle something came in.
type Origin struct {
	Manifest digest.Digest // of the text that lists all of the bundle
	// Key is the public key that was found to have signed it; nil: none was asked for.
	Key ed25519.PublicKey
}

// Signer returns the fingerprint of the key; empty: none.
func (o Origin) Signer() string {
	if o.Key == nil {
		return ""
	}
	return lock.Fingerprint(o.Key)
}

// String says who signed the bundle, if anybody is known to have.
func (o Origin) String() string {
	if o.Key == nil {
		return fmt.Sprintf("bundle %s, unsigned or its signature not checked", o.Manifest.Short())
	}
	return fmt.Sprintf("bundle %s, signed by key %s", o.Manifest.Short(), o.Signer())
}

// originSuffix ends the name of the record beside a file. No golden's name ends so, nor a row's.
const originSuffix = ".origin"

// record is the content of goldens/MODEL/FILE.origin and rows/MODEL.toml.origin.
type record struct {
	SHA256   digest.Digest `json:"sha256"` // of the file
	Manifest digest.Digest `json:"bundle"`
	Key      []byte        `json:"signed_by,omitempty"` // the public key
}

// maxRecord bounds a record, in bytes.
const maxRecord = 4 << 10

// readKept returns a file of a store's folder that came in a bundle, of at most limit bytes, with the digest
// that its record states. The error is a *lock.SignatureError for one that a key is asked for and did not sign,
// and an *Error for one that was changed.
func readKept(path string, limit int64, key ed25519.PublicKey) ([]byte, Origin, error) {
	r, err := readRecord(path)
	if err != nil {
		return nil, Origin{}, err
	}
	origin := Origin{Manifest: r.Manifest, Key: r.Key}
	data, err := bounded.ReadFile(path, limit)
	if err != nil {
		return nil, origin, fmt.Errorf("bundle: %w", err)
	}
	if got := sumOf(data); got != r.SHA256 {
		return nil, origin, &Error{path, fmt.Sprintf("expected sha256 %s, with which it came, found %s: load its bundle again",
			r.SHA256, got), nil}
	}
	if key != nil && !key.Equal(origin.Key) {
		return nil, origin, &lock.SignatureError{Path: path, Reason: fmt.Sprintf("it came in %s, and one that key %s signed is asked for: "+
			"remove it, or load a signed bundle that has it",
			origin, lock.Fingerprint(key))}
	}
	return data, origin, nil
}

func readRecord(path string) (r record, err error) {
	data, err := bounded.ReadFile(path+originSuffix, maxRecord)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && (!r.SHA256.Full() || !r.Manifest.Full() || len(r.Key) != 0 && len(r.Key) != ed25519.PublicKeySize) {
		err = errors.New("expected digests and a key")
	}
	if err != nil {
		return r, fmt.Errorf("bundle: %s: where it came from cannot be read: %w: load its bundle again", path, err)
	}
	if len(r.Key) == 0 {
		r.Key = nil
	}
	return r, nil
}

// keep writes a file and its record to a store's folder. One that a key signed is not replaced by another one
// that none did; then kept is false.
func keep(path string, data []byte, origin Origin) (kept bool, err error) {
	sum := sumOf(data)
	if old, err := readRecord(path); err == nil && old.Key != nil && origin.Key == nil {
		if old.SHA256 != sum {
			return false, nil
		}
		origin = Origin{Manifest: old.Manifest, Key: old.Key} // the same one stays signed
	}
	text, err := json.Marshal(record{SHA256: sum, Manifest: origin.Manifest, Key: origin.Key})
	if err != nil {
		return false, err
	}
	if err := writeFile(path, data); err != nil {
		return false, err
	}
	return true, writeFile(path+originSuffix, append(text, '\n'))
}

// Names returns the models of which bundles brought goldens, licences or rows into a store's folder, sorted.
func Names(dir string) ([]string, error) {
	names := make(map[string]bool)
	for _, kind := range []struct{ dir, suffix string }{{GoldensDir, ""}, {LicencesDir, licenceSuffix}, {RowsDir, rowSuffix}} {
		entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(kind.dir)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), kind.suffix)
			if ok && e.IsDir() == (kind.suffix == "") && isModel(name) {
				names[registry.NameOfFile(name)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Remove removes what bundles brought of a model into a store's folder beside its checkpoint: goldens, licence
// and row. With dry nothing is removed, and what would be is returned.
func Remove(dir, model string, dry bool) (removed []store.Removed, err error) {
	if err := registry.CheckName(model); err != nil {
		return nil, fmt.Errorf("bundle: name %q: %w", model, err)
	}
	element := registry.FileName(model)
	goldens := filepath.Join(dir, filepath.FromSlash(GoldensDir), element)
	row := filepath.Join(dir, filepath.FromSlash(RowsDir), element+rowSuffix)
	paths := []string{filepath.Join(dir, filepath.FromSlash(LicencesDir), element+licenceSuffix), row, row + originSuffix}
	entries, err := os.ReadDir(goldens)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(goldens, e.Name()))
	}
	for _, path := range paths {
		st, err := os.Lstat(path)
		if err == nil && st.IsDir() {
			continue // no bundle brought it
		}
		if err == nil && !dry {
			err = os.Remove(path)
		}
		switch {
		case err == nil:
			removed = append(removed, store.Removed{Path: path, Size: st.Size(), Reason: "of " + model})
		case !errors.Is(err, fs.ErrNotExist):
			return removed, fmt.Errorf("bundle: %w", err)
		}
	}
	if len(entries) > 0 && !dry {
		os.Remove(goldens) // it stays where something is in it
	}
	return removed, nil
}
