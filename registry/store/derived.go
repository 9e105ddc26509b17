package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
)

// Derived returns the file that was made from blobs under a key. When it is not there
// yet, write makes it at the path that it is given; it appears once write has returned
// nil. The context ends the waiting for another process that makes it. The key must change with everything that decides the
// content; one that begins with a blob's digest goes when that blob goes. In a
// folder that cannot be written to the error is ErrReadOnly.
func (s *Store) Derived(ctx context.Context, key string, write func(path string) error) (Blob, error) {
	if key == "" || key[0] == '.' || filepath.Base(key) != key {
		return Blob{}, fmt.Errorf("store: derived file: %q is not a file name", key)
	}
	if blob, ok := s.derived(key); ok {
		return blob, nil
	}
	unlock, err := s.lock(ctx, derivedLock(key))
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	if blob, ok := s.derived(key); ok { // made while this call waited
		return blob, nil
	}
	tmp, err := s.temp(derivedLock(key))
	if err != nil {
		return Blob{}, err
	}
	defer os.Remove(tmp.Name()) // no longer there once it is kept
	if err := tmp.Close(); err != nil {
		return Blob{}, fmt.Errorf("store: %w", err)
	}
	if err := write(tmp.Name()); err != nil {
		return Blob{}, err
	}
	digest, size, err := hashFile(ctx, tmp.Name())
	if err != nil {
		return Blob{}, err
	}
	return s.keep(ctx, tmp.Name(), derivedDir, key, ref{SHA256: digest, Size: size})
}

func derivedLock(key string) string { return "derived-" + key }

func (s *Store) derived(key string) (blob Blob, ok bool) {
	r, err := s.readRef(derivedDir, key)
	if err != nil {
		return Blob{}, false // it can be made again
	}
	blob, ok = s.blob(r)
	if ok {
		s.touch(derivedDir, key)
	}
	return blob, ok
}

// hashFile returns the sha256 of a file and how many bytes it has.
func hashFile(ctx context.Context, path string) (digest.Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return digest.Digest{}, 0, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, transfer.ContextReader(ctx, f), make([]byte, 256<<10))
	if err != nil {
		if errors.Is(err, ctx.Err()) {
			return digest.Digest{}, 0, context.Cause(ctx)
		}
		return digest.Digest{}, 0, fmt.Errorf("store: %w", err)
	}
	return digest.Of([sha256.Size]byte(h.Sum(nil))), n, nil
}
