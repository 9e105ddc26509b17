package lock_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry/lock"
)

var (
	hexA = strings.Repeat("a1", 32)
	hexB = strings.Repeat("b2", 32)
)

func mustParse(t testing.TB, hex string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(hex)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFile(t *testing.T) {
	var f lock.File
	f.Set("net-b", lock.Pin{Digest: mustParse(t, hexB), Size: 20})
	f.Set("net-a", lock.Pin{Digest: mustParse(t, hexB), Size: 1})
	f.Set("net-a", lock.Pin{Digest: mustParse(t, hexA), Size: 10})
	f.Set("gone", lock.Pin{Digest: mustParse(t, hexA), Size: 10})
	f.Delete("gone")
	want := "zoo-lock/1\n# The files that registry names stand for. Written by zoo; commit it.\nnet-a sha256:" + hexA + " 10\nnet-b sha256:" + hexB + " 20\n"
	if d := cmp.Diff(want, string(f.Bytes())); d != "" {
		t.Errorf("text (-want +got)\n%s", d)
	}
	path := filepath.Join(t.TempDir(), lock.FileName)
	if empty, err := lock.Read(path); err != nil || len(empty.Names()) != 0 {
		t.Errorf("a file that is not there: %v, %v", empty, err)
	}
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := lock.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(again.Bytes())); d != "" {
		t.Errorf("read and written again (-want +got)\n%s", d)
	}
	if pin, ok := again.Pin("net-a"); !ok || pin != (lock.Pin{Digest: mustParse(t, hexA), Size: 10}) {
		t.Errorf("pin = %v, %v", pin, ok)
	}
	if _, ok := again.Pin("gone"); ok {
		t.Error("a name that was deleted is pinned")
	}
}

func TestParse(t *testing.T) {
	a := "net sha256:" + hexA + " 10\n"
	tests := []struct {
		name, text string
		want       string // part of the error; empty: none
	}{
		{"empty", "", ""},
		{"no pins", "zoo-lock/1\n", ""},
		{"any order, spaces, comments, line ends of Windows", "# mine\r\nzoo-lock/1\r\n\r\n z  sha256:" + hexA + "\t1 \r\n# x\r\na sha256:" + hexA + " 1", ""},
		{"the same pin twice, as after a merge", "zoo-lock/1\n" + a + a, ""},
		{"two files", "zoo-lock/1\n" + a + "net sha256:" + hexB + " 10\n", "line 3: net has two files, sha256 " + hexA + " and " + hexB},
		{"two sizes", "zoo-lock/1\n" + a + strings.Replace(a, " 10", " 11", 1), "two files"},
		{"format missing", a, "line 1: expected zoo-lock/1"},
		{"other format", "zoo-lock/2\n" + a, "expected zoo-lock/1"},
		{"conflict marks", "zoo-lock/1\n<<<<<<< HEAD\n" + a, "line 2: expected a name"},
		{"two words", "zoo-lock/1\nnet sha256:" + hexA, "found 2 words"},
		{"four words", "zoo-lock/1\n" + strings.TrimSpace(a) + " x", "found 4 words"},
		{"name", "zoo-lock/1\n../" + a, "name"},
		{"prefix", "zoo-lock/1\nnet sha256:a1a1a1a1 10", "expected sha256: and 64 hex digits"},
		{"no algorithm", "zoo-lock/1\nnet " + hexA + " 10", "expected sha256: and 64"},
		{"capitals", "zoo-lock/1\n" + strings.ToUpper(a), "digest"},
		{"negative size", "zoo-lock/1\nnet sha256:" + hexA + " -1", "size"},
		{"size too large", "zoo-lock/1\nnet sha256:" + hexA + " 9223372036854775808", "size"},
		{"long line", "zoo-lock/1\n" + strings.Repeat("x", 1<<20), "token too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := lock.Parse("zoo.lock", []byte(tt.text))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("zoo-lock/1\nnet sha256:" + hexA + " 10\n"))
	f.Add([]byte("# x\r\nzoo-lock/1\r\n"))
	f.Add([]byte("zoo-lock/1\n# from mirror https://host.example/f checked by prefix\nnet sha256:" + hexA + " 10\n# from import\nb sha256:" + hexA + " 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := lock.Parse("fuzz", data)
		if err != nil {
			return
		}
		text := parsed.Bytes()
		again, err := lock.Parse("again", text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		for _, name := range parsed.Names() {
			pin, _ := parsed.Pin(name)
			if now, ok := again.Pin(name); !ok || now != pin || again.Origin(name) != parsed.Origin(name) {
				t.Fatalf("%s is %v from %+v, and was %v from %+v", name, now, again.Origin(name), pin, parsed.Origin(name))
			}
		}
		if !bytes.Equal(text, again.Bytes()) {
			t.Fatalf("written twice:\n%s\n%s", text, again.Bytes())
		}
	})
}

func keys(t *testing.T) (path string, public ed25519.PublicKey) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	if err := lock.WriteKeys(path); err != nil {
		t.Fatal(err)
	}
	public, err := lock.ReadPublicKey(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return path, public
}

func TestSign(t *testing.T) {
	key, public := keys(t)
	_, stranger := keys(t)
	path := filepath.Join(t.TempDir(), lock.FileName)
	var f lock.File
	f.Set("net", lock.Pin{Digest: mustParse(t, hexA), Size: 10})
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.VerifyFile(path, public); err == nil || !strings.Contains(err.Error(), "no signature in "+path+".sig") {
		t.Errorf("unsigned: error = %v", err)
	}
	if err := lock.SignFile(path, key); err != nil {
		t.Fatal(err)
	}
	got, err := lock.VerifyFile(path, public)
	if err != nil || len(got.Names()) != 1 {
		t.Fatalf("signed: %v, %v", got, err)
	}
	data := f.Bytes()
	signature, err := os.ReadFile(lock.SignaturePath(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.SignFile(path, key); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(lock.SignaturePath(path)); !bytes.Equal(again, signature) {
		t.Error("signed twice: other signatures")
	}
	damaged := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	other := bytes.Clone(signature) // still base64, of other bytes
	if at := len(other) - 9; other[at] == 'A' {
		other[at] = 'B'
	} else {
		other[at] = 'A'
	}
	tests := []struct {
		name            string
		key             ed25519.PublicKey
		data, signature []byte
		want            string
	}{
		{"another key", stranger, data, signature, "signed with key"},
		{"content", public, damaged(data, len(data)-2), signature, "not what key"},
		{"content longer", public, append(data, '\n'), signature, "not what key"},
		{"signature", public, data, other, "not what key"},
		{"not base64", public, data, bytes.Replace(signature, []byte("=="), []byte("!!"), 1), "64 bytes in base64"},
		{"cut", public, data, signature[:len(signature)-8], "64 bytes in base64"},
		{"another format", public, data, damaged(signature, 0), "no line of zoo-signature/1"},
		{"empty", public, data, nil, "no line of zoo-signature/1"},
	}
	for _, tt := range tests {
		var wrong *lock.SignatureError
		if err := lock.Verify(tt.key, "zoo.lock", tt.data, tt.signature); !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error = %v, want a SignatureError with %q", tt.name, err, tt.want)
		}
	}
}

// TestSignAsOpenSSL has OpenSSL check a signature, and make one.
func TestSignAsOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not here")
	}
	openssl := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	key, _ := keys(t)
	dir := t.TempDir()
	path, raw := filepath.Join(dir, lock.FileName), filepath.Join(dir, "raw")
	var f lock.File
	f.Set("net", lock.Pin{Digest: mustParse(t, hexA), Size: 10})
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	if err := lock.SignFile(path, key); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(lock.SignaturePath(path))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.Fields(string(text))[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(raw, signature, 0o600); err != nil {
		t.Fatal(err)
	}
	openssl("pkeyutl", "-verify", "-pubin", "-inkey", key+".pub", "-rawin", "-in", path, "-sigfile", raw)

	theirs := filepath.Join(dir, "theirs")
	openssl("genpkey", "-algorithm", "ed25519", "-out", theirs)
	openssl("pkey", "-in", theirs, "-pubout", "-out", theirs+".pub")
	openssl("pkeyutl", "-sign", "-inkey", theirs, "-rawin", "-in", path, "-out", raw)
	if err := lock.SignFile(path, theirs); err != nil {
		t.Fatal(err)
	}
	public, err := lock.ReadPublicKey(theirs + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.VerifyFile(path, public); err != nil {
		t.Error(err)
	}
	signature, err = os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile(lock.SignaturePath(path))
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.StdEncoding.EncodeToString(signature); strings.Fields(string(text))[2] != want {
		t.Errorf("signature = %s, OpenSSL's is %s", strings.Fields(string(text))[2], want)
	}
}

func TestKeys(t *testing.T) {
	key, _ := keys(t)
	if runtime.GOOS != "windows" {
		if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the private key's mode is %v, %v", st.Mode(), err)
		}
	}
	if err := lock.WriteKeys(key); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second pair in the same place: error = %v", err)
	}
	path := filepath.Join(t.TempDir(), lock.FileName)
	if err := os.WriteFile(path, []byte("zoo-lock/1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{"public as private": key + ".pub", "no key": path, "no file": path + ".none"} {
		if err := lock.SignFile(path, wrong); err == nil || !strings.Contains(err.Error(), "lock: key: ") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	if _, err := lock.ReadPublicKey(key); err == nil {
		t.Error("a private key was read as a public one")
	}
}

func ExampleFile_Bytes() {
	var f lock.File
	d, err := digest.Parse("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")
	if err != nil {
		fmt.Println(err)
		return
	}
	f.Set("efficientnet-lite0_3rdparty_in1k", lock.Pin{Digest: d, Size: 18826032})
	fmt.Printf("%s", f.Bytes())
	// Output:
	// zoo-lock/1
	// # The files that registry names stand for. Written by zoo; commit it.
	// efficientnet-lite0_3rdparty_in1k sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db 18826032
}
