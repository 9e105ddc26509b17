package lock

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/bounded"
)

// A signature is a file beside the lock file: one line with the format, the
// fingerprint of the public key (the first 16 hex digits of the sha256 of its 32
// bytes), and the ed25519 signature of the lock file's bytes in base64. Keys are
// PEM files, private ones PKCS #8 and public ones PKIX, as OpenSSL writes them.
const signatureFormat = "zoo-signature/1"

// A SignatureError says that a lock file is not what the holder of a key signed, that there is
// none to be trusted, or that a key is none that could sign.
type SignatureError struct {
	Path   string // of the lock file, or of the key
	Reason string
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("lock: %s: %s; nothing is trusted without a signature that holds", e.Path, e.Reason)
}

// Is reports whether target is digest.ErrMismatch.
func (e *SignatureError) Is(target error) bool { return target == digest.ErrMismatch }

// SignaturePath returns where the signature of the lock file at path is kept.
func SignaturePath(path string) string { return path + ".sig" }

// fingerprint names a public key.
func fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Sign returns the content of the signature file of a lock file's bytes.
func Sign(key ed25519.PrivateKey, data []byte) []byte {
	text := base64.StdEncoding.EncodeToString(ed25519.Sign(key, data))
	return fmt.Appendf(nil, "%s %s %s\n", signatureFormat, fingerprint(key.Public().(ed25519.PublicKey)), text)
}

// Verify checks a signature file's content against a lock file's bytes. path is
// what errors call the lock file; they are *SignatureError. One signature has one form: bits
// that base64 leaves over are zero, numbers are smaller than the order of the group, and no
// point is of small order, for which anybody could make a signature.
func Verify(key ed25519.PublicKey, path string, data, signature []byte) error {
	fail := func(format string, args ...any) error {
		return &SignatureError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	fields := bytes.Fields(signature)
	if len(fields) != 3 || string(fields[0]) != signatureFormat {
		return fail("its signature is no line of %s, a key and a signature", signatureFormat)
	}
	if !honest(key) {
		return fail("key %s is of small order or no key: anybody could have signed", fingerprint(key))
	}
	if want := fingerprint(key); string(fields[1]) != want {
		return fail("signed with key %.40q, expected key %s", fields[1], want)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(fields[2]))
	if err != nil || len(raw) != ed25519.SignatureSize {
		return fail("its signature is not %d bytes in base64", ed25519.SignatureSize)
	}
	// ed25519.Verify refuses a second half that is not reduced, and compares the first half as
	// it is written.
	if !honest(raw[:ed25519.PublicKeySize]) || !ed25519.Verify(key, data, raw) {
		return fail("its content is not what key %s signed", fingerprint(key))
	}
	return nil
}

// SignFile signs a lock file with the private key in a PEM file.
func SignFile(path, keyPath string) error {
	key, err := ReadPrivateKey(keyPath)
	if err != nil {
		return err
	}
	data, err := bounded.ReadFile(path, bounded.Lock)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := Parse(path, data); err != nil {
		return err
	}
	return writeFile(SignaturePath(path), Sign(key, data), 0o644)
}

// VerifyFile checks the signature beside a lock file and returns the pins that it
// covers. The error is a *SignatureError when there is no right signature: also when there is
// no lock file at path, or path is empty since none was found.
func VerifyFile(path string, key ed25519.PublicKey) (*File, error) {
	fail := func(reason string) error { return &SignatureError{Path: cmp.Or(path, FileName), Reason: reason} }
	if path == "" {
		return nil, fail("there is none in this folder, and one that key " + fingerprint(key) + " signed is asked for: name it with --lock, or make one with zoo lock NAME and zoo lock sign")
	}
	data, err := bounded.ReadFile(path, bounded.Lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail("it is not there, and one that key " + fingerprint(key) + " signed is asked for: make one with zoo lock NAME and zoo lock sign")
	}
	if err != nil {
		return nil, fail("it cannot be read: " + err.Error())
	}
	signature, err := bounded.ReadFile(SignaturePath(path), bounded.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail("it has no signature in " + SignaturePath(path) + ": zoo lock sign makes one")
	}
	if err != nil {
		return nil, fail("its signature cannot be read: " + err.Error())
	}
	if err := Verify(key, path, data, signature); err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// WriteKeys makes a key pair and writes it to path and path.pub. It refuses to
// write over either.
func WriteKeys(path string) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("lock: key: %w", err)
	}
	for _, p := range []string{path, path + ".pub"} {
		if _, err := os.Lstat(p); err == nil {
			return fmt.Errorf("lock: key: %s is there already", p)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("lock: key: %w", err)
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("lock: key: %w", err)
	}
	if err := writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	return writeFile(path+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), 0o644)
}

// ReadPrivateKey reads an ed25519 key from a PEM file of PKCS #8.
func ReadPrivateKey(path string) (ed25519.PrivateKey, error) {
	key, err := readPEM(path, "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
	if k, ok := key.(ed25519.PrivateKey); ok && err == nil {
		return k, nil
	}
	return nil, keyError(path, "PRIVATE KEY", err)
}

// ReadPublicKey reads an ed25519 key from a PEM file of PKIX. The error is a *SignatureError
// for a key for which anybody could sign.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	key, err := readPEM(path, "PUBLIC KEY", x509.ParsePKIXPublicKey)
	if k, ok := key.(ed25519.PublicKey); ok && err == nil {
		if !honest(k) {
			return nil, &SignatureError{Path: path, Reason: "the key is of small order or no point of the curve: anybody could sign for it"}
		}
		return k, nil
	}
	return nil, keyError(path, "PUBLIC KEY", err)
}

// maxKey bounds a key in bytes; one of ed25519 has at most 83.
const maxKey = 256

func readPEM(path, kind string, parse func([]byte) (any, error)) (any, error) {
	data, err := bounded.ReadFile(path, bounded.Key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	// A key of another kind may be large enough that to check it takes minutes.
	if block == nil || block.Type != kind || len(block.Bytes) > maxKey {
		return nil, nil
	}
	return parse(block.Bytes)
}

func keyError(path, kind string, err error) error {
	if err != nil {
		return fmt.Errorf("lock: key: %w", err)
	}
	return fmt.Errorf("lock: key: %s: expected an ed25519 key in a PEM block %q", path, kind)
}

// writeFile writes a file whole, with the permissions that it is to have from its
// first byte on.
func writeFile(path string, data []byte, mode os.FileMode) error {
	err := atomicfile.ReplaceMode(path, mode, func(tmp string) error { return os.WriteFile(tmp, data, 0o600) })
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
