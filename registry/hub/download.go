package hub

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// Download brings one file of the hub to a path, as it is at one commit, and returns the address
// that names that commit. Where the hub states the file's sha256, the bytes are held against it.
// Progress may be nil. The errors are those of transfer.Client.Download.
func (h Hub) Download(ctx context.Context, a registry.Address, path string, progress func(done, total int64)) (pinned string, err error) {
	client := transfer.NewClient()
	found, err := h.Resolve(ctx, client, a.Text, a, nil, func(string) {})
	if err != nil {
		return "", err
	}
	file := transfer.File{URL: found.URL, Header: found.Header, Progress: progress,
		Want: transfer.Want{Name: a.Text, Digest: found.Digest, Size: found.Size, Limit: maxFile, Origin: "by the hub"}}
	if _, err := client.Download(ctx, file, path); err != nil {
		return "", h.explain(err)
	}
	os.Remove(transfer.JournalPath(path)) // the file is complete
	pinned = strings.TrimSuffix(a.Text, "@"+a.Revision)
	if commit, ok := commitOf(found.URL, a); ok {
		return pinned + "@" + commit, nil
	}
	return a.Text, nil
}

const maxFile = 16 << 30 // bytes

// commitOf returns the commit in an address that Resolve made.
func commitOf(address string, a registry.Address) (string, bool) {
	_, rest, ok := strings.Cut(address, "/"+a.Repository+"/resolve/")
	revision, _, _ := strings.Cut(rest, "/")
	revision, err := url.PathUnescape(revision)
	if !ok || err != nil || !registry.IsCommit(revision) {
		return "", false
	}
	return revision, true
}
