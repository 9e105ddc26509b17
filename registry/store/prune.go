package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
// the rest fits. Work that is under way in other processes is left alone, and so are
// files that they hold: those that a Store of theirs was last asked for. Where the file
// system has no locks, work that wrote nothing for an hour is over. What was learnt
// stays in the lock file.
func (s *Store) Prune(ctx context.Context, o PruneOptions) ([]Removed, error) {
	if _, err := s.fs.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := s.lock(ctx, lockOfBlobs)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p := &pruner{store: s, dry: o.DryRun}
	for _, step := range []func() error{p.temporaries, p.oldNames, p.lostRefs, func() error { return p.quota(o.Keep) }, p.bookkeeping} {
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
	st, err := p.store.fs.Lstat(path)
	if err != nil {
		return // it went by itself
	}
	if !p.dry {
		if err := p.store.fs.Remove(path); err != nil {
			if p.err == nil {
				p.err = p.store.writeError(err)
			}
			return
		}
	}
	p.removed = append(p.removed, Removed{path, st.Size(), reason})
}

// removeBlob removes a blob, unless another process holds it.
func (p *pruner) removeBlob(path, reason string) {
	l := p.take(path)
	if l == nil {
		return
	}
	defer l.release()
	p.removeTaken(path, reason)
}

// removeTaken removes a blob that take has locked, and what was noted of it.
func (p *pruner) removeTaken(path, reason string) {
	if p.remove(path, reason); !p.dry {
		p.store.fs.Remove(filepath.Join(p.store.dir, checkedDir, filepath.Base(path)))
	}
}

// take locks a blob that no other process holds, and returns nil for one that is held. What
// this process holds it lets go of.
func (p *pruner) take(path string) *heldLock {
	p.store.letGo(path)
	l, err := p.store.fs.TryLock(path, alone, false)
	if err != nil {
		return &heldLock{} // it went by itself, or removing it will tell
	}
	return l
}

// inUse reports whether another process holds a blob.
func (p *pruner) inUse(b Blob) bool {
	l := p.take(b.Path)
	if l != nil {
		l.release()
	}
	return l == nil
}

// temporaries removes files that only work under way has a use for.
func (p *pruner) temporaries() error {
	s := p.store
	dir := filepath.Join(s.dir, partialDir)
	entries, err := s.readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if isWork(e) {
			p.work(path)
			continue
		}
		if e.IsDir() {
			continue
		}
		name, reason := owner(e.Name())
		unlock, held, err := s.tryLock(nameOf(name), alone)
		if err != nil {
			return err
		}
		if held == nil {
			continue
		}
		if held.certain() || p.abandoned(path) {
			p.remove(path, reason)
		}
		unlock()
	}
	// Those who write the files below hold lockOfBlobs meanwhile, all but the
	// writers of the lock file.
	dirs := []string{refsDir, derivedDir, filepath.Join("blobs", "sha256")}
	if unlock, held, err := s.tryLock(lockOfLock, alone); err != nil {
		return err
	} else if held != nil {
		defer unlock()
		dirs = append(dirs, ".")
	}
	for _, dir := range dirs {
		entries, err := s.readDir(filepath.Join(s.dir, dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.IsDir() && strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), tmpSuffix) {
				p.remove(filepath.Join(s.dir, dir, e.Name()), leftover)
			}
		}
	}
	return nil
}

const leftover = "left by interrupted work"

// work removes a work folder that nobody works in.
func (p *pruner) work(dir string) {
	s := p.store
	l, err := s.fs.TryLock(filepath.Join(dir, workLock), alone, !p.dry)
	if err != nil || l == nil { // it went by itself, is another user's, or is in use
		return
	}
	defer l.release()
	entries, err := s.readDir(dir)
	if err != nil || !l.certain() && !p.abandoned(dir) {
		return
	}
	for _, e := range entries {
		if e.Name() != workLock {
			p.remove(filepath.Join(dir, e.Name()), leftover)
		}
	}
	if !p.dry {
		s.removeWork(dir)
	}
}

// abandoned reports whether nothing was written to a file, or to those in a folder, for an
// hour, by the clock of the file system.
func (p *pruner) abandoned(path string) bool {
	const idle = time.Hour
	now, err := p.store.clock()
	if err != nil {
		return false
	}
	recent := func(path string) bool {
		st, err := p.store.fs.Stat(path)
		return err == nil && now.Sub(st.ModTime()).Abs() < idle // a time to come is of a clock that was wrong
	}
	entries, _ := p.store.fs.ReadDir(path)
	return !recent(path) && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return recent(filepath.Join(path, e.Name())) })
}

// clock returns the time by the clock of the file system, which may be another machine's.
func (s *Store) clock() (time.Time, error) {
	w, err := s.work()
	if err != nil {
		return time.Time{}, err
	}
	defer w.done()
	st, err := s.fs.Stat(filepath.Join(w.dir, workLock))
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

// owner returns whose lock guards a file in partial, and why it may go.
func owner(file string) (name, reason string) {
	name = file
	for _, suffix := range []string{transfer.JournalPath(partSuffix), partSuffix} {
		if before, ok := strings.CutSuffix(name, suffix); ok {
			return before, "interrupted download"
		}
	}
	// Earlier versions wrote NAME.RANDOM, and .NAME.RANDOM.RANDOM.tmp beside it.
	cuts := 1
	if before, ok := strings.CutSuffix(name, tmpSuffix); ok {
		name, cuts = strings.TrimPrefix(before, "."), 2
	}
	for range cuts {
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			name = name[:i]
		}
	}
	return name, leftover
}

// readDir returns what is in a folder, and nothing where there is none. Files that a network
// file system keeps for those who have them open are not there.
func (s *Store) readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := s.fs.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".nfs") }), nil
}

// bookkeeping removes locks that nobody holds, and notes about files that are gone.
func (p *pruner) bookkeeping() error {
	s := p.store
	if p.dry {
		return nil
	}
	locks, err := s.readDir(filepath.Join(s.dir, locksDir))
	if err != nil {
		return err
	}
	for _, e := range locks {
		path := filepath.Join(s.dir, locksDir, e.Name())
		if e.IsDir() || e.Name() == lockOfLock || e.Name() == lockOfBlobs {
			continue
		}
		if l, err := s.fs.TryLock(path, alone, false); err == nil && l != nil {
			if l.certain() {
				s.fs.Remove(path)
			}
			l.release()
		}
	}
	notes, err := s.readDir(filepath.Join(s.dir, checkedDir))
	if err != nil {
		return err
	}
	for _, e := range notes {
		if _, err := s.fs.Stat(filepath.Join(s.dir, "blobs", "sha256", e.Name())); errors.Is(err, fs.ErrNotExist) {
			s.fs.Remove(filepath.Join(s.dir, checkedDir, e.Name()))
		}
	}
	return nil
}

// oldNames renames refs of earlier versions, which wrote capital letters as they are.
func (p *pruner) oldNames() error {
	s := p.store
	for _, dir := range []string{refsDir, derivedDir} {
		entries, err := s.readDir(filepath.Join(s.dir, dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if name := nameOf(e.Name()); fileName(name) != e.Name() && !p.dry && !e.IsDir() {
				if err := s.fs.Rename(filepath.Join(s.dir, dir, e.Name()), s.refPath(dir, name)); err != nil {
					return s.writeError(err)
				}
			}
		}
	}
	return nil
}

// lostRefs removes refs whose blobs are not there.
func (p *pruner) lostRefs() error {
	for _, dir := range []string{refsDir, derivedDir} {
		_, lost, err := p.store.refs(dir)
		if err != nil {
			return err
		}
		for _, name := range lost {
			p.remove(p.store.refPath(dir, name), "its file is gone")
		}
	}
	return nil
}
