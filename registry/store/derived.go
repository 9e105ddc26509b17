package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Derived returns the file that was made from blobs under a key. When it is not there
// yet, write makes it at the path that it is given; it appears once write has returned
// nil. The context ends the waiting for another process that makes it. The key must change with everything that decides the
// content; one that begins with a blob's digest goes when that blob goes. In a
// folder that cannot be written to the error is ErrReadOnly. A file whose bytes were changed
// is made again.
func (s *Store) Derived(ctx context.Context, key string, write func(path string) error) (Blob, error) {
	if file := fileName(key); key == "" || key[0] == '.' || filepath.Base(file) != file || strings.ContainsAny(key, "!@") {
		return Blob{}, fmt.Errorf("store: derived file: %q is not a file name", key)
	}
	if blob, ok, err := s.derived(ctx, key); ok || err != nil {
		return blob, err
	}
	unlock, err := s.lock(ctx, derivedLock(key))
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	if blob, ok, err := s.derived(ctx, key); ok || err != nil { // made while this call waited
		return blob, err
	}
	w, err := s.work()
	if err != nil {
		return Blob{}, err
	}
	defer w.done()
	tmp, err := w.create()
	if err != nil {
		return Blob{}, err
	}
	if err := tmp.Close(); err != nil {
		return Blob{}, fmt.Errorf("store: %w", err)
	}
	if err := write(tmp.Name()); err != nil {
		return Blob{}, err
	}
	digest, size, err := s.hashFile(ctx, tmp.Name())
	if err != nil {
		return Blob{}, err
	}
	return s.keep(ctx, tmp.Name(), derivedDir, key, ref{SHA256: digest, Size: size})
}

func derivedLock(key string) string { return "derived-" + key }

// derived returns the file of a key if it is there with the bytes that it was made with.
func (s *Store) derived(ctx context.Context, key string) (blob Blob, ok bool, err error) {
	r, err := s.readRef(derivedDir, key)
	if err != nil {
		return Blob{}, false, nil // it can be made again
	}
	if blob, ok = s.blob(r); !ok || !s.hold(blob.Path) {
		return Blob{}, false, nil
	}
	var rot *RotError
	if blob, err = s.intact(ctx, key, blob); errors.As(err, &rot) && rot.Removed {
		if s.Notice != nil {
			s.Notice(fmt.Sprintf("%s was changed in the cache: it was removed and is made again", rot.Path))
		}
		return Blob{}, false, nil
	}
	if err != nil {
		return Blob{}, false, err
	}
	s.touch(derivedDir, key)
	return blob, true, nil
}
