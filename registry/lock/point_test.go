package lock_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry/lock"
)

// smallOrder are the points of order 1, 2, 4 and 8 in every encoding that there is: y of the
// eight points, the same with the other sign of x where x is 0, and y + p where that has 255 bits.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSmallOrder has keys for which anybody can sign. For some of them crypto/ed25519 takes a
// signature that was made without a key.
func TestSmallOrder(t *testing.T) {
	data, taken := []byte("zoo-lock/1\n"), 0
	dir := t.TempDir()
	for _, text := range smallOrder {
		key := ed25519.PublicKey(unhex(t, text))
		// R of small order, and S = 0: S B = R + k A whenever k A is -R.
		for _, r := range smallOrder {
			forged := append(unhex(t, r), make([]byte, 32)...)
			if ed25519.Verify(key, data, forged) {
				taken++
			}
			signature := signatureOf(key, forged)
			if err := lock.Verify(key, "zoo.lock", data, signature); !errors.As(err, new(*lock.SignatureError)) || !strings.Contains(err.Error(), "small order") {
				t.Errorf("key %s, R %s: error = %v", text, r, err)
			}
		}
		path := filepath.Join(dir, text)
		writeKey(t, path, key)
		if _, err := lock.ReadPublicKey(path); !errors.As(err, new(*lock.SignatureError)) {
			t.Errorf("key %s was read: %v", text, err)
		}
	}
	if taken == 0 {
		t.Error("no forged signature is one that crypto/ed25519 takes: the test proves nothing")
	}
}

// TestHonestKeys: keys as they are made are taken, and bytes that are no point are not.
func TestHonestKeys(t *testing.T) {
	dir, points := t.TempDir(), 0
	for i := range 64 {
		seed := bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize)
		key := ed25519.NewKeyFromSeed(seed)
		public := key.Public().(ed25519.PublicKey)
		data := []byte("zoo-lock/1\n")
		if err := lock.Verify(public, "zoo.lock", data, lock.Sign(key, data)); err != nil {
			t.Errorf("seed %d: %v", i, err)
		}
		other := append(bytes.Clone(public[:31]), public[31]^1) // the y of no point in half of all cases
		path := filepath.Join(dir, "k"+string(rune('a'+i%26))+hex.EncodeToString(seed[:2]))
		writeKey(t, path, other)
		if _, err := lock.ReadPublicKey(path); err == nil {
			points++
		}
	}
	if points < 16 || points > 48 {
		t.Errorf("%d of 64 random numbers are points, want about half", points)
	}
}

func writeKey(t testing.TB, path string, key ed25519.PublicKey) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signatureOf returns the file of a signature by its bytes, under the fingerprint of a key.
func signatureOf(key ed25519.PublicKey, raw []byte) []byte {
	sample := lock.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), nil)
	fields := bytes.Fields(sample)
	return []byte(string(fields[0]) + " " + lock.Fingerprint(key) + " " + base64.StdEncoding.EncodeToString(raw) + "\n")
}

// order is that of the group, in little endian.
const order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"

// TestOneForm: a signature has one form. Others that say the same are refused.
func TestOneForm(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public, data := key.Public().(ed25519.PublicKey), []byte("zoo-lock/1\n")
	raw := ed25519.Sign(key, data)
	plusOrder := bytes.Clone(raw)
	carry := 0
	for i, b := range unhex(t, order) {
		carry += int(raw[32+i]) + int(b)
		plusOrder[32+i] = byte(carry)
		carry >>= 8
	}
	text := string(lock.Sign(key, data))
	at := strings.LastIndex(text, "==") - 1
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	spare := text[:at] + string(digits[strings.IndexByte(digits, text[at])+1]) + text[at+1:]
	if loose, err := base64.StdEncoding.DecodeString(strings.Fields(spare)[2]); err != nil || !bytes.Equal(loose, raw) {
		t.Fatalf("spare bits: %x, %v", loose, err)
	}
	for name, signature := range map[string]string{
		"spare bits in base64": spare, "S plus the order": string(signatureOf(public, plusOrder)),
		"R of small order": string(signatureOf(public, append(unhex(t, smallOrder[0]), raw[32:]...))),
		"a second line":    text + text, "words after it": strings.TrimSpace(text) + " x\n", "padding left out": strings.Replace(text, "==", "", 1),
	} {
		if err := lock.Verify(public, "zoo.lock", data, []byte(signature)); !errors.As(err, new(*lock.SignatureError)) {
			t.Errorf("%s: error = %v, want a SignatureError", name, err)
		}
	}
}

// TestBoundedFiles: locks, keys and signatures are regular files of a bounded size.
func TestBoundedFiles(t *testing.T) {
	key, public := keys(t)
	dir := t.TempDir()
	path := filepath.Join(dir, lock.FileName)
	put := func(path string, size int64) {
		t.Helper()
		f, err := os.Create(path)
		if err == nil {
			err = f.Truncate(size) // sparse
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	big := filepath.Join(dir, "big")
	put(big, bounded.Key+1)
	for name, f := range map[string]func(path string) error{
		"public key":  func(p string) error { _, err := lock.ReadPublicKey(p); return err },
		"private key": func(p string) error { _, err := lock.ReadPrivateKey(p); return err },
	} {
		if err := f(big); !errors.Is(err, bounded.ErrTooLong) {
			t.Errorf("%s: error = %v", name, err)
		}
		if err := f(dir); !errors.Is(err, bounded.ErrIrregular) {
			t.Errorf("%s in a folder: error = %v", name, err)
		}
	}
	put(path, bounded.Lock+1)
	if _, err := lock.Read(path); !errors.Is(err, bounded.ErrTooLong) {
		t.Errorf("lock file: error = %v", err)
	}
	if err := lock.SignFile(path, key); !errors.Is(err, bounded.ErrTooLong) {
		t.Errorf("lock file to sign: error = %v", err)
	}
	if _, err := lock.VerifyFile(path, public); !errors.As(err, new(*lock.SignatureError)) {
		t.Errorf("lock file to verify: error = %v", err)
	}
	if _, err := lock.Read(dir); !errors.Is(err, bounded.ErrIrregular) {
		t.Errorf("a folder: error = %v", err)
	}
	put(path, 10)
	put(lock.SignaturePath(path), bounded.Key+1)
	if _, err := lock.VerifyFile(path, public); !errors.As(err, new(*lock.SignatureError)) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("signature: error = %v", err)
	}
	for _, none := range []string{"", filepath.Join(dir, "none")} {
		if _, err := lock.VerifyFile(none, public); !errors.As(err, new(*lock.SignatureError)) {
			t.Errorf("no lock file at %q: error = %v, want a SignatureError", none, err)
		}
	}
}

// FuzzVerify: a signature that holds is the one that was made, byte for byte but for spaces
// between its words, and nothing that is read panics.
func FuzzVerify(f *testing.F) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := key.Public().(ed25519.PublicKey)
	data := []byte("zoo-lock/1\n")
	made := lock.Sign(key, data)
	f.Add(made, []byte(public), data)
	f.Add(made[:40], []byte(public), data)
	for _, text := range smallOrder[:3] {
		small := unhex(f, text)
		f.Add(signatureOf(small, make([]byte, 64)), small, data)
	}
	f.Fuzz(func(t *testing.T, signature, key, data []byte) {
		if len(key) != ed25519.PublicKeySize {
			return
		}
		err := lock.Verify(key, "fuzz", data, signature)
		if err != nil && !errors.As(err, new(*lock.SignatureError)) {
			t.Fatalf("error %v is no SignatureError", err)
		}
		if err != nil {
			return
		}
		fields := bytes.Fields(signature)
		raw, derr := base64.StdEncoding.Strict().DecodeString(string(fields[2]))
		if derr != nil || !ed25519.Verify(key, data, raw) || !bytes.Equal(bytes.Join(fields, []byte(" ")), bytes.TrimSpace(signatureOf(key, raw))) {
			t.Fatalf("%q holds for key %x", signature, key)
		}
		if bytes.Equal(key, public) && (!bytes.Equal(raw, ed25519.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), data))) {
			t.Fatalf("a second signature holds: %q", signature)
		}
	})
}

// FuzzKeys reads keys out of any file.
func FuzzKeys(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "key")
	if err := lock.WriteKeys(path); err != nil {
		f.Fatal(err)
	}
	for _, p := range []string{path, path + ".pub"} {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := lock.ReadPublicKey(p); err == nil && len(key) != ed25519.PublicKeySize {
			t.Fatalf("a key of %d bytes", len(key))
		}
		if key, err := lock.ReadPrivateKey(p); err == nil && len(key) != ed25519.PrivateKeySize {
			t.Fatalf("a key of %d bytes", len(key))
		}
	})
}
