package bundle

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// LoadOptions says what a bundle may hold.
type LoadOptions struct {
	// Check is called for each model before anything is written; an error refuses
	// the bundle. It has the bundle's lock file and signature, which may be nil.
	Check func(model Model, lockText, signature []byte) error
}

// Loaded is what came out of a bundle.
type Loaded struct {
	Models []Model  // in the store now, sorted by name
	Files  []string // goldens and licence texts, as paths in the store's folder
}

// Load puts what a bundle holds into a store: checkpoints as blobs with their
// names, goldens and licence texts below goldens and licences in the store's
// folder. Every digest is checked, and nothing of the bundle is written before the
// whole manifest and the lock file have been read. The error is an *Error when r is no
// bundle, a *store.MismatchError when a checkpoint is not the one that the manifest names, or
// what LoadOptions.Check returned.
func Load(ctx context.Context, r io.Reader, s *store.Store, o LoadOptions) (*Loaded, error) {
	l := &loader{t: tar.NewReader(transfer.ContextReader(ctx, r))}
	data, err := l.read(file{path: manifestPath, size: -1})
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, f := range m.files {
		if files[f.path], err = l.read(f); err != nil {
			return nil, err
		}
	}
	if files[lock.FileName] == nil {
		return nil, &Error{manifestPath, "it lists no " + lock.FileName, nil}
	}
	if err := covers(files[lock.FileName], m.models); err != nil {
		return nil, err
	}
	if o.Check != nil {
		for _, model := range m.models {
			if err := o.Check(model, files[lock.FileName], files[signaturePath]); err != nil {
				return nil, err
			}
		}
	}
	for _, b := range m.blobs() {
		if err := l.blob(ctx, b, m.models, s); err != nil {
			return nil, err
		}
	}
	if h, err := l.t.Next(); err == nil {
		return nil, &Error{h.Name, "the manifest does not list it", nil}
	} else if err != io.EOF {
		return nil, &Error{"", "expected its end", err}
	}
	out := &Loaded{Models: m.models}
	for _, f := range m.files {
		if !strings.Contains(f.path, "/") {
			continue
		}
		path := filepath.Join(s.Dir(), filepath.FromSlash(f.path))
		if err := writeFile(path, files[f.path]); err != nil {
			return nil, fmt.Errorf("bundle: %s: %w", f.path, err)
		}
		out.Files = append(out.Files, path)
	}
	return out, nil
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// loader reads the members of a bundle one after the other.
type loader struct {
	t *tar.Reader
}

// next moves to the next member, which has to be a file of that path and size; a
// size of -1 is not known.
func (l *loader) next(f file) (*tar.Header, error) {
	h, err := l.t.Next()
	switch {
	case err != nil:
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, &Error{f.path, "expected as the next file", err}
	case h.Name != f.path || h.Typeflag != tar.TypeReg:
		return nil, &Error{h.Name, fmt.Sprintf("expected the file %s here", f.path), nil}
	case f.size >= 0 && h.Size != f.size:
		return nil, &Error{f.path, fmt.Sprintf("expected %d bytes, found %d", f.size, h.Size), nil}
	}
	return h, nil
}

// read returns a small member; its digest is checked where it is known.
func (l *loader) read(f file) ([]byte, error) {
	h, err := l.next(f)
	if err != nil {
		return nil, err
	}
	if f.size < 0 && h.Size > maxManifest {
		return nil, &Error{f.path, fmt.Sprintf("expected at most %d bytes, found %d", maxManifest, h.Size), nil}
	}
	// Not allocated by the stated size: the file may be shorter.
	data, err := io.ReadAll(l.t)
	if err != nil {
		return nil, &Error{f.path, "cannot be read", err}
	}
	if got := digest.Of(sha256.Sum256(data)); f.size >= 0 && got != f.digest {
		return nil, &Error{f.path, fmt.Sprintf("expected sha256 %s, found %s", f.digest, got), nil}
	}
	return data, nil
}

// blob puts a checkpoint into the store under each of its names.
func (l *loader) blob(ctx context.Context, b file, models []Model, s *store.Store) error {
	if _, err := l.next(b); err != nil {
		return err
	}
	named := slices.DeleteFunc(slices.Clone(models), func(m Model) bool { return m.Pin.Digest != b.digest })
	var blob store.Blob
	for i, m := range named {
		var src io.Reader = l.t
		if i > 0 { // the bundle has it once
			f, err := os.Open(blob.Path)
			if err != nil {
				return fmt.Errorf("bundle: %w", err)
			}
			defer f.Close()
			src = f
		}
		var err error
		if blob, err = s.Put(ctx, m.Name, m.Pin, src); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return &Error{b.path, "cut short", err}
			}
			return err
		}
	}
	return nil
}
