package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
)

// PruneOptions says what Prune removes beside leftovers.
type PruneOptions struct {
	// Keep is how many bytes of files may stay, those used last; below 0: all.
	Keep int64
	// DryRun removes nothing.
	DryRun bool
}

// Removed is a file that Prune removed, or would.
type Removed struct {
	Path   string
	Size   int64 // bytes
	Reason string
}

// Prune removes what interrupted work left behind: downloads that nobody is at,
// temporary files, blobs that no name stands for, names without a blob, files
// derived from what is gone; and then the files that were used longest ago until
// the rest fits. Work that is under way in other processes is left alone. What was
// learnt stays in the lock file.
func (s *Store) Prune(ctx context.Context, o PruneOptions) ([]Removed, error) {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := s.lock(ctx, lockOfBlobs)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p := &pruner{store: s, dry: o.DryRun}
	for _, step := range []func() error{p.temporaries, p.lostRefs, func() error { return p.quota(o.Keep) }} {
		if err := step(); err != nil {
			return p.removed, err
		}
	}
	return p.removed, p.err
}

// pruner removes files. Its user holds lockOfBlobs.
type pruner struct {
	store   *Store
	dry     bool
	removed []Removed
	err     error // of the first file that could not be removed
}

func (p *pruner) remove(path, reason string) {
	st, err := os.Lstat(path)
	if err != nil {
		return // it went by itself
	}
	if !p.dry {
		if err := os.Remove(path); err != nil {
			if p.err == nil && !errors.Is(err, fs.ErrNotExist) {
				p.err = p.store.writeError(err)
			}
			return
		}
	}
	p.removed = append(p.removed, Removed{path, st.Size(), reason})
}

// temporaries removes files that only work under way has a use for.
func (p *pruner) temporaries() error {
	s := p.store
	entries, err := readDir(filepath.Join(s.dir, "partial"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, reason := owner(e.Name())
		unlock, ok, err := s.tryLock(name)
		if err != nil {
			return err
		}
		if ok {
			p.remove(filepath.Join(s.dir, "partial", e.Name()), reason)
			unlock()
		}
	}
	// Those who write the files below hold lockOfBlobs meanwhile, all but the
	// writers of the lock file.
	dirs := []string{refsDir, derivedDir, filepath.Join("blobs", "sha256")}
	if unlock, ok, err := s.tryLock(lockOfLock); err != nil {
		return err
	} else if ok {
		defer unlock()
		dirs = append(dirs, ".")
	}
	for _, dir := range dirs {
		entries, err := readDir(filepath.Join(s.dir, dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".tmp") {
				p.remove(filepath.Join(s.dir, dir, e.Name()), "left by interrupted work")
			}
		}
	}
	return nil
}

// owner returns whose lock guards a file in partial, and why it may go.
func owner(file string) (name, reason string) {
	name = file
	for _, suffix := range []string{transfer.JournalPath(partSuffix), partSuffix} {
		if before, ok := strings.CutSuffix(name, suffix); ok {
			return before, "interrupted download"
		}
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return name, "left by interrupted work"
}

func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	return slices.DeleteFunc(entries, fs.DirEntry.IsDir), nil
}

// lostRefs removes refs whose blobs are not there.
func (p *pruner) lostRefs() error {
	for _, dir := range []string{refsDir, derivedDir} {
		_, lost, err := p.store.refs(dir)
		if err != nil {
			return err
		}
		for _, name := range lost {
			p.remove(filepath.Join(p.store.dir, dir, name), "its file is gone")
		}
	}
	return nil
}

// quota removes refs until the files of the others have at most keep bytes, and
// then every blob that no ref needs.
func (p *pruner) quota(keep int64) error {
	refs, err := p.store.List()
	if err != nil {
		return err
	}
	derived, err := p.store.ListDerived()
	if err != nil {
		return err
	}
	refs = append(refs, derived...)
	if keep >= 0 {
		refs = p.fit(refs, keep)
	}
	published := make(map[digest.Digest]bool)
	for _, r := range refs {
		published[r.Blob.Digest] = published[r.Blob.Digest] || !r.Derived
	}
	needed := make(map[string]bool)
	for _, r := range refs {
		if r.Derived && len(r.Name) >= 64 {
			if from, err := digest.Parse(r.Name[:64]); err == nil && !published[from] {
				p.removeRef(r, "derived from a file that is gone")
				continue
			}
		}
		needed[r.Blob.Path] = true
	}
	blobs, err := p.store.blobs()
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if !needed[b.path] {
			p.remove(b.path, "no name stands for it")
		}
	}
	return nil
}

// fit removes the refs that were used longest ago until the blobs of the rest fit,
// and returns the rest. Of two used in the same minute, what can be made again
// goes first.
func (p *pruner) fit(refs []Ref, keep int64) []Ref {
	slices.SortStableFunc(refs, func(x, y Ref) int {
		if c := y.Used.Truncate(time.Minute).Compare(x.Used.Truncate(time.Minute)); c != 0 {
			return c
		}
		if x.Derived != y.Derived {
			if x.Derived {
				return 1
			}
			return -1
		}
		return strings.Compare(x.Name, y.Name)
	})
	var kept []Ref
	counted := make(map[digest.Digest]bool)
	var total int64
	full := false
	for _, r := range refs {
		size := r.Blob.Size
		if counted[r.Blob.Digest] {
			size = 0
		}
		if full = full || size > keep-total; full {
			p.removeRef(r, "used longest ago")
			continue
		}
		counted[r.Blob.Digest] = true
		total += size
		kept = append(kept, r)
	}
	return kept
}

func (p *pruner) removeRef(r Ref, reason string) {
	dir := refsDir
	if r.Derived {
		dir = derivedDir
	}
	p.remove(filepath.Join(p.store.dir, dir, r.Name), reason)
}
