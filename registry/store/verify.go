package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gozoo/zoo/digest"
)

// A Fault is something in the store that is not as it should be.
type Fault struct {
	Path   string // of the file that is at fault
	Reason string
}

// A Health is what Verify found.
type Health struct {
	Files  int   // blobs that were read
	Bytes  int64 // in them
	Faults []Fault
}

// Verify reads every blob and compares its sha256 with its name, and every ref
// with its blob. Of files it changes nothing; that their bytes were read is noted. progress, when it is not nil, is told how
// many bytes of how many were read.
func (s *Store) Verify(ctx context.Context, progress func(done, total int64)) (Health, error) {
	var h Health
	blobs, err := s.blobs()
	if err != nil {
		return h, err
	}
	var total int64
	for _, b := range blobs {
		total += b.size
	}
	for _, b := range blobs {
		before, _ := s.fs.State(b.path)
		digest, size, err := s.hashFile(ctx, b.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		}
		if ctx.Err() != nil {
			return h, fmt.Errorf("store: verify: %w", context.Cause(ctx))
		}
		h.Files++
		h.Bytes += size
		switch {
		case err != nil:
			h.Faults = append(h.Faults, Fault{b.path, err.Error()})
		case digest.String() != filepath.Base(b.path):
			h.Faults = append(h.Faults, Fault{b.path, "its sha256 is " + digest.String()})
		default:
			s.readIn(Blob{Path: b.path, Digest: digest}, before)
		}
		if progress != nil {
			progress(h.Bytes, total)
		}
	}
	for _, dir := range []string{refsDir, derivedDir} {
		_, lost, err := s.refs(dir)
		if err != nil {
			return h, err
		}
		for _, name := range lost {
			h.Faults = append(h.Faults, Fault{s.refPath(dir, name), s.whyLost(dir, name)})
		}
	}
	return h, nil
}

// whyLost says what is wrong with a ref.
func (s *Store) whyLost(dir, name string) string {
	r, err := s.readRef(dir, name)
	if err != nil {
		return err.Error()
	}
	if r == nil {
		return "it went meanwhile"
	}
	st, err := s.fs.Stat(s.blobPath(r.SHA256))
	if err != nil {
		return "its blob is not there: sha256 " + r.SHA256.String()
	}
	return fmt.Sprintf("its blob has %d bytes, expected %d", st.Size(), r.Size)
}

// blobFile is a file under blobs.
type blobFile struct {
	path string
	size int64
}

// blobs returns the files under blobs whose names are digests, sorted.
func (s *Store) blobs() ([]blobFile, error) {
	dir := filepath.Join(s.dir, "blobs", "sha256")
	entries, err := s.fs.ReadDir(dir) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []blobFile
	for _, e := range entries {
		if d, err := digest.Parse(e.Name()); err != nil || !d.Full() {
			continue
		}
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			out = append(out, blobFile{filepath.Join(dir, e.Name()), st.Size()})
		}
	}
	return out, nil
}

// Mend removes the blobs that a Health found at fault, and the refs that have none
// left, so that they are fetched or made again. It returns what it removed.
func (s *Store) Mend(ctx context.Context, h Health) ([]Removed, error) {
	unlock, err := s.lock(ctx, lockOfBlobs)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p := &pruner{store: s}
	for _, f := range h.Faults {
		if filepath.Dir(f.Path) != filepath.Join(s.dir, "blobs", "sha256") {
			continue
		}
		if digest, _, err := s.hashFile(ctx, f.Path); err != nil || digest.String() != filepath.Base(f.Path) { // still
			p.store.letGo(f.Path)
			p.remove(f.Path, f.Reason)
			p.store.fs.Remove(filepath.Join(s.dir, checkedDir, filepath.Base(f.Path)))
		}
	}
	if err := p.lostRefs(); err != nil {
		return nil, err
	}
	return p.removed, p.err
}
