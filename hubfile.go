package zoo

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// A HubFile is a file of the hub that was brought here to be looked at.
type HubFile struct {
	Path    string // of the file, while WithHubFile runs
	Address string // with the commit that it is of, as far as the hub said it
}

// WithHubFile downloads the file at an address hf://org/repository/file@revision, calls use, and
// removes the file: it does not enter the cache, and nothing is learnt of it. Where the hub states
// the file's digest, the bytes are held against that. The error is an *OptionError for an address
// that is none.
func (z *Zoo) WithHubFile(ctx context.Context, address string, use func(*HubFile) error) error {
	a, err := registry.ParseAddress(address)
	if err != nil || a.Kind != registry.AddressHub {
		return option.Errorf("Address", "%w", err)
	}
	if z.config.Offline {
		return fmt.Errorf("zoo: %s: no network connection is allowed: %w", address, store.ErrNetwork)
	}
	dir, err := os.MkdirTemp("", "zoo-hub-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := &HubFile{Path: filepath.Join(dir, path.Base(a.File))}
	file.Address, err = z.config.Hub.Download(ctx, a, file.Path, func(done, total int64) {
		z.progress(Progress{Task: "download", Name: address, Done: done, Total: total})
	})
	if err != nil {
		return err
	}
	return use(file)
}
