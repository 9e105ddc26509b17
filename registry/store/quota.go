package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gozoo/zoo/digest"
)

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
			if from, err := digest.Parse(r.Name[:64]); err == nil && !published[from] && !p.inUse(r.Blob) {
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
			p.removeBlob(b.path, "no name stands for it")
		}
	}
	return nil
}

// fit removes the refs that were used longest ago until the blobs of the rest fit,
// and returns the rest. What other processes hold stays, and is counted first. Of two used
// in the same minute, what can be made again goes first.
func (p *pruner) fit(refs []Ref, keep int64) []Ref {
	held := make(map[digest.Digest]bool)
	for _, r := range refs {
		held[r.Blob.Digest] = held[r.Blob.Digest] || p.inUse(r.Blob)
	}
	slices.SortStableFunc(refs, func(x, y Ref) int {
		return cmp.Or(
			first(held[x.Blob.Digest], held[y.Blob.Digest]),
			y.Used.Truncate(time.Minute).Compare(x.Used.Truncate(time.Minute)),
			first(!x.Derived, !y.Derived),
			strings.Compare(x.Name, y.Name),
		)
	})
	var kept []Ref
	counted := make(map[digest.Digest]bool)
	var total int64
	full, inUse := false, 0
	for _, r := range refs {
		size := r.Blob.Size
		if counted[r.Blob.Digest] {
			size = 0
		}
		full = full || size > keep-total
		if full && held[r.Blob.Digest] {
			inUse++
		} else if full {
			p.removeRef(r, "used longest ago")
			continue
		}
		counted[r.Blob.Digest] = true
		total += size
		kept = append(kept, r)
	}
	if inUse > 0 && p.store.Notice != nil {
		p.store.Notice(fmt.Sprintf("%d files stay that other processes have open", inUse))
	}
	return kept
}

// first compares what comes first where it holds.
func first(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

func (p *pruner) removeRef(r Ref, reason string) {
	dir := refsDir
	if r.Derived {
		dir = derivedDir
	}
	p.remove(p.store.refPath(dir, r.Name), reason)
}
