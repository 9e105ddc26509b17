package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// Derived returns the path of the file that was made from blobs under a key. When
// it is not there yet, write makes it at the path that it is given; it appears once
// write has returned nil. The key must change with everything that decides the
// content; one that begins with a blob's digest goes when that blob goes. In a
// folder that cannot be written to the error is ErrReadOnly.
func (s *Store) Derived(key string, write func(path string) error) (string, error) {
	if key == "" || key[0] == '.' || filepath.Base(key) != key {
		return "", fmt.Errorf("store: derived file: %q is not a file name", key)
	}
	if path, ok := s.derived(key); ok {
		return path, nil
	}
	ctx := context.Background()
	unlock, err := s.lock(ctx, derivedLock(key))
	if err != nil {
		return "", err
	}
	defer unlock()
	if path, ok := s.derived(key); ok { // made while this call waited
		return path, nil
	}
	tmp, err := s.temp(derivedLock(key))
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) // no longer there once it is kept
	if err := tmp.Close(); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if err := write(tmp.Name()); err != nil {
		return "", err
	}
	digest, size, err := hashFile(ctx, tmp.Name())
	if err != nil {
		return "", err
	}
	blob, err := s.keep(ctx, tmp.Name(), derivedDir, key, ref{SHA256: digest, Size: size})
	return blob.Path, err
}

func derivedLock(key string) string { return "derived-" + key }

func (s *Store) derived(key string) (path string, ok bool) {
	r, err := s.readRef(derivedDir, key)
	if err != nil {
		return "", false // it can be made again
	}
	blob, ok := s.blob(r)
	if ok {
		s.touch(derivedDir, key)
	}
	return blob.Path, ok
}

// hashFile returns the sha256 of a file and how many bytes it has.
func hashFile(ctx context.Context, path string) (registry.Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return registry.Digest{}, 0, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, transfer.ContextReader(ctx, f), make([]byte, 256<<10))
	if err != nil {
		if errors.Is(err, ctx.Err()) {
			return registry.Digest{}, 0, context.Cause(ctx)
		}
		return registry.Digest{}, 0, fmt.Errorf("store: %w", err)
	}
	return registry.SHA256([sha256.Size]byte(h.Sum(nil))), n, nil
}
