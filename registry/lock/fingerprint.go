package lock

import "crypto/ed25519"

// Fingerprint names a public key, as signature files do: the first 16 hex digits of the sha256
// of its 32 bytes.
func Fingerprint(key ed25519.PublicKey) string { return fingerprint(key) }
