package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo"
)

// A keyScene is a project as a key finds it.
type keyScene struct {
	name string
	make func(t *testing.T, dir string) (in, key string) // folder to work in, public key
	// status of commands that use a model of the lock file, and of zoo lock, which makes the
	// first one.
	use, lock int
}

// keyScenes are what may lie between a key that is set and the lock file that it signed.
func keyScenes() []keyScene {
	ours := func(dir string) string { return filepath.Join(dir, "key.pub") }
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(t *testing.T, path, old, new string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []keyScene{
		{"lock", func(_ *testing.T, dir string) (string, string) { return dir, ours(dir) }, exitOK, exitOK},
		{"no lock", func(t *testing.T, dir string) (string, string) {
			remove(t, filepath.Join(dir, "zoo.lock"))
			return dir, ours(dir)
		}, exitDigest, exitOK},
		{"neither lock nor signature", func(t *testing.T, dir string) (string, string) {
			remove(t, filepath.Join(dir, "zoo.lock"))
			remove(t, filepath.Join(dir, "zoo.lock.sig"))
			return dir, ours(dir)
		}, exitDigest, exitOK},
		{"subfolder", func(t *testing.T, dir string) (string, string) {
			sub := filepath.Join(dir, "sub")
			if err := os.MkdirAll(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			return sub, ours(dir)
		}, exitDigest, exitOK},
		{"wrong key", func(_ *testing.T, dir string) (string, string) { return dir, filepath.Join(dir, "other.pub") }, exitDigest, exitDigest},
		// A pair that the key signed once holds for ever: docs/security.md says so.
		{"old pair", func(t *testing.T, dir string) (string, string) {
			old := filepath.Join(dir, "old")
			for _, name := range []string{"zoo.lock", "zoo.lock.sig"} {
				if err := os.Rename(filepath.Join(old, name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			return dir, ours(dir)
		}, exitOK, exitOK},
		{"old lock, new signature", func(t *testing.T, dir string) (string, string) {
			if err := os.Rename(filepath.Join(dir, "old", "zoo.lock"), filepath.Join(dir, "zoo.lock")); err != nil {
				t.Fatal(err)
			}
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"no signature", func(t *testing.T, dir string) (string, string) {
			remove(t, filepath.Join(dir, "zoo.lock.sig"))
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"changed", func(t *testing.T, dir string) (string, string) {
			replace(t, filepath.Join(dir, "zoo.lock"), "Written", "written")
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"origin changed", func(t *testing.T, dir string) (string, string) {
			replace(t, filepath.Join(dir, "zoo.lock"), "# from built-in", "# from import")
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"a folder in its place", func(t *testing.T, dir string) (string, string) {
			remove(t, filepath.Join(dir, "zoo.lock"))
			if err := os.Mkdir(filepath.Join(dir, "zoo.lock"), 0o755); err != nil {
				t.Fatal(err)
			}
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"a link to nothing", func(t *testing.T, dir string) (string, string) {
			remove(t, filepath.Join(dir, "zoo.lock"))
			if err := os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "zoo.lock")); err != nil {
				t.Skip(err)
			}
			return dir, ours(dir)
		}, exitDigest, exitDigest},
		{"another lock named by the environment", func(t *testing.T, dir string) (string, string) {
			t.Setenv(zoo.EnvLock, filepath.Join(dir, "none.lock"))
			return dir, ours(dir)
		}, exitDigest, exitOK},
	}
}

// signedProject makes a folder with a lock file of a model, its signature, an older pair in
// old, two keys, and a bundle with that lock file.
func signedProject(t *testing.T, cache string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, args := range [][]string{
		{"lock", "key", "key"}, {"lock", "key", "other"}, {"lock", nanoModel}, {"lock", "sign", "--key", "key"},
		{"bundle", "create", nanoModel, "--key", "key", "-o", "b.tar"},
	} {
		if got := command(t, cache, args...); got.status != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	if err := os.Mkdir("old", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zoo.lock", "zoo.lock.sig"} {
		if err := os.Rename(name, filepath.Join("old", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"lock", nanoModel, "cspdarknet-nano_digits"}, {"lock", "sign", "--key", "key"}} {
		if got := command(t, cache, args...); got.status != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	return dir
}

// TestKeyOnEveryPath has every command meet a key that is set, with each lock file that may be
// there or not. What uses a model asks for it, whether the model is in the cache or part of the
// program; what uses none, or a file of one's own by its path, does not.
func TestKeyOnEveryPath(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	digit, own := imageFile(t, "val/00003.png"), filepath.Join(t.TempDir(), "own.pth")
	if err := os.WriteFile(own, nanoBytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	tag := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/models/nano:v1"
	pushed := command(t, t.TempDir(), "push", nanoModel, tag)
	if pushed.status != exitOK {
		t.Fatal(pushed)
	}
	address := strings.TrimSpace(pushed.stdout)
	uses := [][]string{
		{"download", nanoModel}, {"download", nanoModel, "--output", "out.pth"}, {"import", nanoModel, own},
		{"convert", nanoModel}, {"convert", nanoModel, "-o", "out.npz"}, {"convert", nanoModel, "-o", "out.onnx"},
		{"verify", nanoModel}, {"predict", nanoModel, digit}, {"embed", nanoModel, digit}, {"eval", nanoModel, "--limit", "2"},
		{"report", nanoModel}, {"bench", nanoModel, "--runs", "1"}, {"bench", nanoModel, "--runs", "1", "--weights", "published"},
		{"push", nanoModel, tag}, {"push", nanoModel, tag, "--converted"}, {"bundle", "create", nanoModel, "-o", "out.tar.zst"},
		{"predict", address, digit}, {"download", address}, {"info", address},
	}
	uses0 := [][]string{ // that use no model's file
		{}, {"list", "csp*"}, {"info", nanoModel}, {"env"}, {"version"}, {"cache", "ls"}, {"cache", "verify"}, {"cache", "path"}, {"cache", "prune"},
		{"cache", "rm", "cspresnext-nano_digits"}, {"cache", "rm", nanoModel, "--dry-run"},
		{"pixels", digit, "-o", "free.png"}, {"pixels", digit, "--for", nanoModel, "-o", "free2.png"},
		{"convert", own, "-o", "free.npz"}, {"convert", own, "--model", nanoModel, "-o", "free.safetensors"},
		{"verify", nanoModel, "--checkpoint", own}, {"predict", nanoModel, digit, "--checkpoint", own}, {"embed", nanoModel, digit, "--checkpoint", own},
	}
	for _, scene := range keyScenes() {
		for _, warm := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cached: %v", scene.name, warm), func(t *testing.T) {
				filled := filepath.Join(t.TempDir(), "cache")
				dir := signedProject(t, filled)
				in, key := scene.make(t, dir)
				t.Chdir(in)
				cache := filled
				if !warm {
					cache = filepath.Join(t.TempDir(), "cache")
				}
				var flags []string
				if warm {
					flags = []string{"--lock-key", key}
				} else {
					t.Setenv(zoo.EnvLockKey, key)
				}
				expect := func(status int, args ...string) {
					t.Helper()
					got := command(t, cache, append(flags, args...)...)
					if got.status != status {
						t.Errorf("%v: exit status %d, want %d: %s%s", args, got.status, status, got.stdout, got.stderr)
					}
					if status == exitDigest && got.stdout != "" {
						t.Errorf("%v: refused, and printed %q", args, got.stdout)
					}
				}
				for _, args := range uses {
					expect(scene.use, args...)
				}
				if left, _ := filepath.Glob("out.*"); scene.use != exitOK && len(left) > 0 {
					t.Errorf("what was refused left %q", left)
				}
				if there, err := os.ReadDir(cache); !warm && scene.use != exitOK && (err == nil || len(there) > 0) {
					t.Errorf("what was refused left %v in the cache", there)
				}
				for _, args := range uses0 {
					expect(exitOK, args...)
				}
				// A name outside of the lock file is refused in each.
				expect(exitDigest, "download", "cspresnext-nano_digits")
				if scene.name == "lock" || strings.Contains(scene.name, "no lock") || scene.name == "subfolder" || scene.name == "neither lock nor signature" {
					expect(exitOK, "bundle", "load", filepath.Join(dir, "b.tar"))
				}
				if scene.name == "lock" {
					expect(exitOK, "lock", "verify")
				} else if scene.use != exitOK {
					expect(exitDigest, "lock", "verify")
				}
				got := command(t, cache, append(flags, "lock", nanoModel)...)
				if got.status != scene.lock {
					t.Errorf("lock: %+v, want exit status %d", got, scene.lock)
				}
				if says := strings.Contains(got.stderr, "zoo lock sign --key FILE"); scene.lock == exitOK && says != (scene.use != exitOK) {
					t.Errorf("lock says that the file must be signed: %v: %s", says, got.stderr)
				}
			})
		}
	}
}

// TestFirstLock makes the first lock file of several names with a key set, which has to be
// signed before it is trusted, and before more is added.
func TestFirstLock(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	t.Chdir(t.TempDir())
	command(t, cache, "lock", "key", "k")
	t.Setenv(zoo.EnvLockKey, "k.pub")
	play(t, cache, []situation{
		{name: "made", args: []string{"lock", nanoModel, "cspdarknet-nano_digits"}, status: exitOK, says: []string{"2 pinned", "zoo.lock is not signed"}},
		{name: "not trusted", args: []string{"download", nanoModel}, status: exitDigest, says: []string{"no signature in zoo.lock.sig"}},
		{name: "nor added to", args: []string{"lock", "cspresnext-nano_digits"}, status: exitDigest, says: []string{"no signature"}},
		{name: "signed", args: []string{"lock", "sign", "--key", "k"}, status: exitOK},
		{name: "trusted", args: []string{"download", nanoModel}, status: exitOK, says: []string{"from built-in"}},
		{name: "nothing new", args: []string{"lock", nanoModel}, status: exitOK, never: []string{"not signed"}},
		{name: "added", args: []string{"lock", "cspresnext-nano_digits"}, status: exitOK, says: []string{"zoo.lock is not signed as it is now"}},
		{name: "not trusted again", args: []string{"download", nanoModel}, status: exitDigest, says: []string{"not what key"}},
	})
}

// TestHiddenOverride: a file of rows that changes a built-in one says so where the row is used.
func TestHiddenOverride(t *testing.T) {
	cache, dir := filepath.Join(t.TempDir(), "cache"), t.TempDir()
	t.Chdir(dir)
	text := "[" + nanoModel + ".weights]\nlicence = \"MIT\"\n[" + nanoModel + ".input]\nexif = \"ignore\"\n"
	if err := os.WriteFile("zoo.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	digit := imageFile(t, "val/00003.png")
	line := nanoModel + ": the built-in row is overridden: weights.licence, input.exif in zoo.toml"
	for _, tt := range []struct {
		args  []string
		lines int
	}{
		{[]string{"predict", nanoModel, digit}, 1}, {[]string{"report", "csp*-nano_*"}, 1}, {[]string{"download", nanoModel}, 1},
		{[]string{"convert", nanoModel}, 1}, {[]string{"pixels", digit, "--for", nanoModel, "-o", "x.png"}, 1}, {[]string{"info", nanoModel}, 1},
		{[]string{"predict", "--quiet", nanoModel, digit}, 0}, {[]string{"predict", "cspdarknet-nano_digits", digit}, 0},
		{[]string{"pixels", digit, "-o", "x.png"}, 0}, {[]string{"env"}, 0},
	} {
		got := commandIn(t, context.Background(), cache, nil, tt.args...)
		if n := strings.Count(got.stderr, line); got.status != exitOK || n != tt.lines {
			t.Errorf("%v: said %d times, want %d: %+v", tt.args, n, tt.lines, got)
		}
	}
	if got := command(t, cache, "info", nanoModel); !strings.Contains(got.stdout, "overridden     weights.licence, input.exif, by zoo.toml\n") ||
		!strings.Contains(got.stdout, "checked by sha256, from built-in embedded:") {
		t.Errorf("info: %s", got.stdout)
	}
	if got := command(t, cache, "info", nanoModel, "--format", "json"); !strings.Contains(strings.Join(strings.Fields(got.stdout), ""),
		`"overrides":[{"file":"zoo.toml","keys":["weights.licence","input.exif"]}],"cached":{"model":"`+nanoModel) {
		t.Errorf("info: %s", got.stdout)
	}
}

// TestOrigins shows how files came, and keeps what is secret out of it.
func TestOrigins(t *testing.T) {
	t.Chdir(t.TempDir())
	host := httptest.NewServer(serve(nanoBytes(t)))
	defer host.Close()
	own := filepath.Join(t.TempDir(), "own.pth")
	if err := os.WriteFile(own, nanoBytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	config := served(t, "https://nowhere.invalid", "served_digits")
	mirror := strings.Replace(host.URL, "http://", "http://user:hidden@", 1) + "/m"
	for _, tt := range []struct {
		way  string
		args []string
	}{
		{"mirror " + host.URL + "/m", []string{"--mirror", mirror, "download", "served_digits"}},
		{"import " + own, []string{"import", "served_digits", own}},
	} {
		cache := filepath.Join(t.TempDir(), "cache")
		os.Remove("zoo.lock")
		first := command(t, cache, append([]string{"--config", config}, tt.args...)...)
		again := command(t, cache, "--config", config, "--offline", "download", "served_digits")
		for _, got := range []result{first, again} {
			if got.status != exitOK || !strings.Contains(got.stderr, "checked by prefix, from "+tt.way) {
				t.Errorf("%s: %+v", tt.way, got)
			}
		}
		all := first.stderr + again.stderr
		for _, args := range [][]string{{"cache", "ls"}, {"--config", config, "info", "served_digits"}, {"--config", config, "--offline", "lock", "served_digits"}} {
			got := command(t, cache, args...)
			if got.status != exitOK || !strings.Contains(got.stdout+got.stderr, tt.way) {
				t.Errorf("%v does not say %q: %+v", args, tt.way, got)
			}
			all += got.stdout + got.stderr
		}
		word, _, _ := strings.Cut(tt.way, " ")
		for _, args := range [][]string{{"cache", "ls", "--format", "json"}, {"--config", config, "info", "served_digits", "--format", "json"}} {
			got := command(t, cache, args...)
			if !strings.Contains(got.stdout, `"way": "`+word+`"`) || !strings.Contains(got.stdout, `"checked_by": "prefix"`) {
				t.Errorf("%v: %s", args, got.stdout)
			}
			all += got.stdout
		}
		text, err := os.ReadFile("zoo.lock")
		if err != nil || !strings.Contains(string(text), "# from "+word) || strings.Contains(string(text), own) {
			t.Errorf("zoo.lock: %s, %v", text, err)
		}
		if strings.Contains(all+string(text), "hidden") {
			t.Errorf("%s: a password is shown: %s%s", tt.way, all, text)
		}
		// Pinned by hand, it is what the project wants.
		if got := command(t, cache, "--config", config, "--offline", "download", "served_digits"); !strings.Contains(got.stderr, "checked by lock") {
			t.Errorf("%s: after zoo lock: %+v", tt.way, got)
		}
	}
}

// TestOddLocks: a lock file that is none is said at once, and never taken for one that is not
// there.
func TestOddLocks(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	home := t.TempDir()
	key := filepath.Join(home, "k")
	if got := command(t, cache, "lock", "key", key); got.status != exitOK {
		t.Fatal(got)
	}
	for name, make := range map[string]func(path string) error{
		"endless device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"folder":         func(path string) error { return os.Mkdir(path, 0o755) },
		"too long":       func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"no lock file":   func(path string) error { return os.WriteFile(path, []byte("<html>"), 0o600) },
		"a long line":    func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "zoo.lock")
		if err := make(path); err != nil {
			t.Skip(err)
		}
		if name == "too long" {
			if err := os.Truncate(path, 1<<30); err != nil {
				t.Fatal(err)
			}
		}
		play(t, cache, []situation{
			{name: name, dir: dir, args: []string{"download", nanoModel}, status: exitUsage, says: []string{"zoo.lock"}},
			{name: name + ", pinning", dir: dir, args: []string{"lock", nanoModel}, status: exitUsage, says: []string{"zoo.lock"}},
			{name: name + ", with a key", dir: dir, args: []string{"--lock-key", key + ".pub", "download", nanoModel}, status: exitDigest, says: []string{"zoo.lock"}},
			{name: name + ", unused", dir: dir, args: []string{"list", "csp*"}, status: exitOK},
		})
	}
}

// TestWeakKeys has keys for which anybody can sign: they are said to be, and are asked for by no
// command.
func TestWeakKeys(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	t.Chdir(t.TempDir())
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("weak.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{
		{name: "lock", args: []string{"lock", nanoModel}, status: exitOK},
		{name: "verify", args: []string{"lock", "verify", "--key", "weak.pub"}, status: exitDigest, says: []string{"weak.pub", "small order"}},
		{name: "use", args: []string{"--lock-key", "weak.pub", "download", nanoModel}, status: exitDigest, says: []string{"small order"}},
		{name: "no key", args: []string{"--lock-key", "none.pub", "download", nanoModel}, status: exitUsage, says: []string{"none.pub"}},
		{name: "a folder for a key", args: []string{"--lock-key", ".", "download", nanoModel}, status: exitUsage, says: []string{"not a regular file"}},
	})
}
