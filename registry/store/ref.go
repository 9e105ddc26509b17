package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry/lock"
)

// The folders of refs.
const (
	refsDir    = "refs"
	derivedDir = "derived"
)

// A Ref is a name and the blob that it stands for.
type Ref struct {
	Name    string // of the registry, or the key of a derived file
	Blob    Blob
	Derived bool      // it was made from other blobs
	Used    time.Time // last; to the minute
}

// ref is the content of refs/NAME and derived/KEY. A ref of an earlier version has no more than
// the first three.
type ref struct {
	SHA256    digest.Digest `json:"sha256"`
	Size      int64         `json:"size"`
	CheckedBy Check         `json:"checked_by,omitempty"` // by what the row and its host stated
	Way       lock.Way      `json:"way,omitempty"`        // how the file came
	Address   string        `json:"address,omitempty"`    // as in lock.Origin
	Row       string        `json:"row,omitempty"`        // the address that the row had: rowKey
	// Earlier are files that came under the name by other addresses, the last one first. They
	// stay until they are pruned.
	Earlier []ref `json:"earlier,omitempty"`
}

// newRef returns the ref of a wanted file that came from somewhere.
func newRef(want wanted, d digest.Digest, size int64, from lock.Origin) ref {
	return ref{SHA256: d, Size: size, CheckedBy: want.stated, Way: from.Way, Address: from.Address, Row: want.row}
}

func (r *ref) origin() lock.Origin {
	return lock.Origin{Way: r.Way, Address: r.Address, Checked: string(r.CheckedBy)}
}

// sameAs reports whether two refs say the same, but for when and how well it was known.
func (r *ref) sameAs(other *ref) bool {
	return r.SHA256 == other.SHA256 && r.Row == other.Row && r.Way == other.Way
}

// maxEarlier bounds ref.Earlier.
const maxEarlier = 8

// over puts what a name stood for before behind a ref, and what was behind that.
func (r ref) over(old *ref) ref {
	r.Earlier = nil
	if old == nil {
		return r
	}
	before := append([]ref{*old}, old.Earlier...)
	for _, e := range before {
		if e.Earlier = nil; e.SHA256.Full() && !e.sameAs(&r) && len(r.Earlier) < maxEarlier {
			r.Earlier = append(r.Earlier, e)
		}
	}
	return r
}

// List returns the names whose blobs are in the store, sorted.
func (s *Store) List() ([]Ref, error) {
	refs, _, err := s.refs(refsDir)
	return refs, err
}

// ListDerived returns the keys of derived files that are in the store, sorted.
func (s *Store) ListDerived() ([]Ref, error) {
	refs, _, err := s.refs(derivedDir)
	return refs, err
}

// refs returns the refs of a folder whose blobs are there, sorted, and the names
// of those whose blobs are not or that cannot be read.
func (s *Store) refs(dir string) (good []Ref, lost []string, err error) {
	entries, err := s.fs.ReadDir(filepath.Join(s.dir, dir)) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	for _, e := range entries {
		if e.Name()[0] == '.' {
			continue // a ref being written
		}
		name := nameOf(e.Name())
		if fileName(name) != e.Name() {
			continue // of an earlier version: prune renames it
		}
		r, err := s.readRef(dir, name)
		if err != nil {
			lost = append(lost, name)
			continue
		}
		blob, ok := s.blob(r)
		if !ok {
			lost = append(lost, name)
			continue
		}
		blob.Read = s.read(blob)
		one := Ref{Name: name, Blob: blob, Derived: dir == derivedDir}
		if st, err := e.Info(); err == nil {
			one.Used = st.ModTime()
		}
		good = append(good, one)
	}
	return good, lost, nil
}

// readRef returns what a name stands for, or nil when it is not known yet.
func (s *Store) readRef(dir, name string) (*ref, error) {
	path := s.refPath(dir, name)
	data, err := s.fs.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var r ref
	if err = json.Unmarshal(data, &r); err == nil && (!r.SHA256.Full() || r.Size < 0) {
		err = errors.New("no sha256 and size")
	}
	if err != nil {
		return nil, fmt.Errorf("store: %s: not a ref: %w: zoo cache prune removes it", path, err)
	}
	if r.CheckedBy == ByLock {
		r.CheckedBy = ByPrefix // an earlier version's word for digests of which it did not note how they came
	}
	return &r, nil
}

// writeRef notes what a name stands for. What a registry name stood for before is kept behind
// it. The caller holds the name's lock.
func (s *Store) writeRef(dir, name string, r ref) error {
	path := s.refPath(dir, name)
	if dir == refsDir {
		old, _ := s.readRef(dir, name) // one that cannot be read is written over
		r = r.over(old)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := s.write(path, append(data, '\n')); err != nil {
		return s.writeError(err)
	}
	return nil
}

func (s *Store) refPath(dir, name string) string { return filepath.Join(s.dir, dir, fileName(name)) }

// touch notes that a ref was used, for those who want the least used ones gone. In
// a folder that cannot be written to it does nothing.
func (s *Store) touch(dir, name string) {
	path := s.refPath(dir, name)
	// A clock that was wrong may have left a time that is still to come.
	if st, err := s.fs.Stat(path); err == nil && time.Since(st.ModTime()).Abs() > time.Minute {
		_ = s.fs.Chtimes(path, time.Now())
	}
}

// blob returns the blob of a ref if it is there, whole.
func (s *Store) blob(r *ref) (Blob, bool) {
	if r == nil {
		return Blob{}, false
	}
	path := s.blobPath(r.SHA256)
	st, err := s.fs.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != r.Size {
		return Blob{}, false
	}
	return s.blobOf(r, r.CheckedBy), true
}

// blobOf returns what a ref stands for, by the word that holds.
func (s *Store) blobOf(r *ref, by Check) Blob {
	return Blob{Path: s.blobPath(r.SHA256), Size: r.Size, Digest: r.SHA256, CheckedBy: by, Origin: r.origin()}
}
