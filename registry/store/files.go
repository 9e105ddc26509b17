package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/disk"
	"github.com/gozoo/zoo/registry"
)

// A fileSystem is what the store asks of the one that its folder lies on. Tests put some
// below it that behave as those of other machines and networks do.
type fileSystem interface {
	Open(path string) (*os.File, error)
	Create(path string) (*os.File, error) // a new file, whose permissions the umask decides
	ReadFile(path string) ([]byte, error) // a short one
	WriteFile(path string, data []byte) error
	ReadDir(path string) ([]fs.DirEntry, error) // sorted
	Stat(path string) (fs.FileInfo, error)      // links followed
	Lstat(path string) (fs.FileInfo, error)     // links as links
	State(path string) (disk.State, error)
	Mkdir(path string) error
	Rename(from, to string) error
	Remove(path string) error
	Chmod(path string, mode fs.FileMode) error
	Chtimes(path string, t time.Time) error
	Sync(path string) error
	// TryLock locks a file, which is made where create is set. It does not wait: held is nil
	// where others hold the lock.
	TryLock(path string, mode lockMode, create bool) (held *heldLock, err error)
}

type lockMode int

const (
	shared lockMode = iota
	alone
)

// A heldLock is a lock on a file.
type heldLock struct {
	file *flock.Flock // nil where the file system has no locks: then everybody gets them
}

func (l *heldLock) release() {
	if l.file != nil {
		l.file.Close()
	}
}

// certain reports whether nobody else can hold the lock.
func (l *heldLock) certain() bool { return l.file != nil }

// at reports whether the file that was locked is still the one at path.
func (l *heldLock) at(path string) bool {
	if l.file == nil {
		return true
	}
	held, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(held, there)
}

// system is the file system of this machine.
type system struct{}

func (system) Open(path string) (*os.File, error) { return os.Open(path) }
func (system) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}
func (system) ReadFile(path string) ([]byte, error)       { return bounded.ReadFile(path, bounded.Ref) }
func (system) WriteFile(path string, data []byte) error   { return os.WriteFile(path, data, 0o666) }
func (system) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (system) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }
func (system) Lstat(path string) (fs.FileInfo, error)     { return os.Lstat(path) }
func (system) State(path string) (disk.State, error)      { return disk.StateOf(path) }
func (system) Mkdir(path string) error                    { return os.Mkdir(path, 0o777) }
func (system) Rename(from, to string) error               { return os.Rename(from, to) }
func (system) Remove(path string) error                   { return os.Remove(path) }
func (system) Chmod(path string, m fs.FileMode) error     { return os.Chmod(path, m) }
func (system) Chtimes(path string, t time.Time) error     { return os.Chtimes(path, t, t) }

func (system) Sync(path string) error {
	flag := os.O_RDONLY
	if runtime.GOOS == "windows" {
		flag = os.O_RDWR // which wants to write what it syncs
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (system) TryLock(path string, mode lockMode, create bool) (*heldLock, error) {
	if create {
		// Made apart: a folder that is everybody's may let nobody open the file of another
		// user with the wish to make it.
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o666)
		}
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	try := l.TryLock
	if mode == shared {
		try = l.TryRLock
	}
	if ok, err := try(); err != nil || !ok {
		if create && errors.Is(err, fs.ErrNotExist) { // whoever held it removed it
			err = nil
		}
		return nil, err
	}
	held := &heldLock{l}
	if !held.at(path) { // it was removed by whoever held it
		held.release()
		return nil, nil
	}
	return held, nil
}

// patient makes up for what file systems of networks and of small devices do or lack.
type patient struct{ fileSystem }

// again repeats what a server has answered with a handle of a file that it replaced.
func again[T any](f func() (T, error)) (out T, err error) {
	for range 4 {
		if out, err = f(); !errors.Is(err, errStale) {
			break
		}
	}
	return out, err
}

func (p patient) Open(path string) (*os.File, error) {
	return again(func() (*os.File, error) { return p.fileSystem.Open(path) })
}

func (p patient) ReadFile(path string) ([]byte, error) {
	return again(func() ([]byte, error) { return p.fileSystem.ReadFile(path) })
}

func (p patient) ReadDir(path string) ([]fs.DirEntry, error) {
	return again(func() ([]fs.DirEntry, error) { return p.fileSystem.ReadDir(path) })
}

func (p patient) Stat(path string) (fs.FileInfo, error) {
	return again(func() (fs.FileInfo, error) { return p.fileSystem.Stat(path) })
}

func (p patient) State(path string) (disk.State, error) {
	return again(func() (disk.State, error) { return p.fileSystem.State(path) })
}

// Rename takes an error for success where the file is at its new place all the same: an
// answer that was lost makes a client ask again, for a file that is no longer there.
func (p patient) Rename(from, to string) error {
	before, serr := p.fileSystem.Stat(from)
	err := p.fileSystem.Rename(from, to)
	if err == nil || serr != nil {
		return err
	}
	if _, gone := p.fileSystem.Stat(from); !errors.Is(gone, fs.ErrNotExist) {
		return err
	}
	if after, serr := p.fileSystem.Stat(to); serr == nil && os.SameFile(before, after) {
		return nil
	}
	return err
}

// Remove takes a file that is no longer there for success.
func (p patient) Remove(path string) error {
	err := p.fileSystem.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errStale) {
		return nil
	}
	return err
}

// Chmod, Chtimes and Sync do what the file system can: bytes are right without.
func (p patient) Chmod(path string, m fs.FileMode) error {
	err := p.fileSystem.Chmod(path, m)
	if unsupported(err) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func (p patient) Sync(path string) error {
	err := p.fileSystem.Sync(path)
	if unsupported(err) {
		return nil
	}
	return err
}

func (p patient) TryLock(path string, mode lockMode, create bool) (*heldLock, error) {
	l, err := again(func() (*heldLock, error) { return p.fileSystem.TryLock(path, mode, create) })
	if unsupported(err) {
		return &heldLock{}, nil
	}
	return l, err
}

// unsupported reports whether an error says that the file system does not know an operation.
func unsupported(err error) bool {
	for _, e := range []error{errors.ErrUnsupported, syscall.ENOSYS, syscall.EINVAL, syscall.ENOLCK} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errStale is what a network file system says of a file that was replaced on the server.
const errStale = syscall.ESTALE

// mkdir makes a folder of the store, and those above it. A folder that several users share
// by its group stays shared below.
func (s *Store) mkdir(dir string) error {
	err := s.fs.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		if err := s.mkdir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = s.fs.Mkdir(dir)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		if st, serr := s.fs.Stat(dir); serr == nil && st.IsDir() {
			return nil // where nothing may be written, that may be all that is said
		}
		return s.writeError(err)
	}
	const group = 0o070
	if up, err := s.fs.Stat(filepath.Dir(dir)); err == nil && len(dir) > len(s.dir) && up.Mode().Perm()&group == group {
		if st, err := s.fs.Stat(dir); err == nil && st.Mode().Perm()&group != group {
			s.fs.Chmod(dir, st.Mode().Perm()|group|st.Mode()&fs.ModeSetgid)
		}
	}
	return nil
}

// place moves a complete file of the store to its path, on disk before it is seen there.
func (s *Store) place(from, path string) error {
	if err := s.fs.Sync(from); err != nil {
		return err
	}
	if err := s.fs.Rename(from, path); err != nil {
		return err
	}
	if runtime.GOOS != "windows" {
		// The renaming lasts once the folder is on disk. The file is whole all the same.
		_ = s.fs.Sync(filepath.Dir(path))
	}
	return nil
}

// write puts a short file in place.
func (s *Store) write(path string, data []byte) (err error) {
	dir, base := filepath.Split(path)
	tmp := filepath.Join(dir, fmt.Sprintf(".%s.%016x%s", base, rand.Uint64(), tmpSuffix))
	f, err := s.fs.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.place(tmp, path)
	}
	if err != nil {
		s.fs.Remove(tmp)
	}
	return err
}

// tmpSuffix ends the name of a file that is being written; a point begins it.
const tmpSuffix = ".tmp"

// fileName returns the name of a file that stands for a name. Names that differ by the case
// of their letters alone differ on file systems that do not tell cases apart, too: a capital
// letter is written as a small one after "!", which no name holds.
func fileName(name string) string {
	var b strings.Builder
	for _, c := range []byte(registry.FileName(name)) {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('!')
			c |= 0x20
		}
		b.WriteByte(c)
	}
	return b.String()
}

// nameOf is the inverse of fileName. A file of an earlier version may have capital letters.
func nameOf(file string) string {
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		c := file[i]
		if c == '!' && i+1 < len(file) && 'a' <= file[i+1] && file[i+1] <= 'z' {
			i++
			c = file[i] &^ 0x20
		}
		b.WriteByte(c)
	}
	return registry.NameOfFile(b.String())
}
