package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/disk"
	"github.com/gozoo/zoo/internal/transfer"
)

// A note says when the bytes of a blob were read and had the digest that is its name, and in
// what state the file was. Who vouches for the digest of a file in another state reads it.
type note struct {
	disk.State
	Read time.Time `json:"read"`
}

const checkedDir = "checked"

func (s *Store) notePath(d digest.Digest) string { return filepath.Join(s.dir, checkedDir, d.String()) }

// A RotError says that a file in the store no longer has the bytes that it was kept with.
type RotError struct {
	Name    string // that it stands for
	Path    string
	Want    digest.Digest // that it was kept with
	Got     digest.Digest
	Removed bool // false: the folder cannot be written to
}

func (e *RotError) Error() string {
	next := "it was removed: run again to fetch it anew"
	if !e.Removed {
		next = "it cannot be removed by this user: have it removed, or choose another folder with --cache-dir"
	}
	return fmt.Sprintf("store: %s: %s was changed in the cache: expected sha256 %s, found %s; %s", e.Name, e.Path, e.Want, e.Got, next)
}

// Is reports whether target is digest.ErrMismatch.
func (e *RotError) Is(target error) bool { return target == digest.ErrMismatch }

// read returns when the bytes of a blob were last read, if nobody can have written to it
// since; otherwise the zero time.
func (s *Store) read(b Blob) time.Time {
	data, err := s.fs.ReadFile(s.notePath(b.Digest))
	if err != nil {
		return time.Time{}
	}
	var n note
	now, err := s.fs.State(b.Path)
	if err != nil || json.Unmarshal(data, &n) != nil || n.State != now {
		return time.Time{}
	}
	return n.Read.UTC()
}

// noted writes down that the bytes of a blob were read while it was in a state, and returns
// when. A note that cannot be written, or is lost, costs another reading.
func (s *Store) noted(d digest.Digest, state disk.State) time.Time {
	n := note{state, readNow()}
	if data, err := json.Marshal(n); err == nil && s.mkdir(filepath.Join(s.dir, checkedDir)) == nil {
		path := s.notePath(d)
		if s.fs.WriteFile(path, append(data, '\n')) != nil && s.fs.Remove(path) == nil { // another user's
			_ = s.fs.WriteFile(path, append(data, '\n'))
		}
	}
	return n.Read
}

// tick is longer than a file system's clock stands still: a file that was written to within
// it may be written to again and have the same times.
const tick = 50 * time.Millisecond

// intact returns the blob of a name after its bytes were read, now or since they last could
// have changed. The error is a *RotError when they are others than they were; then the file
// is removed.
func (s *Store) intact(ctx context.Context, name string, b Blob) (Blob, error) {
	if b.Read = s.read(b); !b.Read.IsZero() {
		return b, nil
	}
	before, err := s.fs.State(b.Path)
	if err != nil {
		return b, fmt.Errorf("store: %s: %w", name, err)
	}
	got, _, err := s.hashFile(ctx, b.Path)
	if err != nil {
		return b, err
	}
	if got != b.Digest {
		return b, &RotError{Name: name, Path: b.Path, Want: b.Digest, Got: got, Removed: s.discard(ctx, b, before)}
	}
	b.Read = s.readIn(b, before)
	return b, nil
}

// readIn notes that a blob was just read, which was in a state before, and returns when.
func (s *Store) readIn(b Blob, before disk.State) time.Time {
	after, err := s.fs.State(b.Path)
	if err == nil && after == before && time.Since(time.Unix(0, after.Changed)).Abs() > tick {
		return s.noted(b.Digest, after)
	}
	return readNow()
}

// readNow is Blob.Read of bytes that were just read.
func readNow() time.Time { return time.Now().UTC().Truncate(time.Second) }

// discard removes a blob that is still in a state, and reports whether it is gone.
func (s *Store) discard(ctx context.Context, b Blob, state disk.State) bool {
	unlock, err := s.lock(ctx, lockOfBlobs)
	if err != nil {
		return false
	}
	defer unlock()
	if now, err := s.fs.State(b.Path); err != nil || now != state {
		return true // another process was quicker
	}
	s.letGo(b.Path)
	s.fs.Remove(s.notePath(b.Digest))
	return s.fs.Remove(b.Path) == nil
}

// hashFile returns the sha256 of a file and how many bytes it has.
func (s *Store) hashFile(ctx context.Context, path string) (digest.Digest, int64, error) {
	f, err := s.fs.Open(path)
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
