package zoo

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/bundle"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// A Source is a published checkpoint in the cache.
type Source struct {
	Model     string        `json:"model"`
	Path      string        `json:"path"` // of the file in the cache
	Size      int64         `json:"size"` // bytes
	Digest    digest.Digest `json:"sha256"`
	CheckedBy store.Check   `json:"checked_by"`    // what the bytes were checked against
	Read      time.Time     `json:"read"`          // when they were last read for that; zero: they may have changed since
	Origin    lock.Origin   `json:"origin"`        // how they came
	Row       string        `json:"row,omitempty"` // the bundle that brought the row of the model; empty: none did
}

func source(model string, b store.Blob) *Source {
	return &Source{Model: model, Path: b.Path, Size: b.Size, Digest: b.Digest, CheckedBy: b.CheckedBy, Read: b.Read, Origin: b.Origin}
}

// Download returns the named model's published file, from the cache or else from
// its address. The errors are those of store.Store.Fetch.
func (z *Zoo) Download(ctx context.Context, name string) (*Source, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	blob, err := z.fetch(ctx, entry)
	if err != nil {
		return nil, err
	}
	return source(entry.Name, blob), nil
}

// DownloadTo is Download, and copies the file to a path, which appears only once it
// is complete. The bytes copied are checked again.
func (z *Zoo) DownloadTo(ctx context.Context, name, file string) (*Source, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	var out *Source
	err = z.withSource(ctx, entry, z.fetchOptions(entry.Name), func(blob store.Blob) error {
		out = source(entry.Name, blob)
		out.Path = file
		return z.store.Copy(ctx, blob.Digest, file)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fetch returns an entry's published file.
func (z *Zoo) fetch(ctx context.Context, entry *registry.Entry) (store.Blob, error) {
	return z.fetchAs(ctx, entry, z.fetchOptions(entry.Name))
}

// fetchAs is fetch with other options, which may allow a stand-in.
func (z *Zoo) fetchAs(ctx context.Context, entry *registry.Entry, o store.Options) (store.Blob, error) {
	z.trace("fetch " + entry.Name)
	return z.store.Fetch(ctx, entry, o)
}

// withSource calls use with an entry's file. The store keeps other processes from
// removing what is in use; where a file of the cache goes all the same, because its file
// system has no locks, all is done again.
func (z *Zoo) withSource(ctx context.Context, entry *registry.Entry, o store.Options, use func(src store.Blob) error) error {
	for tries := 5; ; tries-- {
		src, err := z.fetchAs(ctx, entry, o)
		if err == nil {
			err = use(src)
		}
		var gone *fs.PathError
		if tries == 1 || !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &gone) ||
			!strings.HasPrefix(gone.Path, z.store.Dir()+string(filepath.Separator)) {
			return err
		}
	}
}

// fetchOptions returns where files may come from, and what is trusted.
func (z *Zoo) fetchOptions(name string) store.Options {
	return store.Options{
		Offline:  z.config.Offline,
		Mirror:   z.config.Mirror,
		Embedded: golden.Nano(),

		Hub:              z.config.Hub,
		TorchCheckpoints: z.config.TorchCheckpoints,
		Lock:             z.config.Lock,
		LockKey:          z.lockKey,
		Limit:            fileLimit,

		Notice: z.notice,
		Progress: func(done, total int64) {
			z.progress(Progress{Task: "download", Name: name, Done: done, Total: total})
		},
	}
}

// fileLimit returns how many bytes an entry's file may have where nobody states its size: its
// network's tensors twice over in float32, and 64 MB for what else a checkpoint carries. It is
// 0 where there is no such network.
func fileLimit(entry *registry.Entry) int64 {
	const rest = 64 << 20
	g, err := graph(entry, nn.AsTrained, entry.Classes)
	if err != nil {
		return 0
	}
	var n int64
	for _, p := range g.Params {
		size, err := p.Shape.Numel()
		if err != nil {
			return 0
		}
		n += int64(size)
	}
	return 8*n + rest
}

// Import puts a file into the cache as the named model's published file, after
// the checks that a download goes through.
func (z *Zoo) Import(ctx context.Context, name, path string) (*Source, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	blob, err := z.store.Import(ctx, entry, path, z.fetchOptions(entry.Name))
	if err != nil {
		return nil, err
	}
	return source(entry.Name, blob), nil
}

// Store returns the cache, for those who look after it.
func (z *Zoo) Store() *store.Store { return z.store }

// Cached returns the published files in the cache, sorted by model. CheckedBy is what each was
// checked against when it came, by what the registry stated.
func (z *Zoo) Cached() ([]*Source, error) {
	refs, err := z.store.List()
	if err != nil {
		return nil, err
	}
	var out []*Source
	for _, r := range refs {
		s := source(r.Name, r.Blob)
		if origin, ok := z.RowOrigin(r.Name); ok {
			s.Row = origin.String()
		}
		out = append(out, s)
	}
	return out, nil
}

// InCache returns the names of the models of which something is in the cache: their files, or what bundles
// brought of them; sorted.
func (z *Zoo) InCache() ([]string, error) {
	refs, err := z.store.List()
	if err != nil {
		return nil, err
	}
	names, err := bundle.Names(z.store.Dir())
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Uncache removes from the cache what is there of models: their published files, what was made of them, and
// the goldens, licences and rows that bundles brought. Files that another model shares stay, and digests that
// were learnt stay known. A name of which nothing is there is no error. With dry nothing is removed, and what would
// be is returned. What became of each name is in the order of the names.
func (z *Zoo) Uncache(ctx context.Context, names []string, dry bool) ([]store.Cleared, error) {
	out, err := z.store.Remove(ctx, names, dry)
	for i := range out {
		if c := &out[i]; c.Err == nil {
			var beside []store.Removed
			beside, c.Err = bundle.Remove(z.store.Dir(), c.Name, dry)
			c.Removed = append(c.Removed, beside...)
		}
	}
	return out, err
}

// converted returns the entry's converted file, which is made of the published one at
// first use: renamed by the entry's recipe, bound to its network.
func (z *Zoo) converted(ctx context.Context, entry *registry.Entry, src store.Blob) (store.Blob, error) {
	return z.store.Derived(ctx, convertedKey(entry, src), func(tmp string) error {
		checkpoint, err := z.openSource(ctx, entry, src)
		if err != nil {
			return err
		}
		defer checkpoint.Close()
		job, err := plan(checkpoint, src.Digest, entry, ConvertOptions{Recipe: entry.Weights.Recipe})
		if err != nil {
			return err
		}
		return job.write(ctx, tmp)
	})
}

// openSource opens an entry's cached file under the name that it was published
// with; the cache calls it by its digest. Of a stand-in it opens the bytes that the program has.
func (z *Zoo) openSource(ctx context.Context, entry *registry.Entry, src store.Blob) (*converter.Checkpoint, error) {
	if src.StandIn {
		return z.openStandIn(entry.Name, src.CheckedBy)
	}
	a, err := registry.ParseAddress(entry.Weights.URL)
	name := a.FileName()
	if err != nil || name == "" {
		name = registry.FileName(entry.Name) + "-" + src.Digest.Short()
	}
	c, err := converter.OpenAs(src.Path, name)
	if err != nil {
		return nil, err
	}
	if s := z.store.KeptSnapshot(ctx, a); s != nil {
		c.Beside(s.Config)
	}
	return c, nil
}

// convertedKey names an entry's converted file in the cache, by all that decides
// its content. It begins with the digest of the published file, with which it goes.
func convertedKey(entry *registry.Entry, src store.Blob) string {
	var row converter.Provenance
	describe(&row, entry, true)
	facts := slices.Concat(entry.ClassNames, []string{row.Preprocessing, row.Published, row.Labels})
	sum := digest.Of(sha256.Sum256([]byte(strings.Join(facts, "\n"))))
	return fmt.Sprintf("%s-%s-%s%s-%d-%s", src.Digest, entry.Name, entry.Arch, entry.Weights.Recipe, convertedVersion, sum.Short())
}

// convertedVersion changes when the same source would be converted to other
// bytes, so that older converted files in a cache are not used.
const convertedVersion = 4

// Images returns the labelled images that are embedded for the named model's classes, to
// be evaluated on; nil where there are none.
func (z *Zoo) Images(name string) (fs.FS, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	return embeddedImages(entry)
}

// embeddedImages returns the labelled images that are embedded for an entry's
// classes, or nil.
func embeddedImages(entry *registry.Entry) (fs.FS, error) {
	if entry.Labels == "" {
		return nil, nil
	}
	data, err := fs.ReadFile(golden.Nano(), string(entry.Labels)+"-val.zip")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("zoo: embedded images: %w", err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zoo: embedded images: %w", err)
	}
	return z, nil
}
