package bundle

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/registry"
)

// RowNames returns the models whose rows bundles brought into a store's folder, sorted.
func RowNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(RowsDir)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), rowSuffix); ok && isModel(name) {
			names = append(names, registry.NameOfFile(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Row returns the entry of a row that a bundle brought into a store's folder, and where it is from. The error is
// a *lock.SignatureError for one that a key is asked for and did not sign, and an *Error for one that was changed.
func Row(dir, model string, key ed25519.PublicKey) (*registry.Entry, Origin, error) {
	path := filepath.Join(dir, filepath.FromSlash(RowsDir), registry.FileName(model)+rowSuffix)
	text, origin, err := readKept(path, registry.MaxCarried, key)
	if err != nil {
		return nil, origin, err
	}
	e, err := registry.ParseCarried(path, text)
	if err == nil && e.Name != model {
		err = fmt.Errorf("it is of model %q", e.Name)
	}
	if err != nil {
		return nil, origin, &Error{path, "expected the row of " + model, err}
	}
	return e, origin, nil
}
