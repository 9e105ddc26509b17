package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/internal/oci"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// source is where an entry's file is to come from.
type source struct {
	registry.Address
	mirror *url.URL // nil: none
}

// source takes the entry's address and the mirror apart.
func (s *Store) source(entry *registry.Entry, o *Options) (source, error) {
	a, err := registry.ParseAddress(entry.Weights.URL)
	if err != nil {
		return source{}, fmt.Errorf("store: %s: %w", entry.Name, err)
	}
	from := source{Address: a}
	if a.Kind == registry.AddressEmbedded && o.Embedded == nil {
		return from, fmt.Errorf("store: %s: no embedded files were given", entry.Name)
	}
	if o.Mirror != "" && a.Remote() {
		if from.mirror, err = ParseMirror(o.Mirror); err != nil {
			return from, err
		}
	}
	return from, nil
}

// ParseMirror returns the URL of Options.Mirror. It is an error when the text is no
// http or https URL with a host.
func ParseMirror(text string) (*url.URL, error) {
	m, err := url.Parse(text)
	if err == nil && (m.Scheme != "http" && m.Scheme != "https" || m.Host == "") {
		err = errors.New("expected http:// or https:// and a host")
	}
	if err != nil {
		return nil, fmt.Errorf("store: mirror %q: %w", transfer.Redact(text), err)
	}
	return m, nil
}

// reachable returns an *OfflineError when there is no address to ask.
func (f *source) reachable(entry *registry.Entry, o *Options) error {
	if f.Kind == registry.AddressNone || f.Remote() && o.Offline {
		return &OfflineError{Name: entry.Name, URL: entry.Weights.URL}
	}
	return nil
}

// mirrored returns an address with the mirror's scheme, host and path before its
// own path.
func (f *source) mirrored(address string) (string, error) {
	if f.mirror == nil {
		return address, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	to := f.mirror.JoinPath(u.EscapedPath())
	to.RawQuery = u.RawQuery
	return to.String(), nil
}

// copies returns the paths of files on this machine that may be the wanted one.
func (f *source) copies(want wanted, o *Options) []string {
	paths := o.Hub.Copies(f.Address, want.Digest)
	if o.TorchCheckpoints != "" && f.Kind == registry.AddressHTTP {
		if u, err := url.Parse(f.Text); err == nil {
			paths = append(paths, filepath.Join(o.TorchCheckpoints, path.Base(u.Path)))
		}
	}
	var out []string
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && (want.Size == 0 || want.Size == st.Size()) {
			out = append(out, p)
		}
	}
	return out
}

// bring takes the file from its address. The caller holds the name's lock.
func (s *Store) bring(ctx context.Context, want wanted, entry *registry.Entry, from source, o *Options) (Blob, error) {
	if err := from.reachable(entry, o); err != nil {
		return Blob{}, err
	}
	switch from.Kind {
	case registry.AddressEmbedded:
		f, err := o.Embedded.Open(from.File)
		if err != nil {
			return Blob{}, fmt.Errorf("store: %s: embedded file: %w", want.Name, err)
		}
		defer f.Close()
		return s.take(ctx, want, f)
	case registry.AddressFile:
		return s.takeFile(ctx, want, filepath.FromSlash(from.File))
	}
	file, err := s.locate(ctx, &want, from, o)
	if err != nil {
		return Blob{}, err
	}
	file.Want, file.Progress = want.Want, o.Progress
	part := filepath.Join(s.dir, partialDir, fileName(want.Name)+partSuffix)
	if err := s.mkdir(filepath.Dir(part)); err != nil {
		return Blob{}, err
	}
	result, err := s.net.Download(ctx, file, part)
	if err != nil {
		return Blob{}, err
	}
	blob, err := s.keep(ctx, part, refsDir, want.Name, ref{SHA256: result.Digest, Size: result.Size, CheckedBy: want.checked})
	if err == nil {
		transfer.Forget(part)
	}
	return blob, err
}

const partSuffix = ".part"

// locate returns the requests that give the file, and adds to what is wanted what
// its host states.
func (s *Store) locate(ctx context.Context, want *wanted, from source, o *Options) (file transfer.File, err error) {
	switch from.Kind {
	case registry.AddressHub:
		found, err := o.Hub.Resolve(ctx, s.net, want.Name, from.Address, from.mirrored)
		if err != nil {
			return file, err
		}
		file.URL, file.Header = found.URL, found.Header
		return file, want.byHost(found.Digest, found.Size, "the hub")
	case registry.AddressOCI:
		a, plain := from.Address, oci.PlainHTTP(from.Host)
		if m := from.mirror; m != nil {
			a.Host, plain = m.Host, m.Scheme == "http"
			a.Repository = strings.Trim(path.Join(m.Path, a.Repository), "/")
		}
		found, err := s.oci().Resolve(ctx, want.Name, a, want.Digest, plain)
		if err != nil {
			return file, err
		}
		file.URL, file.Via = found.URL, found.Via
		return file, want.byHost(found.Digest, found.Size, "the artifact")
	}
	file.URL, err = from.mirrored(from.Text)
	if err != nil {
		return file, fmt.Errorf("store: %s: %w", want.Name, err)
	}
	return file, nil
}
