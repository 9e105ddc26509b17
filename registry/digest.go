package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Lengths of a digest as text, in hex digits.
const (
	fullDigits   = 2 * sha256.Size
	prefixDigits = 8
)

// A Digest is a sha256, or the first 8 hex digits of one, as published file names
// carry them. The zero Digest is none.
type Digest struct{ hex string }

// ParseDigest parses 64 or 8 lower-case hex digits.
func ParseDigest(s string) (Digest, error) {
	if len(s) != fullDigits && len(s) != prefixDigits {
		return Digest{}, fmt.Errorf("digest %.80q: expected %d or %d hex digits, found %d characters", s, fullDigits, prefixDigits, len(s))
	}
	if strings.Trim(s, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("digest %q: expected lower-case hex digits", s)
	}
	return Digest{s}, nil
}

// SHA256 returns the full digest of a computed sum.
func SHA256(sum [sha256.Size]byte) Digest { return Digest{hex.EncodeToString(sum[:])} }

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

// MarshalText returns the hex digits that are known.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.hex), nil }

// UnmarshalText is ParseDigest, for decoders.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}
