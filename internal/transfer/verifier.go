package transfer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/gozoo/zoo/digest"
)

// Want is what a file must be before it is trusted.
type Want struct {
	Name   string        // that errors call the file by
	Digest digest.Digest // full, or a prefix
	Size   int64         // bytes; 0: not known
	Limit  int64         // bytes after which reading stops
	Origin string        // where Digest is stated, for errors; empty: in the registry
}

// A Verifier computes a file's digest while its bytes go by.
type Verifier struct {
	want Want
	sum  hash.Hash
	size int64
	head []byte // first bytes, to tell what a wrong file is
}

// headSize is how much of a file sniff looks at.
const headSize = 512

// NewVerifier returns a Verifier that has seen no bytes.
func NewVerifier(want Want) *Verifier { return &Verifier{want: want, sum: sha256.New()} }

// ErrTooLong stops a copy into a Verifier; TooLong says more.
var ErrTooLong = errors.New("longer than expected")

// Write takes the next bytes; ErrTooLong when they are more than the file may
// have.
func (v *Verifier) Write(p []byte) (int, error) {
	v.head = append(v.head, p[:min(len(p), headSize-len(v.head))]...)
	if int64(len(p)) > v.want.Limit-v.size {
		v.size += int64(len(p))
		return 0, ErrTooLong
	}
	v.sum.Write(p)
	v.size += int64(len(p))
	return len(p), nil
}

// Size returns how many bytes went by.
func (v *Verifier) Size() int64 { return v.size }

// Check returns the digest of what went by, or a *MismatchError.
func (v *Verifier) Check() (digest.Digest, error) {
	got := digest.Of([sha256.Size]byte(v.sum.Sum(nil)))
	if v.want.Digest.Matches(got) && (v.want.Size == 0 || v.want.Size == v.size) {
		return got, nil
	}
	err := &MismatchError{Name: v.want.Name, Want: v.want.Digest, Got: got, Size: v.size, Hint: sniff(v.head)}
	switch {
	case err.Hint != "":
	case v.want.Origin != "" && v.want.Digest.Short() == got.Short():
		err.Hint = "it has the same 8 digits as the file in " + v.want.Origin + ", but is another file"
	case v.want.Size != 0 && v.want.Size != v.size:
		err.Hint = v.want.sizeHint()
	case v.want.Origin != "":
		err.Hint = "the sha256 is that of " + v.want.Origin
	}
	return digest.Digest{}, err
}

func (w *Want) sizeHint() string {
	who := w.Origin
	if who == "" {
		who = "the entry"
	}
	return fmt.Sprintf("%s states %d bytes", who, w.Size)
}

// TooLong returns the *MismatchError of a file that went on past its limit.
func (v *Verifier) TooLong() error {
	err := v.want.wrongSize(v.head, v.size)
	err.More = true
	return err
}

// wrongSize returns the error of a file whose size alone tells that it is another
// one.
func (w *Want) wrongSize(head []byte, size int64) *MismatchError {
	hint := sniff(head)
	if hint == "" && w.Size != 0 {
		hint = w.sizeHint()
	}
	if hint == "" {
		hint = fmt.Sprintf("expected at most %d bytes", w.Limit)
	}
	return &MismatchError{Name: w.Name, Want: w.Digest, Size: size, Hint: hint}
}
