package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/gozoo/zoo/registry"
)

// A MismatchError says that a whole file is not the one its entry describes.
type MismatchError struct {
	Name string
	Want registry.Digest // a full sha256 or a prefix
	Got  registry.Digest // zero when the size alone decided
	Size int64           // bytes found; when Got is zero the file may be longer
	Hint string          // what the file looks like or what to do; may be empty
}

func (e *MismatchError) Error() string {
	found := fmt.Sprintf("sha256 %s in %d bytes", e.Got, e.Size)
	if e.Got == (registry.Digest{}) {
		found = fmt.Sprintf("%d bytes or more", e.Size)
	}
	msg := fmt.Sprintf("store: %s: expected a file of sha256 %s, found %s", e.Name, e.Want, found)
	if e.Hint != "" {
		msg += ": " + e.Hint
	}
	return msg + "; nothing was cached"
}

// wanted is what a file must be before it is trusted.
type wanted struct {
	name    string
	digest  registry.Digest // of the entry, or the full one that was learnt before
	size    int64           // 0: not known
	limit   int64           // bytes after which reading stops
	learnt  bool            // digest comes from a ref, not from the entry
	checked Check
}

// verifier computes a file's digest while it is written.
type verifier struct {
	want wanted
	sum  hash.Hash
	size int64
	head []byte // first bytes, to tell what a wrong file is
}

// headSize is how much of a file sniff looks at.
const headSize = 512

func newVerifier(want wanted) *verifier { return &verifier{want: want, sum: sha256.New()} }

// errTooLong stops a copy into a verifier.
var errTooLong = errors.New("longer than expected")

// Write takes the next bytes; errTooLong when they are more than the file may
// have.
func (v *verifier) Write(p []byte) (int, error) {
	v.head = append(v.head, p[:min(len(p), headSize-len(v.head))]...)
	if int64(len(p)) > v.want.limit-v.size {
		v.size += int64(len(p))
		return 0, errTooLong
	}
	v.sum.Write(p)
	v.size += int64(len(p))
	return len(p), nil
}

// check returns the digest of what was written, or a *MismatchError.
func (v *verifier) check() (registry.Digest, error) {
	got := registry.SHA256([sha256.Size]byte(v.sum.Sum(nil)))
	if v.want.digest.Matches(got) && (v.want.size == 0 || v.want.size == v.size) {
		return got, nil
	}
	err := &MismatchError{Name: v.want.name, Want: v.want.digest, Got: got, Size: v.size, Hint: sniff(v.head)}
	switch {
	case err.Hint != "":
	case v.want.learnt && v.want.digest.Short() == got.Short():
		err.Hint = "it has the same 8 digits as the file that was fetched before, but is another file"
	case v.want.size != 0 && v.want.size != v.size:
		err.Hint = fmt.Sprintf("the entry states %d bytes", v.want.size)
	}
	return registry.Digest{}, err
}

// tooLong is the *MismatchError of a file that went on past its limit.
func (v *verifier) tooLong() error {
	hint := sniff(v.head)
	if hint == "" {
		hint = fmt.Sprintf("expected at most %d bytes", v.want.limit)
	}
	return &MismatchError{Name: v.want.name, Want: v.want.digest, Size: v.size, Hint: hint}
}

// copyChecked writes src to a new file at path and returns its digest.
func copyChecked(path string, src io.Reader, want wanted) (registry.Digest, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return registry.Digest{}, err
	}
	v := newVerifier(want)
	_, err = io.Copy(io.MultiWriter(v, f), src)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, errTooLong) {
		err = v.tooLong()
	}
	if err != nil {
		return registry.Digest{}, err
	}
	return v.check()
}

// sniff says what a file that is no checkpoint looks like by its first bytes;
// empty when nothing known.
func sniff(head []byte) string {
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case len(head) == 0:
		return "it is empty"
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return "it is an HTML page, not a checkpoint"
	case bytes.HasPrefix(text, []byte("version https://git-lfs")):
		return "it is a git-lfs pointer, not the checkpoint itself"
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "it is an XML document, not a checkpoint"
	case bytes.HasPrefix(text, []byte("{")):
		return "it is a JSON document, not a checkpoint"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "it is gzip-compressed"
	}
	return ""
}
