package hub

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
)

// Stated returns the sha256 that the hub stated for a file of its client's cache when it came: the cache calls large
// files by it. It is zero for others. Nobody has held the file against it.
func Stated(path string) digest.Digest {
	blob, err := filepath.EvalSymlinks(path)
	if err != nil {
		return digest.Digest{}
	}
	if d, err := digest.Parse(filepath.Base(blob)); err == nil && d.Full() {
		return d
	}
	return digest.Digest{}
}

// Copies returns the paths in the hub client's cache where a file may be: by its
// address if that is of a hub, and by its digest, since the cache names large
// files by their sha256. What is there has to be hashed before it is used.
func (h Hub) Copies(a registry.Address, wanted digest.Digest) []string {
	if h.Cache == "" {
		return nil
	}
	var out []string
	if a.Kind == registry.AddressHub {
		repository := filepath.Join(h.Cache, "models--"+strings.ReplaceAll(a.Repository, "/", "--"))
		commit := a.Revision
		if data, err := os.ReadFile(filepath.Join(repository, "refs", filepath.FromSlash(a.Revision))); err == nil {
			commit = strings.TrimSpace(string(data))
		}
		if registry.IsCommit(commit) {
			out = append(out, filepath.Join(repository, "snapshots", commit, filepath.FromSlash(a.File)))
		}
	}
	if wanted != (digest.Digest{}) {
		pattern := wanted.String()
		if !wanted.Full() {
			pattern += "*"
		}
		// The cache's own folder may hold characters of a pattern.
		repositories, _ := os.ReadDir(h.Cache) // none: no copies
		for _, r := range repositories {
			if !strings.HasPrefix(r.Name(), "models--") {
				continue
			}
			blobs, _ := os.ReadDir(filepath.Join(h.Cache, r.Name(), "blobs"))
			for _, b := range blobs {
				if ok, err := filepath.Match(pattern, b.Name()); ok && err == nil && len(b.Name()) == 64 {
					out = append(out, filepath.Join(h.Cache, r.Name(), "blobs", b.Name()))
				}
			}
		}
	}
	return out
}
