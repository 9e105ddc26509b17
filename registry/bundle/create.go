package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// Contents is what goes into a bundle.
type Contents struct {
	// Blobs are the checkpoints, by the names of their models.
	Blobs map[string]store.Blob
	// Key signs the bundle; nil: nobody does.
	Key ed25519.PrivateKey
	// Lock is the text of the lock file, which pins every name of Blobs; nil
	// stands for one that pins these and no others.
	Lock []byte
	// LockSignature is the signature of Lock; nil: none.
	LockSignature []byte
	// Goldens are golden files by the name of their model, which is one of Blobs, and by their
	// own. Licences are texts by the name of the model, and Rows, of registry.Entry.Carried, those
	// of models that are not built into programs.
	Goldens  map[string]map[string][]byte
	Licences map[string][]byte
	Rows     map[string][]byte
}

// Create writes a bundle. Checkpoints are checked while they are written; the
// error is a *store.MismatchError when the bytes of one have changed in the store. What was
// written before an error is no bundle.
func Create(ctx context.Context, w io.Writer, c Contents) error {
	files := make(map[string][]byte)
	for model, goldens := range c.Goldens {
		for name, data := range goldens {
			files[GoldensDir+registry.FileName(model)+"/"+name] = data
		}
	}
	for model, text := range c.Licences {
		files[LicencesDir+registry.FileName(model)+licenceSuffix] = text
	}
	for model, text := range c.Rows {
		files[RowsDir+registry.FileName(model)+rowSuffix] = text
	}
	pins := &lock.File{}
	m := &manifest{}
	for _, name := range slices.Sorted(maps.Keys(c.Blobs)) {
		blob := c.Blobs[name]
		pin := lock.Pin{Digest: blob.Digest, Size: blob.Size}
		pins.Set(name, pin)
		m.models = append(m.models, Model{name, pin})
	}
	files[lock.FileName] = c.Lock
	if c.Lock == nil {
		files[lock.FileName] = pins.Bytes()
	} else if err := covers(c.Lock, m.models); err != nil {
		return err
	}
	if c.LockSignature != nil {
		files[lockSignaturePath] = c.LockSignature
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		m.files = append(m.files, file{path, sumOf(files[path]), int64(len(files[path]))})
	}
	text := m.bytes()
	if _, err := parseManifest(text); err != nil {
		return err
	}
	if len(text) > maxManifest {
		return &Error{manifestPath, fmt.Sprintf("expected at most %d bytes, found %d: make several bundles", maxManifest, len(text)), nil}
	}

	t := tar.NewWriter(w)
	if err := add(t, manifestPath, int64(len(text)), bytes.NewReader(text)); err != nil {
		return err
	}
	if c.Key != nil {
		signature := lock.Sign(c.Key, text)
		if err := add(t, signaturePath, int64(len(signature)), bytes.NewReader(signature)); err != nil {
			return err
		}
	}
	for _, f := range m.files {
		if err := add(t, f.path, f.size, bytes.NewReader(files[f.path])); err != nil {
			return err
		}
	}
	paths := make(map[digest.Digest]string)
	for _, blob := range c.Blobs {
		paths[blob.Digest] = blob.Path
	}
	for _, b := range m.blobs() {
		if err := addBlob(ctx, t, b, paths[b.digest]); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// covers returns an error unless a lock file pins every model as it is.
func covers(data []byte, models []Model) error {
	f, err := lock.Parse(lock.FileName, data)
	if err != nil {
		return err
	}
	for _, m := range models {
		if pin, ok := f.Pin(m.Name); !ok || pin != m.Pin {
			return &store.TrustError{Name: m.Name, Reason: fmt.Sprintf("%s does not pin sha256 %s", lock.FileName, m.Pin.Digest)}
		}
	}
	return nil
}

// add writes a member that is the same whoever writes it, and when.
func add(t *tar.Writer, path string, size int64, r io.Reader) error {
	err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Size: size, Mode: 0o644})
	if err == nil {
		_, err = io.Copy(t, r)
	}
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", path, err)
	}
	return nil
}

func addBlob(ctx context.Context, t *tar.Writer, b file, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer f.Close()
	v := transfer.NewVerifier(transfer.Want{Name: b.path, Digest: b.digest, Size: b.size, Limit: b.size})
	err = add(t, b.path, b.size, io.TeeReader(transfer.ContextReader(ctx, f), v))
	if ctx.Err() != nil {
		return fmt.Errorf("bundle: %w", context.Cause(ctx))
	}
	if errors.Is(err, transfer.ErrTooLong) {
		return v.TooLong()
	}
	if err != nil {
		return err
	}
	_, err = v.Check()
	return err
}
