package zoo

import (
	"context"
	"crypto/ed25519"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// apache is the text of the licence of zoo itself, and of most checkpoints.
//
//go:embed LICENSE
var apache []byte

// CreateBundle writes a bundle of models: their published files, fetched where
// need be, the lock file that pins them, their embedded goldens and those in
// goldenFiles, and their licences. A signed lock file is taken along with its
// signature. What was written before an error is no bundle.
func (z *Zoo) CreateBundle(ctx context.Context, w io.Writer, names, goldenFiles []string) error {
	c := bundle.Contents{Blobs: make(map[string]store.Blob), Files: make(map[string][]byte)}
	for _, name := range names {
		entry, err := z.lookup(name)
		if err != nil {
			return err
		}
		if c.Blobs[name], err = z.fetch(ctx, entry); err != nil {
			return err
		}
		goldens, err := golden.Files(name)
		if err != nil {
			return err
		}
		for file, data := range goldens {
			c.Files[bundle.GoldensDir+file] = data
		}
		c.Files[bundle.LicencesDir+name+".txt"] = licenceText(entry)
	}
	for _, file := range goldenFiles {
		data, err := os.ReadFile(file)
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
		// The name says the model, as those of embedded goldens do.
		c.Files[bundle.GoldensDir+g.Model+"."+filepath.Base(file)] = data
	}
	if z.config.Lock != "" {
		signature, err := os.ReadFile(lock.SignaturePath(z.config.Lock))
		if err == nil {
			c.Signature = signature
			c.Lock, err = os.ReadFile(z.config.Lock)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("zoo: bundle: %w", err)
		}
	}
	return bundle.Create(ctx, w, c)
}

// WriteBundle is CreateBundle to a file, which appears only once it is complete.
func (z *Zoo) WriteBundle(ctx context.Context, path string, names, goldenFiles []string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		return z.CreateBundle(ctx, w, names, goldenFiles)
	})
}

// licenceText returns the text of an entry's licence, or where to find it.
func licenceText(entry *registry.Entry) []byte {
	w := &entry.Weights
	head := fmt.Sprintf("%s\nlicence: %s\nfrom: %s\n", entry.Name, w.Licence, w.URL)
	if w.ConvertedFrom != "" {
		head += "converted from: " + w.ConvertedFrom + "\n"
	}
	if w.Licence == "Apache-2.0" {
		return append([]byte(head+"\n"), apache...)
	}
	return []byte(head + "\nThe text of the licence is with whom the file is from.\n")
}

// LoadBundle puts the models of a bundle into the cache, after the checks that a
// download goes through: digests, entries, lock files and, where LockKey is
// configured, the signature of the bundle's lock file. Nothing is written of a
// bundle that contradicts them. The errors are *bundle.Error, and those of
// store.Store.Fetch.
func (z *Zoo) LoadBundle(ctx context.Context, r io.Reader) (*bundle.Loaded, error) {
	loaded, err := bundle.Load(ctx, r, z.store, bundle.LoadOptions{Check: z.checkBundled})
	if err != nil {
		return nil, err
	}
	for _, m := range loaded.Models {
		if z.lockKey != nil {
			break // a signed lock file learns nothing
		}
		// The file is in the cache: a lock file of the project learns its digest where that is due.
		if entry, err := z.registry.Lookup(m.Name); err == nil {
			o := z.fetchOptions(m.Name)
			o.Offline = true
			if _, err := z.store.Fetch(ctx, entry, o); err != nil {
				return nil, err
			}
		}
	}
	return loaded, nil
}

// checkBundled returns an error for a model that may not be loaded. A model that
// the registry does not know is pinned by the bundle alone.
func (z *Zoo) checkBundled(m bundle.Model, lockText, signature []byte) error {
	if z.lockKey != nil {
		if err := verifyBundled(z.lockKey, lockText, signature); err != nil {
			return err
		}
	}
	entry, err := z.registry.Lookup(m.Name)
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

func verifyBundled(key ed25519.PublicKey, lockText, signature []byte) error {
	const name = lock.FileName + " in the bundle"
	if signature == nil {
		return &lock.SignatureError{Path: name, Reason: "it has no signature"}
	}
	return lock.Verify(key, name, lockText, signature)
}

// cachedGoldens returns the goldens of a model that came in bundles.
func (z *Zoo) cachedGoldens(model string) ([]*golden.Golden, error) {
	dir := filepath.Join(z.store.Dir(), filepath.FromSlash(bundle.GoldensDir))
	entries, err := os.ReadDir(dir) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("zoo: %w", err)
	}
	var out []*golden.Golden
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), model+".") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("zoo: %w", err)
		}
		g, err := golden.Parse(e.Name(), data)
		if err != nil {
			return nil, err
		}
		if g.Model == model { // a name may go on after a point
			out = append(out, g)
		}
	}
	return out, nil
}

// Push fetches a model's file where need be and pushes it to an OCI registry,
// under the tag of an "oci://" address. It returns the address that names it by
// digest.
func (z *Zoo) Push(ctx context.Context, name, address string) (string, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return "", err
	}
	if a, err := registry.ParseAddress(address); err != nil || a.Kind != registry.AddressOCI {
		return "", option.Errorf("Address", "zoo: push %s: expected oci://HOST/REPOSITORY:TAG, found %q", name, address)
	}
	if z.config.Offline {
		return "", &store.FetchError{Name: name, URL: address, Err: errors.New("offline"), Left: "nothing was sent"}
	}
	blob, err := z.fetch(ctx, entry)
	if err != nil {
		return "", err
	}
	title, _, _ := strings.Cut(path.Base(entry.Weights.URL), "?")
	if a, err := registry.ParseAddress(entry.Weights.URL); err != nil || a.Kind == registry.AddressNone || a.Kind == registry.AddressOCI {
		title = name + "-" + blob.Digest.Short() + ".pth"
	} else if a.File != "" {
		title = path.Base(a.File)
	}
	annotations := map[string]string{"org.opencontainers.image.licenses": entry.Weights.Licence, "org.opencontainers.image.title": name}
	if strings.HasPrefix(entry.Weights.URL, "http") {
		annotations["org.opencontainers.image.source"] = entry.Weights.URL
	}
	return z.store.Push(ctx, address, blob, title, annotations)
}
