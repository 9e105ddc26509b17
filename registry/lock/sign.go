package lock

import (
	"bytes"
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
)

// A signature is a file beside the lock file: one line with the format, the
// fingerprint of the public key (the first 16 hex digits of the sha256 of its 32
// bytes), and the ed25519 signature of the lock file's bytes in base64. Keys are
// PEM files, private ones PKCS #8 and public ones PKIX, as OpenSSL writes them.
const signatureFormat = "zoo-signature/1"

// A SignatureError says that a lock file is not what the holder of a key signed.
type SignatureError struct {
	Path   string // of the lock file
	Reason string
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("lock: %s: %s: nothing in it is trusted", e.Path, e.Reason)
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
// what errors call the lock file; they are *SignatureError.
func Verify(key ed25519.PublicKey, path string, data, signature []byte) error {
	fail := func(format string, args ...any) error {
		return &SignatureError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	fields := bytes.Fields(signature)
	if len(fields) != 3 || string(fields[0]) != signatureFormat {
		return fail("its signature is no line of %s, a key and a signature", signatureFormat)
	}
	if want := fingerprint(key); string(fields[1]) != want {
		return fail("signed with key %.40q, expected key %s", fields[1], want)
	}
	raw, err := base64.StdEncoding.DecodeString(string(fields[2]))
	if err != nil || len(raw) != ed25519.SignatureSize {
		return fail("its signature is not %d bytes in base64", ed25519.SignatureSize)
	}
	if !ed25519.Verify(key, data, raw) {
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
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := Parse(path, data); err != nil {
		return err
	}
	return writeFile(SignaturePath(path), Sign(key, data), 0o644)
}

// VerifyFile checks the signature beside a lock file and returns the pins that it
// covers. The error is a *SignatureError when there is no right signature.
func VerifyFile(path string, key ed25519.PublicKey) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	signature, err := os.ReadFile(SignaturePath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &SignatureError{Path: path, Reason: "it has no signature in " + SignaturePath(path)}
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
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

// ReadPublicKey reads an ed25519 key from a PEM file of PKIX.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	key, err := readPEM(path, "PUBLIC KEY", x509.ParsePKIXPublicKey)
	if k, ok := key.(ed25519.PublicKey); ok && err == nil {
		return k, nil
	}
	return nil, keyError(path, "PUBLIC KEY", err)
}

func readPEM(path, kind string, parse func([]byte) (any, error)) (any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
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
