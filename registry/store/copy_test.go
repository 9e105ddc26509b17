package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCopy(t *testing.T) {
	s := newStore(t)
	ctx := context.Background()
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, content, 0o600); err != nil {
		t.Fatal(err)
	}
	blob, err := s.Import(ctx, newEntry(t, ""), source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out.pth")
	if err := s.Copy(ctx, blob.Digest, out); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v: expected the %d of the blob", len(got), err, len(content))
	}
	if err := s.Copy(ctx, blob.Digest, blob.Path); err == nil {
		t.Error("a blob was copied onto itself")
	}

	// A blob that rots is noticed, and what was there stays.
	if err := os.Chmod(blob.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	rotten := bytes.Clone(content)
	rotten[1000] ^= 1
	if err := os.WriteFile(blob.Path, rotten, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(ctx, blob.Digest, out); !errors.As(err, new(*MismatchError)) {
		t.Errorf("a changed blob: expected a mismatch, found %v", err)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file that was there is now %d bytes, %v", len(got), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files beside the copy", len(left)-1)
	}
}
