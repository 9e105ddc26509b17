package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo/internal/faulthost"
)

// TestLockCommands pins a model for a team whose host later serves another file.
func TestLockCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	file := nanoBytes(t)
	host := faulthost.Start(t, file, nil)
	config := served(t, host.URL, "served_digits", "other")
	cache := func() string { return filepath.Join(t.TempDir(), "cache") }
	with := func(args ...string) []string { return append([]string{"--config", config}, args...) }

	got := command(t, cache(), with("lock", "served_digits")...)
	if got.status != exitOK || !strings.Contains(got.stderr, "1 pinned in zoo.lock") {
		t.Fatalf("lock: %+v", got)
	}
	text, err := os.ReadFile("zoo.lock")
	if err != nil || strings.Count(string(text), "\n") != 4 || !strings.Contains(string(text), "\n# from catalogue "+host.URL+"/v0/served-30dbf170.pth checked by prefix\n") || !strings.Contains(string(text), "\nserved_digits sha256:30dbf170") {
		t.Fatalf("zoo.lock = %q, %v", text, err)
	}
	if got := command(t, cache(), with("download", "served_digits")...); got.status != exitOK || !strings.Contains(got.stderr, "checked by lock") {
		t.Errorf("download by a colleague: %+v", got)
	}

	// All digits but the first eight of another file, as an attacker would have it.
	digest := strings.Fields(string(text))[len(strings.Fields(string(text)))-2]
	forged := bytes.Replace(text, []byte(digest), []byte(digest[:len("sha256:")+8]+strings.Repeat("0", 56)), 1)
	if err := os.WriteFile("zoo.lock", forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := command(t, cache(), with("download", "served_digits")...); got.status != exitDigest || !strings.Contains(got.stderr, "same 8 digits as the file in zoo.lock") {
		t.Errorf("download of another file: %+v", got)
	}
	if got := command(t, cache(), with("lock", "--update", "served_digits")...); got.status != exitOK {
		t.Errorf("update: %+v", got)
	}
	if now, err := os.ReadFile("zoo.lock"); err != nil || !bytes.Equal(now, text) {
		t.Errorf("zoo.lock = %q, %v after the update", now, err)
	}

	// Signed, it holds as it is.
	if got := command(t, cache(), "lock", "key", "k"); got.status != exitOK || got.stdout != "k\nk.pub\n" {
		t.Fatalf("key: %+v", got)
	}
	if got := command(t, cache(), "lock", "verify", "--key", "k.pub"); got.status != exitDigest || !strings.Contains(got.stderr, "no signature") {
		t.Errorf("verify before signing: %+v", got)
	}
	if got := command(t, cache(), "lock", "sign", "--key", "k"); got.status != exitOK || got.stdout != "zoo.lock.sig\n" {
		t.Fatalf("sign: %+v", got)
	}
	if got := command(t, cache(), "lock", "verify", "--key", "k.pub"); got.status != exitOK || got.stdout != "PASS zoo.lock: 1 names, signed by the holder of k.pub\n" {
		t.Errorf("verify: %+v", got)
	}
	if got := command(t, cache(), with("--lock-key", "k.pub", "download", "served_digits")...); got.status != exitOK {
		t.Errorf("download with a signed lock file: %+v", got)
	}
	if got := command(t, cache(), with("--lock-key", "k.pub", "download", "other")...); got.status != exitDigest || !strings.Contains(got.stderr, "zoo lock other") {
		t.Errorf("download of a name outside: %+v", got)
	}
	if err := os.WriteFile("zoo.lock", forged, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"lock", "verify", "--key", "k.pub"}, {"--lock-key", "k.pub", "download", "cspresnet-nano_digits"}} {
		if got := command(t, cache(), args...); got.status != exitDigest || !strings.Contains(got.stderr, "not what key") {
			t.Errorf("%v with a changed lock file: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"lock"}, {"lock", "sign"}, {"lock", "verify"}} {
		if got := command(t, cache(), args...); got.status != exitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// TestBundleCommands carries a model to a machine that has no network.
func TestBundleCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	host := faulthost.Start(t, nanoBytes(t), nil)
	config := served(t, host.URL, "served_digits")
	here, there := filepath.Join(t.TempDir(), "cache"), filepath.Join(t.TempDir(), "cache")
	args := []string{"--config", config, "bundle", "create", "served_digits", nanoModel, "-o"}
	if got := command(t, here, append(args, "b.tar")...); got.status != exitOK || got.stdout != "b.tar\n" {
		t.Fatalf("create: %+v", got)
	}
	data, err := os.ReadFile("b.tar")
	if err != nil {
		t.Fatal(err)
	}
	if got := command(t, here, append(args, "-")...); got.status != exitOK || got.stdout != string(data) {
		t.Errorf("created twice: exit status %d, %d bytes and %d", got.status, len(got.stdout), len(data))
	}
	for _, part := range []string{"goldens/cspresnet-nano_digits/cspresnet-nano_digits.images.safetensors.zst", "licences/served_digits.txt", "Version 2.0, January 2004", "licence: Apache-2.0"} {
		if !bytes.Contains(data, []byte(part)) {
			t.Errorf("no %q in the bundle", part)
		}
	}
	got := command(t, there, "--offline", "--config", config, "bundle", "load", "b.tar")
	if got.status != exitOK || got.stdout != nanoModel+"\nserved_digits\n" {
		t.Fatalf("load: %+v", got)
	}
	if got := command(t, there, "--offline", "--config", config, "convert", "served_digits"); got.status != exitOK {
		t.Errorf("convert: %+v", got)
	}
	if got := command(t, there, "--offline", "cache", "verify"); got.status != exitOK || !strings.HasPrefix(got.stdout, "PASS 2 files") {
		t.Errorf("verify: %+v", got)
	}

	damaged := bytes.Clone(data)
	damaged[len(damaged)-20000] ^= 1
	cut, page := data[:len(data)/2], []byte("<html>"+strings.Repeat("x", 2000))
	for name, tt := range map[string]struct {
		data   []byte
		status int
	}{"damaged": {damaged, exitDigest}, "cut": {cut, exitCheckpoint}, "page": {page, exitCheckpoint}} {
		empty := filepath.Join(t.TempDir(), "cache")
		if err := os.WriteFile(name, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := command(t, empty, "--config", config, "bundle", "load", name); got.status != tt.status || got.stdout != "" {
			t.Errorf("load of a bundle that is %s: %+v", name, got)
		}
		if refs, _ := os.ReadDir(filepath.Join(empty, "refs")); len(refs) > 0 {
			t.Errorf("load of a bundle that is %s: %v", name, refs)
		}
	}

	// A project that pins another file, or asks for a signature, refuses it.
	text := "zoo-lock/1\nserved_digits sha256:30dbf170" + strings.Repeat("0", 56) + " 5\n"
	if err := os.WriteFile("zoo.lock", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "cache")
	if got := command(t, empty, "--config", config, "bundle", "load", "b.tar"); got.status != exitDigest || !strings.Contains(got.stderr, "by zoo.lock") {
		t.Errorf("load against the lock file: %+v", got)
	}
	command(t, here, "lock", "key", "k")
	if got := command(t, empty, "--lock", "none.lock", "--lock-key", "k.pub", "--config", config, "bundle", "load", "b.tar"); got.status != exitDigest || !strings.Contains(got.stderr, "no signature") {
		t.Errorf("load without a signature: %+v", got)
	}
	if left, err := os.ReadDir(empty); err == nil {
		t.Errorf("refused bundles left %v", left)
	}
	os.Remove("zoo.lock")
	command(t, here, "--config", config, "lock", "served_digits", nanoModel)
	command(t, here, "lock", "sign", "--key", "k")
	if got := command(t, here, append(args, "unsigned.tar")...); got.status != exitOK || !strings.Contains(got.stderr, "--key signs it") {
		t.Fatalf("create beside a signed lock file: %+v", got)
	}
	if got := command(t, here, append(args, "signed.tar", "--key", "k")...); got.status != exitOK || got.stderr != "" {
		t.Fatalf("create signed: %+v", got)
	}
	os.Remove("zoo.lock")
	if got := command(t, empty, "--lock-key", "k.pub", "--config", config, "bundle", "load", "unsigned.tar"); got.status != exitDigest {
		t.Errorf("load a bundle of which the lock file alone is signed: %+v", got)
	}
	if got := command(t, empty, "--lock-key", "k.pub", "--config", config, "bundle", "load", "signed.tar"); got.status != exitOK {
		t.Errorf("load signed: %+v", got)
	}
}

// TestPush pushes a model to a registry and takes it from there.
func TestPush(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	tag := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/models/nano:v1"
	got := command(t, t.TempDir(), "push", nanoModel, tag)
	address := strings.TrimSpace(got.stdout)
	if got.status != exitOK || !strings.HasPrefix(address, strings.TrimSuffix(tag, ":v1")+"@sha256:") {
		t.Fatalf("push: %+v", got)
	}
	config := served(t, "https://host.invalid", "served_digits")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.Replace(text, []byte("https://host.invalid/v0/served-30dbf170.pth"), []byte(address), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := command(t, t.TempDir(), "--config", config, "download", "served_digits"); got.status != exitOK || !strings.Contains(got.stderr, "checked by host") {
		t.Errorf("download: %+v", got)
	}
	if got := command(t, t.TempDir(), "push", nanoModel, "https://host.invalid/x"); got.status == exitOK || !strings.Contains(got.stderr, "expected oci://") {
		t.Errorf("push elsewhere: %+v", got)
	}
}
