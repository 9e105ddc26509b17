package zoo

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// Rows that travel with their files, in artifacts and in bundles.

// carried returns the text of an entry's row for those who get the file with it.
func carried(entry *registry.Entry, blob store.Blob) ([]byte, error) {
	row := *entry
	row.Weights.Digest, row.Weights.Size = blob.Digest, blob.Size
	return row.Carried()
}

// readCarried returns the row that came with a file, if it can be used here: it is of that file, of a
// network that there is, and of no name that only capital letters tell from another.
func (z *Zoo) readCarried(what string, text []byte, file lock.Pin) (*registry.Entry, error) {
	entry, err := registry.ParseCarried(what, text)
	if err != nil {
		return nil, err
	}
	w := &entry.Weights
	if w.Digest != file.Digest || w.Size != file.Size {
		return nil, fmt.Errorf("%s: it is of a file of sha256 %s in %d bytes, and came with one of %s in %d",
			what, w.Digest, w.Size, file.Digest, file.Size)
	}
	if _, err := graph(entry, nn.AsTrained, entry.Classes); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if twin := z.registry.Twin(entry.Name); twin != "" {
		return nil, fmt.Errorf("%s: its name %q differs from that of entry %q in case only", what, entry.Name, twin)
	}
	return entry, nil
}

// contradictions returns the keys by which a row that came with its file says something else than the row
// of its name here. Where the file is from, and on which row one was based, is no fact of the model; what the
// row here leaves open of the file, size and digits, contradicts nothing.
func contradictions(here, came *registry.Entry) []string {
	x, y := *here, *came
	x.Base, y.Base = "", ""
	x.Weights.URL, x.Weights.ConvertedFrom = "", ""
	y.Weights.URL, y.Weights.ConvertedFrom = "", ""
	if x.Weights.Digest == (digest.Digest{}) || x.Weights.Digest.Matches(y.Weights.Digest) {
		x.Weights.Digest = y.Weights.Digest
	}
	if x.Weights.Size == 0 {
		x.Weights.Size = y.Weights.Size
	}
	return registry.Differences(&x, &y)
}

// bundledRow returns the row that a bundle brings of a model, and whether it is kept: not where another one
// stands for the name that is built in, or says something else in a file of rows.
func (z *Zoo) bundledRow(model bundle.Model, text []byte) (entry *registry.Entry, keep bool, err error) {
	if entry, err = z.readCarried("the row", text, model.Pin); err != nil {
		return nil, false, err
	}
	if entry.Name != model.Name {
		return nil, false, fmt.Errorf("it is of model %q", entry.Name)
	}
	if row, ok := z.registry.Alias(model.Name); ok && !z.registry.Has(model.Name) {
		z.notice(fmt.Sprintf("%s: the row that the bundle brings is not used: here the name stands for %s", model.Name, row))
		return nil, false, nil
	}
	here, err := z.registry.Row(model.Name)
	if err != nil { // there is none, or none that could be used
		return entry, true, nil
	}
	keys := contradictions(here, entry)
	switch {
	case len(keys) == 0:
		return entry, here.Builtin == (registry.Weights{}), nil
	case z.loaded[model.Name]:
		z.notice(fmt.Sprintf("%s: the row that another bundle brought is replaced: %s", model.Name, strings.Join(keys, ", ")))
		return entry, true, nil
	}
	z.notice(fmt.Sprintf("%s: its row was left out, since the one here says something else and stands: %s",
		model.Name, strings.Join(keys, ", ")))
	return nil, false, nil
}

// loadedRows returns the rows that bundles brought into the cache, which are read when they are asked for, and
// notes whose they are.
func (z *Zoo) loadedRows() map[string]func() (*registry.Entry, error) {
	names, err := bundle.RowNames(z.store.Dir())
	if err != nil {
		z.notice(fmt.Sprintf("the rows that bundles brought are not used: %v", err))
	}
	rows := make(map[string]func() (*registry.Entry, error))
	z.loaded = make(map[string]bool)
	for _, name := range names {
		rows[name] = func() (*registry.Entry, error) {
			entry, _, err := bundle.Row(z.store.Dir(), name, z.lockKey)
			return entry, err
		}
		z.loaded[name] = !z.registry.Has(name)
	}
	return rows
}

// RowOrigin returns the bundle that brought the row of a name; ok is false for rows that none did.
func (z *Zoo) RowOrigin(name string) (origin bundle.Origin, ok bool) {
	if !z.loaded[name] {
		return origin, false
	}
	_, origin, err := bundle.Row(z.store.Dir(), name, nil)
	return origin, err == nil
}
