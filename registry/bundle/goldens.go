package bundle

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry/lock"
)

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

// A Golden is a golden file in a cache that came in a bundle.
type Golden struct {
	Name   string // of the file
	Data   []byte // with the digest that it came with
	Origin Origin
}

// originSuffix ends the name of the record beside a golden. No golden's name does.
const originSuffix = ".origin"

// record is the content of goldens/MODEL/FILE.origin.
type record struct {
	SHA256   digest.Digest `json:"sha256"` // of the golden
	Manifest digest.Digest `json:"bundle"`
	Key      []byte        `json:"signed_by,omitempty"` // the public key
}

// maxRecord bounds a record, in bytes.
const maxRecord = 4 << 10

// Goldens returns the goldens of a model that bundles brought into a store's folder, sorted by
// name. Each has the digest that its record states; the error is a *lock.SignatureError for one
// that a key is asked for and did not sign, and an *Error for one that was changed. Goldens
// without a record, as earlier versions left them as goldens/MODEL.FILE, are not among them.
func Goldens(dir, model string, key ed25519.PublicKey) ([]Golden, error) {
	folder := filepath.Join(dir, filepath.FromSlash(GoldensDir), model)
	entries, err := os.ReadDir(folder) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var out []Golden
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), originSuffix)
		if !ok || !isPlain(name) {
			continue
		}
		path := filepath.Join(folder, name)
		r, err := readRecord(path)
		if err != nil {
			return nil, err
		}
		data, err := bounded.ReadFile(path, bounded.Golden)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was not written any more, or is removed
		}
		if err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		if got := sumOf(data); got != r.SHA256 {
			return nil, &Error{path, fmt.Sprintf("expected sha256 %s, with which it came, found %s: load its bundle again", r.SHA256, got), nil}
		}
		g := Golden{Name: name, Data: data, Origin: Origin{Manifest: r.Manifest, Key: r.Key}}
		if key != nil && !key.Equal(g.Origin.Key) {
			return nil, &lock.SignatureError{Path: path, Reason: fmt.Sprintf("it came in %s, and one that key %s signed is asked for: remove it, or load a signed bundle that has it",
				g.Origin, lock.Fingerprint(key))}
		}
		out = append(out, g)
	}
	return out, nil
}

func readRecord(golden string) (r record, err error) {
	data, err := bounded.ReadFile(golden+originSuffix, maxRecord)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && (!r.SHA256.Full() || !r.Manifest.Full() || len(r.Key) != 0 && len(r.Key) != ed25519.PublicKeySize) {
		err = errors.New("expected digests and a key")
	}
	if err != nil {
		return r, fmt.Errorf("bundle: %s: where it came from cannot be read: %w: load its bundle again", golden, err)
	}
	if len(r.Key) == 0 {
		r.Key = nil
	}
	return r, nil
}

// keepGolden writes a golden and its record to a store's folder. A golden that a key signed is
// not replaced by another one that none did; then kept is false.
func keepGolden(dir, model, name string, data []byte, origin Origin) (kept bool, err error) {
	path := filepath.Join(dir, filepath.FromSlash(GoldensDir), model, name)
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
