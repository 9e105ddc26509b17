// Package digest holds the names that files have by their content: the sha256 that a
// catalogue states, a download is checked against and a report prints. It knows no files.
//
//	d, err := digest.Parse("65dda03c") // the first digits, as published file names have them
//	fmt.Println(d.Matches(digest.Of(sha256.Sum256(data))))
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Lengths of a digest as text, in hex digits.
const (
	fullDigits   = 2 * sha256.Size
	prefixDigits = 8
)

// ErrMismatch is, by errors.Is, every error of a file that is not the one that was asked
// for, and of a pin or a signature that does not hold.
var ErrMismatch = errors.New("a digest or a signature does not hold")

// A Digest is a sha256, or the first 8 hex digits of one, as published file names
// carry them. The zero Digest is none.
type Digest struct{ hex string }

// Parse parses 64 or 8 lower-case hex digits.
func Parse(s string) (Digest, error) {
	if len(s) != fullDigits && len(s) != prefixDigits {
		return Digest{}, fmt.Errorf("digest %.80q: expected %d or %d hex digits, found %d characters", s, fullDigits, prefixDigits, len(s))
	}
	if strings.Trim(s, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("digest %q: expected lower-case hex digits", s)
	}
	return Digest{s}, nil
}

// Of returns the full digest of a computed sum.
func Of(sum [sha256.Size]byte) Digest { return Digest{hex.EncodeToString(sum[:])} }

// Read returns the full digest of all bytes of r.
func Read(r io.Reader) (Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return Digest{}, err
	}
	return Of([sha256.Size]byte(h.Sum(nil))), nil
}

// Full reports whether all digits of the sha256 are known.
func (d Digest) Full() bool { return len(d.hex) == fullDigits }

// Short returns the first 8 hex digits; empty for the zero Digest.
func (d Digest) Short() string { return d.hex[:min(prefixDigits, len(d.hex))] }

// Matches reports whether a computed full digest is, or begins with, d. The zero
// Digest matches nothing.
func (d Digest) Matches(full Digest) bool {
	return d.hex != "" && full.Full() && strings.HasPrefix(full.hex, d.hex)
}

// String returns the hex digits that are known.
func (d Digest) String() string { return d.hex }

// Text returns the digest with a word in front that tells a sha256 from the first digits
// of one: "sha256:HEX" or "sha256-prefix:HEX"; empty for the zero Digest.
func (d Digest) Text() string {
	switch {
	case d.Full():
		return "sha256:" + d.hex
	case d.hex != "":
		return "sha256-prefix:" + d.hex
	}
	return ""
}

// MarshalText returns the hex digits that are known.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.hex), nil }

// UnmarshalText is Parse, for decoders.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = Parse(string(text))
	return err
}
