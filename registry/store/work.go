package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// A work folder holds the temporary files of one piece of work. Its lock is held until the
// work is done: that tells it from what a process that was killed left behind.
type work struct {
	store *Store
	dir   string
	lock  *heldLock
}

const (
	partialDir = "partial"
	workPrefix = "work-"
	workLock   = "lock"
)

// work makes a folder for temporary files.
func (s *Store) work() (*work, error) {
	base := filepath.Join(s.dir, partialDir)
	for range 100 { // a process that prunes may have taken a folder before its lock was
		dir := filepath.Join(base, fmt.Sprintf("%s%016x", workPrefix, rand.Uint64()))
		if err := s.mkdir(dir); err != nil {
			return nil, err
		}
		lock, err := s.fs.TryLock(filepath.Join(dir, workLock), alone, true)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.removeWork(dir)
			return nil, s.writeError(err)
		}
		if lock != nil {
			return &work{s, dir, lock}, nil
		}
	}
	return nil, fmt.Errorf("store: %s: folders that are made there go at once: look for what removes them", base)
}

// create makes an empty file.
func (w *work) create() (*os.File, error) {
	f, err := w.store.fs.Create(filepath.Join(w.dir, "file"))
	if err != nil {
		return nil, w.store.writeError(err)
	}
	return f, nil
}

// done removes the folder.
func (w *work) done() {
	w.store.removeWork(w.dir)
	w.lock.release()
}

// removeWork removes a work folder whose lock is held: the lock's file last.
func (s *Store) removeWork(dir string) {
	entries, _ := s.fs.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != workLock {
			s.fs.Remove(filepath.Join(dir, e.Name()))
		}
	}
	s.fs.Remove(filepath.Join(dir, workLock))
	s.fs.Remove(dir)
}

// isWork reports whether an entry of partial is a work folder.
func isWork(e fs.DirEntry) bool { return e.IsDir() && strings.HasPrefix(e.Name(), workPrefix) }
