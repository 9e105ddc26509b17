package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/homepath"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
	"github.com/gozoo/zoo/registry/lock"
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
	if err != nil || m.Scheme != "http" && m.Scheme != "https" || m.Host == "" {
		return nil, fmt.Errorf("store: mirror %q: expected http:// or https:// and a host", printable.Shown(text))
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
		return "", fmt.Errorf("expected a URL, found %q", printable.Shown(address))
	}
	to := f.mirror.JoinPath(u.EscapedPath())
	to.RawQuery = u.RawQuery
	return to.String(), nil
}

// A localCopy is a file in the cache of another program.
type localCopy struct {
	path   string
	way    lock.Way
	ofRow  bool          // it came by the address of the row
	stated digest.Digest // by the hub when it came; zero: not known
}

// copies returns files on this machine that may be the wanted one. A hub's cache is searched
// for the digest only where all digits are known: whoever can have a file of any repository
// loaded there can make one with 8 digits.
func (f *source) copies(want wanted, o *Options) []localCopy {
	var all []localCopy
	for _, p := range o.Hub.Copies(f.Address, digest.Digest{}) {
		c := localCopy{p, lock.HubCache, true, hub.Stated(p)}
		if want.Digest != (digest.Digest{}) || c.stated.Full() {
			all = append(all, c)
		}
	}
	if want.Digest.Full() {
		for _, p := range o.Hub.Copies(registry.Address{}, want.Digest) {
			all = append(all, localCopy{path: p, way: lock.HubCache})
		}
	}
	if o.TorchCheckpoints != "" && f.Kind == registry.AddressHTTP {
		if u, err := url.Parse(f.Text); err == nil {
			all = append(all, localCopy{path: filepath.Join(o.TorchCheckpoints, path.Base(u.Path)), way: lock.TorchCache, ofRow: true})
		}
	}
	var out []localCopy
	for _, c := range all {
		if st, err := os.Stat(c.path); err == nil && st.Mode().IsRegular() && (want.Size == 0 || want.Size == st.Size()) {
			out = append(out, c)
		}
	}
	return out
}

// bound keeps a file whose size is stated nowhere within what its network can need.
func (o *Options) bound(w *wanted, entry *registry.Entry) {
	if w.Size > 0 || o.Limit == nil {
		return
	}
	if limit := o.Limit(entry); limit > 0 {
		w.Limit = min(w.Limit, limit)
	}
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
		return s.take(ctx, want, f, from.origin(entry, o))
	case registry.AddressFile:
		path, err := localPath(from.Address)
		if err != nil {
			return Blob{}, fmt.Errorf("store: %s: %w", want.Name, err)
		}
		return s.takeFile(ctx, want, path, from.origin(entry, o))
	}
	known := want.Digest.Full()
	file, err := s.locate(ctx, &want, from, o)
	if err != nil {
		return Blob{}, err
	}
	if !known && want.Digest.Full() { // and another name may have the file
		if blob, ok, err := s.adopt(ctx, want); ok || err != nil {
			return blob, err
		}
	}
	file.Want, file.Progress, file.Notice = want.Want, o.Progress, o.Notice
	part := filepath.Join(s.dir, partialDir, fileName(want.Name)+partSuffix)
	if err := s.mkdir(filepath.Dir(part)); err != nil {
		return Blob{}, err
	}
	result, err := s.net.Download(ctx, file, part)
	if err != nil {
		return Blob{}, err
	}
	blob, err := s.keepWanted(ctx, part, want, newRef(want, result.Digest, result.Size, from.origin(entry, o)))
	if err == nil {
		transfer.Forget(part)
	}
	return blob, err
}

const partSuffix = ".part"

// localPath returns the file that a file: address names, which counts from the current folder.
func localPath(a registry.Address) (string, error) {
	path, err := homepath.Expand(filepath.FromSlash(a.File), os.Getenv)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// origin says how the bytes come that bring takes.
func (f *source) origin(entry *registry.Entry, o *Options) lock.Origin {
	address := entry.Weights.URL
	switch {
	case f.Kind == registry.AddressFile:
		path, err := localPath(f.Address)
		if err != nil {
			path = f.File
		}
		return lock.From(lock.LocalFile, path)
	case f.mirror != nil:
		return lock.From(lock.Mirror, f.mirror.String())
	case f.Kind == registry.AddressHub && o.Hub.Endpoint != "" && o.Hub.Endpoint != hub.DefaultEndpoint:
		if registry.IsCommit(f.Revision) { // which a lock file keeps
			return lock.From(lock.Endpoint, o.Hub.At(f.Address))
		}
		return lock.From(lock.Endpoint, o.Hub.Endpoint)
	case entry.AtBuiltin():
		return lock.From(lock.BuiltIn, address)
	}
	return lock.From(lock.Catalogue, address)
}

// locate returns the requests that give the file, and adds to what is wanted what
// its host states.
func (s *Store) locate(ctx context.Context, want *wanted, from source, o *Options) (file transfer.File, err error) {
	switch from.Kind {
	case registry.AddressHub:
		found, err := o.Hub.Resolve(ctx, s.net, want.Name, from.Address, from.mirrored, o.Notice)
		if err != nil {
			return file, err
		}
		file.URL, file.Header = found.URL, found.Header
		if err := want.byHost(found.Digest, found.Size, "the hub"); err != nil || want.Digest != (digest.Digest{}) {
			return file, err
		}
		return file, &TrustError{Name: want.Name, Reason: "the hub states no sha256 of " + from.File +
			", and neither does the registry: state it in the row"}
	case registry.AddressOCI:
		a, plain := from.artifact()
		found, err := s.oci().Resolve(ctx, want.Name, a, want.Digest, plain, o.Notice)
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
