package bundle

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry"
)

// A Golden is a golden file in a cache that came in a bundle.
type Golden struct {
	Name   string // of the file
	Data   []byte // with the digest that it came with
	Origin Origin
}

// Goldens returns the goldens of a model that bundles brought into a store's folder, sorted by
// name. Each has the digest that its record states; the error is a *lock.SignatureError for one
// that a key is asked for and did not sign, and an *Error for one that was changed. Goldens
// without a record, as earlier versions left them as goldens/MODEL.FILE, are not among them.
func Goldens(dir, model string, key ed25519.PublicKey) ([]Golden, error) {
	folder := filepath.Join(dir, filepath.FromSlash(GoldensDir), registry.FileName(model))
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
		data, origin, err := readKept(path, bounded.Golden, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was not written any more, or is removed
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Golden{name, data, origin})
	}
	return out, nil
}
