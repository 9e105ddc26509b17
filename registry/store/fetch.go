package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/registry"
)

// Options says where Fetch may look. The zero value takes each file from its own
// address.
type Options struct {
	// Offline forbids opening a network connection.
	Offline bool
	// Mirror is a URL that replaces scheme and host of addresses; their path is
	// appended to its own.
	Mirror string
	// Embedded holds the files of "embedded:" addresses.
	Embedded fs.FS
	// Progress, when set, is called while a download gets on. Bytes; a total of 0
	// is not known.
	Progress func(done, total int64)
}

// An OfflineError says that a file is not cached and cannot be downloaded.
type OfflineError struct {
	Name string
	URL  string // empty: the entry has no address
}

func (e *OfflineError) Error() string {
	reason := "offline: not in the cache: go online"
	if e.URL == "" {
		reason = "not in the cache, and it has no address to download from: get the file"
	}
	return fmt.Sprintf("store: %s: %s, or bring it with zoo import %s FILE", e.Name, reason, e.Name)
}

// Fetch returns the entry's file, from the store or else from its address. What
// is returned has the digest that the entry states. The errors are
// *MismatchError for a whole file that is another one, *FetchError when the
// address did not give a whole file, *OfflineError when there was none to ask, and
// the context's.
func (s *Store) Fetch(ctx context.Context, entry *registry.Entry, o Options) (Blob, error) {
	if blob, ok, err := s.cached(entry); err != nil || ok {
		return blob, err
	}
	// Errors that need no lock come first: they leave nothing behind.
	address, err := s.address(entry, o)
	if err != nil {
		return Blob{}, err
	}
	unlock, err := s.lock(ctx, entry.Name)
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	if blob, ok, err := s.cached(entry); err != nil || ok { // fetched while this call waited
		return blob, err
	}
	want, err := s.want(entry)
	if err != nil {
		return Blob{}, err
	}
	if blob, ok := s.adopt(want); ok {
		return blob, s.writeRef(entry.Name, ref{blob.Digest, blob.Size, blob.CheckedBy})
	}
	if name, ok := strings.CutPrefix(address, registry.EmbeddedScheme); ok {
		f, err := o.Embedded.Open(name)
		if err != nil {
			return Blob{}, fmt.Errorf("store: %s: embedded file: %w", entry.Name, err)
		}
		defer f.Close()
		return s.take(want, f)
	}
	return s.download(ctx, address, want, o.Progress)
}

// Import puts a file into the store as the entry's, after the checks that a
// download goes through. The error is a *MismatchError for another file.
func (s *Store) Import(ctx context.Context, entry *registry.Entry, path string) (Blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return Blob{}, fmt.Errorf("store: %s: %w", entry.Name, err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return Blob{}, fmt.Errorf("store: %s: %w", entry.Name, err)
	} else if !st.Mode().IsRegular() {
		return Blob{}, fmt.Errorf("store: %s: %s: expected a regular file, found %v", entry.Name, path, st.Mode().Type())
	}
	unlock, err := s.lock(ctx, entry.Name)
	if err != nil {
		return Blob{}, err
	}
	defer unlock()
	want, err := s.want(entry)
	if err != nil {
		return Blob{}, err
	}
	return s.take(want, &contextReader{ctx, f})
}

// cached returns the entry's blob if it is there. A blob that the entry's digest no
// longer describes is not the entry's.
func (s *Store) cached(entry *registry.Entry) (Blob, bool, error) {
	r, err := s.readRef(entry.Name)
	if err != nil || r == nil || !entry.Weights.Digest.Matches(r.SHA256) {
		return Blob{}, false, err
	}
	blob, ok := s.blob(r)
	return blob, ok, nil
}

// want returns what the entry's file must be: what the entry states, made exact by
// what was learnt when the file was first fetched.
func (s *Store) want(entry *registry.Entry) (wanted, error) {
	w := wanted{name: entry.Name, digest: entry.Weights.Digest, size: entry.Weights.Size, limit: entry.Weights.Size, checked: ByPrefix}
	if w.limit == 0 {
		w.limit = s.limit
	}
	if w.digest.Full() {
		w.checked = BySHA256
		return w, nil
	}
	r, err := s.readRef(entry.Name)
	if err != nil {
		return w, err
	}
	if r != nil && w.digest.Matches(r.SHA256) {
		w.digest, w.learnt = r.SHA256, true
	}
	return w, nil
}

// adopt returns the blob of a full digest that is in the store already, under
// another name. Its bytes are checked again: here no ref says how many they are.
func (s *Store) adopt(want wanted) (Blob, bool) {
	if !want.digest.Full() {
		return Blob{}, false
	}
	f, err := os.Open(s.blobPath(want.digest))
	if err != nil {
		return Blob{}, false
	}
	defer f.Close()
	v := newVerifier(want)
	if _, err := io.Copy(v, f); err != nil {
		return Blob{}, false
	}
	digest, err := v.check()
	return Blob{Path: f.Name(), Size: v.size, Digest: digest, CheckedBy: want.checked}, err == nil
}

// address returns where the entry's file is to come from.
func (s *Store) address(entry *registry.Entry, o Options) (string, error) {
	address := entry.Weights.URL
	switch {
	case strings.HasPrefix(address, registry.EmbeddedScheme):
		if o.Embedded == nil {
			return "", fmt.Errorf("store: %s: no embedded files were given", entry.Name)
		}
		return address, nil
	case address == "" || o.Offline:
		return "", &OfflineError{Name: entry.Name, URL: address}
	case o.Mirror == "":
		return address, nil
	}
	mirror, err := url.Parse(o.Mirror)
	if err == nil && (mirror.Scheme != "http" && mirror.Scheme != "https" || mirror.Host == "") {
		err = errors.New("expected http:// or https:// and a host")
	}
	if err != nil {
		return "", fmt.Errorf("store: mirror %q: %w", o.Mirror, err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("store: %s: %w", entry.Name, err)
	}
	to := mirror.JoinPath(u.EscapedPath())
	to.RawQuery = u.RawQuery
	return to.String(), nil
}

// take copies a file into the store.
func (s *Store) take(want wanted, src io.Reader) (Blob, error) {
	dir := filepath.Join(s.dir, "partial")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Blob{}, fmt.Errorf("store: %w", err)
	}
	tmp, err := os.CreateTemp(dir, want.name+".*")
	if err != nil {
		return Blob{}, fmt.Errorf("store: %w", err)
	}
	tmp.Close()
	defer os.Remove(tmp.Name()) // no longer there once it is kept
	digest, err := copyChecked(tmp.Name(), src, want)
	if err != nil {
		return Blob{}, prefixed(want.name, err)
	}
	return s.keep(tmp.Name(), digest, want)
}

// prefixed names the package and the subject in errors of other packages.
func prefixed(name string, err error) error {
	if errors.As(err, new(*MismatchError)) {
		return err
	}
	return fmt.Errorf("store: %s: %w", name, err)
}

// keep moves a checked file into place and notes what its name stands for.
func (s *Store) keep(path string, digest registry.Digest, want wanted) (Blob, error) {
	blob := Blob{Path: s.blobPath(digest), Digest: digest, CheckedBy: want.checked}
	err := os.MkdirAll(filepath.Dir(blob.Path), 0o755)
	if err == nil {
		err = atomicfile.Replace(blob.Path, func(tmp string) error { return os.Rename(path, tmp) })
	}
	var st fs.FileInfo
	if err == nil {
		st, err = os.Stat(blob.Path)
	}
	if err == nil {
		blob.Size = st.Size()
		err = s.writeRef(want.name, ref{digest, blob.Size, blob.CheckedBy})
	}
	if err != nil {
		return Blob{}, fmt.Errorf("store: %s: %w", want.name, err)
	}
	return blob, nil
}

// contextReader stops reading when its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
