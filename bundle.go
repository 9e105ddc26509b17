package zoo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// apache is the text of the licence of zoo itself, and of most checkpoints.
//
//go:embed LICENSE
var apache []byte

// BundleOptions says what goes into a bundle beside the models. The zero value adds nothing.
type BundleOptions struct {
	// Goldens are paths of golden files of these models.
	Goldens []string
	// Key is the path of an ed25519 private key, as PEM, that signs the whole bundle. Empty:
	// nobody does.
	Key string
}

// CreateBundle writes a bundle of models: their published files, fetched where
// need be, the lock file that pins them, their embedded goldens and those of
// o, their licences, and the rows of those that are not built in. A signed lock file is taken along with its
// signature. What was written before an error is no bundle.
func (z *Zoo) CreateBundle(ctx context.Context, w io.Writer, names []string, o BundleOptions) error {
	c := bundle.Contents{
		Blobs: make(map[string]store.Blob), Goldens: make(map[string]map[string][]byte), Licences: make(map[string][]byte),
		Rows: make(map[string][]byte),
	}
	var err error
	if o.Key != "" {
		if c.Key, err = lock.ReadPrivateKey(o.Key); err != nil {
			return err
		}
	}
	for _, name := range names {
		entry, err := z.lookup(name)
		if err != nil {
			return err
		}
		name = entry.Name // which an alias is not
		if c.Blobs[name], err = z.fetch(ctx, entry); err != nil {
			return err
		}
		if c.Goldens[name], err = golden.Files(name); err != nil {
			return err
		}
		c.Licences[name] = licenceText(entry)
		if entry.Builtin == (registry.Weights{}) {
			if c.Rows[name], err = carried(entry, c.Blobs[name]); err != nil {
				return err
			}
		} else if len(z.registry.Overrides(name)) > 0 || !entry.AtBuiltin() {
			z.notice(name + ": its row here is not the built-in one, which is what stands where the bundle is loaded")
		}
	}
	for _, file := range o.Goldens {
		data, err := bounded.ReadFile(file, bounded.Golden)
		if err != nil {
			return fmt.Errorf("zoo: bundle: %w", err)
		}
		g, err := golden.Parse(file, data)
		if err != nil {
			return err
		}
		if _, ok := c.Blobs[g.Model]; !ok {
			return &GoldenError{file, fmt.Errorf("it is of model %q, which is not in the bundle", g.Model)}
		}
		if c.Goldens[g.Model] == nil {
			c.Goldens[g.Model] = make(map[string][]byte)
		}
		name := filepath.Base(file)
		if _, twice := c.Goldens[g.Model][name]; twice {
			return &GoldenError{file, fmt.Errorf("another golden of %s is called %q too", g.Model, name)}
		}
		c.Goldens[g.Model][name] = data
	}
	if z.config.Lock != "" {
		c.LockSignature, err = bounded.ReadFile(lock.SignaturePath(z.config.Lock), bounded.Key)
		if err == nil {
			c.Lock, err = bounded.ReadFile(z.config.Lock, bounded.Lock)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("zoo: bundle: %w", err)
		}
	}
	if c.LockSignature != nil && c.Key == nil {
		z.notice("the lock file is signed, and this bundle is not: --key signs it, and without that no --lock-key lets it be loaded")
	}
	return bundle.Create(ctx, w, c)
}

// WriteBundle is CreateBundle to a file, which appears only once it is complete. It is compressed
// where its name ends in bundle.Suffix.
func (z *Zoo) WriteBundle(ctx context.Context, path string, names []string, o BundleOptions) error {
	return atomicfile.WriteContext(ctx, path, func(w io.Writer) error {
		if !strings.HasSuffix(path, bundle.Suffix) {
			return z.CreateBundle(ctx, w, names, o)
		}
		packed, err := bundle.Compress(w)
		if err != nil {
			return err
		}
		if err := z.CreateBundle(ctx, packed, names, o); err != nil {
			return err
		}
		return packed.Close()
	})
}

// licenceText returns the text of an entry's licence, or where to find it.
func licenceText(entry *registry.Entry) []byte {
	w := &entry.Weights
	head := fmt.Sprintf("%s\nlicence: %s\nfrom: %s\n", entry.Name, w.Licence, printable.Shown(w.URL))
	if w.ConvertedFrom != "" {
		head += "converted from: " + printable.Shown(w.ConvertedFrom) + "\n"
	}
	if w.Licence == "Apache-2.0" {
		return append([]byte(head+"\n"), apache...)
	}
	return []byte(head + "\nThe text of the licence is with whom the file is from.\n")
}

// LoadBundle puts the models of a bundle into the cache, after the checks that a
// download goes through: digests, entries and lock files. Where LockKey is configured, it has to
// have signed the bundle; that stands for a lock file where none is configured. Nothing is
// written of a bundle that contradicts them. The errors are *bundle.Error, and those of
// store.Store.Fetch. Rows that the bundle brings are those of a Zoo that is made afterwards;
// none stands for a name that is built in, or that a file of rows has.
func (z *Zoo) LoadBundle(ctx context.Context, r io.Reader) (*bundle.Loaded, error) {
	came := make(map[string]*registry.Entry) // rows of the bundle, of names that no other row stands for
	loaded, err := bundle.Load(ctx, r, z.store, bundle.LoadOptions{
		Key: z.lockKey, Golden: checkGolden, Notice: z.notice,
		Row: func(model bundle.Model, text []byte) (keep bool, err error) {
			entry, keep, err := z.bundledRow(model, text)
			if keep && (z.loaded[model.Name] || !z.registry.Has(model.Name)) {
				came[model.Name] = entry
			}
			return keep, err
		},
		Check: func(model bundle.Model) error { return z.checkBundled(model, came[model.Name]) },
		Limit: func(model string) int64 {
			entry, err := z.registry.Row(model)
			if err != nil || entry.Weights.Size > 0 {
				return 0 // the free space bounds it, or the row
			}
			return fileLimit(entry)
		},
	})
	if err != nil {
		return nil, err
	}
	for _, m := range loaded.Models {
		if z.lockKey != nil {
			break // a signed lock file learns nothing
		}
		// The file is in the cache: a lock file of the project learns its digest where that is due.
		if entry, err := z.registry.Row(m.Name); err == nil {
			o := z.fetchOptions(m.Name)
			o.Offline = true
			if _, err := z.store.Fetch(ctx, entry, o); err != nil {
				return nil, err
			}
		}
	}
	return loaded, nil
}

// LoadBundleFile is LoadBundle of a file, which is a regular one.
func (z *Zoo) LoadBundleFile(ctx context.Context, path string) (*bundle.Loaded, error) {
	f, err := bounded.Open(path)
	if err != nil {
		return nil, option.Errorf("", "zoo: bundle: %w", err)
	}
	defer f.Close()
	return z.LoadBundle(ctx, f)
}

// checkBundled returns an error for a model that may not be loaded. A model that has no row, neither
// here nor in the bundle, is pinned by the bundle alone.
func (z *Zoo) checkBundled(m bundle.Model, entry *registry.Entry) error {
	var err error
	if entry == nil {
		entry, err = z.registry.Row(m.Name)
	}
	if err != nil {
		z.notice(fmt.Sprintf("%s: the registry does not know this model: bring the zoo.toml that has it", m.Name))
		return nil
	}
	o, err := z.bundleOptions(m.Name)
	if err != nil {
		return err
	}
	return z.store.CheckPin(entry, m.Pin, o)
}

// checkGolden returns an error unless a file is a golden of a model.
func checkGolden(model, file string, data []byte) error {
	g, err := golden.Parse(file, data)
	if err == nil && g.Model != model {
		err = fmt.Errorf("it is of model %q", g.Model)
	}
	return err
}

// cachedGoldens returns the goldens of a model that came in bundles, and by their names where
// from. The error is a *lock.SignatureError for one that a configured key did not sign.
func (z *Zoo) cachedGoldens(model string) (out []*golden.Golden, origins map[string]bundle.Origin, err error) {
	found, err := bundle.Goldens(z.store.Dir(), model, z.lockKey)
	if err != nil {
		return nil, nil, err
	}
	origins = make(map[string]bundle.Origin)
	for _, f := range found {
		g, err := golden.Parse(f.Name, f.Data)
		if err != nil {
			return nil, nil, err
		}
		out, origins[g.Name] = append(out, g), f.Origin
	}
	if len(out) == 0 {
		old, err := fs.Glob(os.DirFS(z.store.Dir()), bundle.GoldensDir+model+".*")
		if err == nil && len(old) > 0 {
			z.notice(fmt.Sprintf("%s: %s is not used: an earlier version did not note which bundle it came in: load that again", model, old[0]))
		}
	}
	return out, origins, nil
}
