package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Names in locks that no registry name can have. Their files stay; those of names go with
// whoever held the lock last.
const (
	lockOfLock = ".zoo.lock"
	// lockOfBlobs is shared by those who make a blob and its ref appear, and
	// held alone by those who remove blobs that nothing refers to.
	lockOfBlobs = ".blobs"
)

const lockPoll = 20 * time.Millisecond

// lock keeps other users of the folder from writing what name stands for, until
// the returned function is called.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	return s.lockAs(ctx, name, alone)
}

// lockShared is lock that others may hold at the same time.
func (s *Store) lockShared(ctx context.Context, name string) (unlock func(), err error) {
	return s.lockAs(ctx, name, shared)
}

func (s *Store) lockAs(ctx context.Context, name string, mode lockMode) (unlock func(), err error) {
	for {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("store: %s: lock: %w", name, context.Cause(ctx))
		}
		unlock, held, err := s.tryLock(name, mode)
		if held != nil || err != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockPoll):
		}
	}
}

// tryLock is lock that does not wait; held is nil when others hold it.
func (s *Store) tryLock(name string, mode lockMode) (unlock func(), held *heldLock, err error) {
	if err := s.mkdir(filepath.Join(s.dir, locksDir)); err != nil {
		return nil, nil, err
	}
	path := s.lockFile(name)
	held, err = s.fs.TryLock(path, mode, true)
	if err != nil {
		return nil, nil, s.writeError(fmt.Errorf("%s: lock: %w", name, err))
	}
	if held == nil {
		return nil, nil, nil
	}
	return func() {
		// Whoever waits for this file sees that it is gone, and makes another.
		if name[0] != '.' && held.certain() {
			s.fs.Remove(path)
		}
		held.release()
	}, held, nil
}

const locksDir = "locks"

func (s *Store) lockFile(name string) string { return filepath.Join(s.dir, locksDir, fileName(name)) }

// maxHeld is how many files a store keeps others from removing: those used last.
const maxHeld = 64

// A hold is a lock on a file that this process was handed.
type hold struct {
	path string
	lock *heldLock
}

// hold keeps other processes from removing a file of the store, to free its space, while
// this one uses it; it reports whether the file is there. Only the last files are held, and
// none where the file system has no locks: who finds a file gone asks for it again.
func (s *Store) hold(path string) bool {
	if s.holds(path) {
		return true
	}
	for range 100 { // whoever removes the file is quick
		l, err := s.fs.TryLock(path, shared, false)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false
		case err != nil: // opening it will tell
			return true
		case l != nil:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.held = append(s.held, hold{path, l})
			if len(s.held) > maxHeld {
				s.held[0].lock.release()
				s.held = s.held[1:]
			}
			return true
		}
		if _, err := s.fs.Stat(path); err != nil {
			return false
		}
		time.Sleep(lockPoll)
	}
	return true
}

// holds reports whether this process holds the file that is at path now.
func (s *Store) holds(path string) bool {
	if runtime.GOOS == "windows" { // where nobody removes a file that another has open
		_, err := s.fs.Stat(path)
		return err == nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.held, func(h hold) bool { return h.path == path })
	if i < 0 {
		return false
	}
	h := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	if !h.lock.at(path) {
		h.lock.release()
		return false
	}
	s.held = append(s.held, h) // used last
	return true
}

// Release lets other processes remove the files that this store was asked for, to free
// their space. They are held again when they are asked for again.
func (s *Store) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		h.lock.release()
	}
	s.held = nil
}

// letGo ends the hold of this process on a file.
func (s *Store) letGo(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = slices.DeleteFunc(s.held, func(h hold) bool {
		if h.path == path {
			h.lock.release()
		}
		return h.path == path
	})
}
