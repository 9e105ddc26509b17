package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
)

// An InUseError says that files of a name stay, since another process works on them or has them open.
type InUseError struct{ Name string }

func (e *InUseError) Error() string {
	return fmt.Sprintf("store: %s: another process works on its files or has them open, and nothing of it was removed: "+
		"run again once that is done", e.Name)
}

// Cleared is what became of a name whose files were to be removed.
type Cleared struct {
	Name    string
	Removed []Removed // none where nothing was there
	Err     error     // an *InUseError where another process works on its files or has them open
}

// Remove removes what names stand for: their files, those that they stood for before, what was made of them, and
// downloads that were cut off. What another name stands for stays, and so does what was made of that for it;
// digests that were learnt stay known. A name without files is no error. With dry nothing is removed, and
// what would be is returned. There is one Cleared for each name, up to an error that is no name's.
func (s *Store) Remove(ctx context.Context, names []string, dry bool) ([]Cleared, error) {
	out := make([]Cleared, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	if _, err := s.fs.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	unlock, err := s.lock(ctx, lockOfBlobs)
	if err != nil {
		return nil, err
	}
	defer unlock()
	gone := make(map[string]bool) // paths of what is removed, or would be
	for i := range out {
		if err := s.clear(&out[i], gone, dry); err != nil {
			return out[:i], err
		}
	}
	return out, nil
}

// clear removes what one name stands for. Its caller holds lockOfBlobs.
func (s *Store) clear(c *Cleared, gone map[string]bool, dry bool) error {
	unlock, held, err := s.tryLock(c.Name, alone) // whoever has it waits for lockOfBlobs
	if err != nil {
		return err
	}
	if held == nil {
		c.Err = &InUseError{c.Name}
		return nil
	}
	defer unlock()
	p := &pruner{store: s, dry: dry}
	refs, blobs, err := p.belongings(c.Name, gone)
	if err != nil {
		return err
	}
	for _, path := range blobs {
		taken := p.take(path)
		if taken == nil {
			c.Err = &InUseError{c.Name}
			return nil
		}
		defer taken.release()
	}
	for _, path := range refs {
		p.remove(path, "of "+c.Name)
	}
	for _, path := range blobs {
		p.removeTaken(path, "of "+c.Name)
	}
	part := filepath.Join(s.dir, partialDir, fileName(c.Name)+partSuffix)
	for _, path := range []string{part, transfer.JournalPath(part)} {
		p.remove(path, "interrupted download of "+c.Name)
	}
	for _, r := range p.removed {
		gone[r.Path] = true
	}
	c.Removed, c.Err = p.removed, p.err
	return nil
}

// belongings returns the paths of the refs that are a name's, and of the blobs that are there for these alone;
// what is gone counts as if it were not there.
func (p *pruner) belongings(name string, gone map[string]bool) (refs, blobs []string, err error) {
	s := p.store
	own, others := make(map[digest.Digest]bool), make(map[digest.Digest][]string) // whose source a blob is
	mine := make(map[digest.Digest]bool)                                          // blobs of the name
	needed := make(map[digest.Digest]bool)                                        // blobs of what stays
	err = p.each(refsDir, gone, func(n, path string, r *ref) {
		for _, e := range append([]ref{*r}, r.Earlier...) {
			if n == name {
				own[e.SHA256], mine[e.SHA256] = true, true
			} else {
				others[e.SHA256] = append(others[e.SHA256], n)
				needed[e.SHA256] = true
			}
		}
		if n == name {
			refs = append(refs, path)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	err = p.each(derivedDir, gone, func(key, path string, r *ref) {
		if !madeFor(key, name, own, others) {
			needed[r.SHA256] = true
			return
		}
		refs, mine[r.SHA256] = append(refs, path), true
	})
	for d := range mine {
		path := s.blobPath(d)
		if _, serr := s.fs.Stat(path); serr == nil && !needed[d] && !gone[path] {
			blobs = append(blobs, path)
		}
	}
	slices.Sort(blobs)
	return refs, blobs, err
}

// madeFor reports whether a derived file was made of a file of a name, and for no other name that the file
// has, too: its key is the digest of the file, a dash, the name and more.
func madeFor(key, name string, own map[digest.Digest]bool, others map[digest.Digest][]string) bool {
	if len(key) < 65 || key[64] != '-' {
		return false
	}
	from, err := digest.Parse(key[:64])
	if err != nil || !own[from] {
		return false
	}
	for _, other := range others[from] {
		if strings.HasPrefix(key[65:], other+"-") && len(other) > len(name) {
			return false
		}
	}
	return len(others[from]) == 0 || strings.HasPrefix(key[65:], name+"-")
}

// each calls f with the refs of a folder that can be read and are not gone, by their names.
func (p *pruner) each(dir string, gone map[string]bool, f func(name, path string, r *ref)) error {
	entries, err := p.store.readDir(filepath.Join(p.store.dir, dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, path := nameOf(e.Name()), filepath.Join(p.store.dir, dir, e.Name())
		if r, err := p.store.readRef(dir, name); err == nil && r != nil && !gone[path] {
			f(name, path, r)
		}
	}
	return nil
}
