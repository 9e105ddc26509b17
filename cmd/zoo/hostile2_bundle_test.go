package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/faulthost"
)

// TestHostile2Bundle loads the corpus' bundles, with and without a key that is asked for.
func TestHostile2Bundle(t *testing.T) {
	dir, cache := corpus(t, "hostile-2"), t.TempDir()
	t.Chdir(t.TempDir())
	if got := command(t, cache, "lock", "key", "k"); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	load := func(name, file string, status int, says string, args ...string) situation {
		return situation{name: name, args: append(args, "bundle", "load", filepath.Join(dir, file)), status: status, says: []string{says},
			never: []string{filepath.Join(cache, "goldens")}}
	}
	key := []string{"--lock-key", "k.pub"}
	play(t, cache, []situation{
		load("#2 with a key", "unsigned_golden.tar", exitDigest, "no signature covers it", key...),
		load("#2 without", "unsigned_golden.tar", exitCheckpoint, "not in the bundle"),
		load("#5 a blob", "sparse_blob_4GiB.tar", exitCheckpoint, "sparse"),
		load("#5 a golden", "sparse_golden_1GB.tar", exitCheckpoint, "expected"),
		load("#5 a blob, with a key", "sparse_blob_4GiB.tar", exitDigest, "no signature covers it", key...),
		load("#5 a golden, with a key", "sparse_golden_1GB.tar", exitDigest, "no signature covers it", key...),
		{name: "#2 the key in the environment", args: []string{"bundle", "load", filepath.Join(dir, "unsigned_golden.tar")},
			env: map[string]string{"ZOO_LOCK_KEY": "k.pub"}, status: exitDigest},
	})
	for _, left := range []string{"goldens", "licences", "blobs", "refs"} {
		if entries, _ := os.ReadDir(filepath.Join(cache, left)); len(entries) > 0 {
			t.Errorf("%d files in %s of the cache", len(entries), left)
		}
	}
}

// TestOCILayers downloads what manifests name whose layers are no layers: each of them is
// refused, and nothing panics.
func TestOCILayers(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	manifest := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", "nocolon")
		fmt.Fprint(w, manifest)
	}))
	defer server.Close()
	row := filepath.Join(t.TempDir(), "zoo.toml")
	text := fmt.Sprintf("[%s.weights]\nurl = \"oci://%s/r:v1\"\nsha256 = \"00000000\"\nsize = 0\n", nanoModel, strings.TrimPrefix(server.URL, "http://"))
	if err := os.WriteFile(row, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	layer := func(digest string) string { return fmt.Sprintf(`{"mediaType": "x", "digest": %s, "size": 3}`, digest) }
	for name, layers := range map[string]string{
		"no colon": layer(`"nocolon"`), "empty": layer(`""`), "none": `{"size": 3}`, "null": "null", "a number": layer("1"),
		"short": layer(`"sha256:00"`), "another algorithm": layer(`"sha512:` + strings.Repeat("0", 128) + `"`),
		"upper case": layer(`"sha256:` + strings.Repeat("A", 64) + `"`), "only a colon": layer(`":"`), "two colons": layer(`"sha256:sha256:` + strings.Repeat("0", 64) + `"`),
		"two":               layer(`"nocolon"`) + "," + layer(`""`),
		"a size below zero": `{"digest": "sha256:` + strings.Repeat("0", 64) + `", "size": -1}`,
		"a size beyond":     `{"digest": "sha256:` + strings.Repeat("0", 64) + `", "size": 92233720368547758070}`,
	} {
		manifest = `{"schemaVersion": 2, "layers": [` + layers + `]}`
		if got := command(t, t.TempDir(), "--config", row, "download", nanoModel); got.status != exitNetwork {
			t.Errorf("%s: exit status %d: %s", name, got.status, got.stderr)
		}
	}
	for _, manifest = range []string{"", "null", "[]", "{", `{"layers": {}}`, `{"layers": null}`, `{"mediaType": "application/vnd.oci.image.index.v1+json"}`} {
		if got := command(t, t.TempDir(), "--config", row, "download", nanoModel); got.status != exitNetwork {
			t.Errorf("%s: exit status %d: %s", manifest, got.status, got.stderr)
		}
	}
}

// TestBundleGolden follows a golden through bundles that are signed, or not, to zoo verify,
// which says where it is from.
func TestBundleGolden(t *testing.T) {
	t.Chdir(t.TempDir())
	host := faulthost.Start(t, nanoBytes(t), nil)
	config := served(t, host.URL, "served_digits")
	embeddedGoldens, err := golden.Files(nanoModel)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range embeddedGoldens {
		c, err := converter.Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sd, err := c.StateDict()
		if err != nil {
			t.Fatal(err)
		}
		c.Metadata["model"] = "served_digits"
		if err := safetensors.WriteFile("mine.safetensors", sd, c.Metadata); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"k", "other"} {
		if got := command(t, t.TempDir(), "lock", "key", key); got.status != exitOK {
			t.Fatal(got.stderr)
		}
	}
	create := func(args ...string) {
		t.Helper()
		args = append([]string{"--config", config, "bundle", "create", "served_digits", "--golden", "mine.safetensors"}, args...)
		if got := command(t, t.TempDir(), args...); got.status != exitOK {
			t.Fatal(got.stderr)
		}
	}
	create("-o", "unsigned.tar")
	create("-o", "signed.tar", "--key", "k")
	in := func(cache string, status int, says, never string, args ...string) situation {
		s := situation{name: strings.Join(args, " "), args: append([]string{"--cache-dir", cache, "--config", config}, args...), status: status, says: []string{says}}
		if never != "" {
			s.never = []string{never}
		}
		return s
	}
	one, two := t.TempDir(), t.TempDir()
	play(t, one, []situation{
		in(one, exitOK, "unsigned", "signed by", "bundle", "load", "unsigned.tar"),
		in(one, exitOK, "mine.safetensors is of bundle", "signed by", "verify", "served_digits"),
		in(one, exitOK, `"golden_origin": "bundle"`, "golden_signed_by", "verify", "served_digits", "--format", "json"),
		in(two, exitDigest, "no signature", "", "--lock-key", "k.pub", "bundle", "load", "unsigned.tar"),
		in(two, exitDigest, "expected key", "", "--lock-key", "other.pub", "bundle", "load", "signed.tar"),
		in(two, exitOK, "signed by key", "unsigned", "--lock-key", "k.pub", "bundle", "load", "signed.tar"),
		in(two, exitOK, "unsigned", "", "bundle", "load", "unsigned.tar"),
		in(two, exitOK, "signed by key", "unsigned", "verify", "served_digits"),
		in(two, exitOK, `"golden_signed_by": "`, "", "verify", "served_digits", "--format", "json"),
		in(two, exitOK, `"golden_origin": "embedded"`, "golden_bundle", "verify", nanoModel, "--format", "json"),
		in(two, exitDigest, "", "PASS", "--lock-key", "other.pub", "verify", "served_digits"),
		in(one, exitDigest, "", "PASS", "--lock-key", "k.pub", "verify", "served_digits"),
	})
}
