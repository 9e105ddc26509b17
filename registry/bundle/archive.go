package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gozoo/zoo/internal/bounded"
)

// archive reads the members of a bundle one after the other.
type archive struct {
	src   io.Reader
	t     *tar.Reader
	ahead func() (*tar.Header, error) // what was read of the next member; nil: nothing
}

// openArchive begins to read a tar file.
func openArchive(r io.Reader) *archive { return &archive{src: r, t: tar.NewReader(r)} }

// header moves to the next member, which has to be a plain file that lies in the archive byte
// for byte: a sparse one says that it is larger than what is there.
func (a *archive) header() (*tar.Header, error) {
	if ahead := a.ahead; ahead != nil {
		a.ahead = nil
		return ahead()
	}
	h, err := a.t.Next()
	if err != nil {
		return nil, err
	}
	if h.Typeflag != tar.TypeReg {
		return nil, &Error{h.Name, fmt.Sprintf("expected a plain file, found type %q of tar", h.Typeflag), nil}
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return nil, &Error{h.Name, "expected a plain file, found a sparse one", nil}
		}
	}
	return h, nil
}

// next moves to the next member, which has to be a file of that path and size; a
// size of -1 is not known.
func (a *archive) next(f file) (*tar.Header, error) {
	h, err := a.header()
	switch {
	case errors.As(err, new(*Error)):
		return nil, err
	case err != nil:
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, &Error{f.path, "expected as the next file", err}
	case h.Name != f.path:
		return nil, &Error{h.Name, fmt.Sprintf("expected the file %s here", f.path), nil}
	case f.size >= 0 && h.Size != f.size:
		return nil, &Error{f.path, fmt.Sprintf("expected %d bytes, found %d", f.size, h.Size), nil}
	}
	return h, nil
}

// read returns a small member, of at most limit bytes; its digest is checked where it is known.
func (a *archive) read(f file, limit int64) ([]byte, error) {
	h, err := a.next(f)
	if err != nil {
		return nil, err
	}
	if h.Size > limit {
		return nil, &Error{f.path, fmt.Sprintf("expected at most %d bytes, found %d", limit, h.Size), nil}
	}
	// Not allocated by the stated size: the file may be shorter.
	data, err := io.ReadAll(a.t)
	if err != nil {
		return nil, &Error{f.path, "cannot be read", err}
	}
	if got := sumOf(data); f.size >= 0 && got != f.digest {
		return nil, &Error{f.path, fmt.Sprintf("expected sha256 %s, found %s", f.digest, got), nil}
	}
	return data, nil
}

// begin returns the manifest, and its signature; nil where there is none.
func (a *archive) begin() (manifest, signature []byte, err error) {
	if manifest, err = a.read(file{path: manifestPath, size: -1}, maxManifest); err != nil {
		return nil, nil, err
	}
	// What is wrong with the next member is said once it is that one's turn.
	h, herr := a.header()
	a.ahead = func() (*tar.Header, error) { return h, herr }
	if herr == nil && h.Name == signaturePath {
		signature, err = a.read(file{path: signaturePath, size: -1}, bounded.Key)
	}
	return manifest, signature, err
}

// maxPadding bounds what may follow the end of the archive, in bytes: zeros, to fill a tape's
// record.
const maxPadding = 1 << 20

// end returns an error unless nothing else follows.
func (a *archive) end() error {
	h, err := a.header()
	switch {
	case err == nil:
		return &Error{h.Name, "the manifest does not list it", nil}
	case errors.As(err, new(*Error)):
		return err
	case err != io.EOF:
		return &Error{"", "expected its end", err}
	}
	rest, err := io.ReadAll(io.LimitReader(a.src, maxPadding+1))
	switch {
	case err != nil:
		return &Error{"", "expected its end", err}
	case len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0:
		return &Error{"", "something follows the end of the archive, which the manifest does not list", nil}
	}
	return nil
}
