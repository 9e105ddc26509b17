package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/transfer"
)

// Path returns where the blob of a full digest is kept, or would be.
func (s *Store) Path(digest digest.Digest) string { return s.blobPath(digest) }

// Copy writes the blob of a full digest to a path outside the store, which appears
// only once it is complete. The bytes are checked while they are copied; the error is
// a *MismatchError when they have changed in the store.
func (s *Store) Copy(ctx context.Context, digest digest.Digest, path string) error {
	if from, err := s.fs.Stat(s.blobPath(digest)); err == nil {
		if to, err := os.Stat(path); err == nil && os.SameFile(from, to) {
			return fmt.Errorf("store: copy to %s: it is the file in the store", path)
		}
	}
	err := atomicfile.WriteContext(ctx, path, func(w io.Writer) error { return s.CopyTo(ctx, digest, w) })
	if err != nil && !errors.As(err, new(*MismatchError)) {
		return fmt.Errorf("store: copy to %s: %w", path, err)
	}
	return err
}

// CopyTo is Copy to a stream. What was written before an error is not the file.
func (s *Store) CopyTo(ctx context.Context, digest digest.Digest, w io.Writer) error {
	f, err := s.fs.Open(s.blobPath(digest))
	if err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	defer f.Close()
	from, err := f.Stat()
	if err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	v := transfer.NewVerifier(transfer.Want{Name: digest.Short(), Digest: digest, Limit: from.Size()})
	if _, err := io.Copy(io.MultiWriter(w, v), transfer.ContextReader(ctx, f)); err != nil {
		return err
	}
	_, err = v.Check()
	return err
}
