package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFromEnv follows huggingface_hub/constants.py and utils/_auth.py.
func TestFromEnv(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "home", ".cache", "huggingface", "token"), "hf_home\n")
	write(t, filepath.Join(dir, "xdg", "huggingface", "token"), " hf_xdg ")
	write(t, filepath.Join(dir, "hf", "token"), "hf_hfhome")
	write(t, filepath.Join(dir, "a token"), "hf_path")
	write(t, filepath.Join(dir, "bad"), "hf_\nX-Evil: 1")
	in := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	tests := []struct {
		name string
		env  map[string]string
		want hub.Hub
	}{
		{"nothing", nil, hub.Hub{}},
		{"home", map[string]string{"HOME": in("home")}, hub.Hub{Token: "hf_home", Cache: in("home", ".cache", "huggingface", "hub")}},
		{"no token there", map[string]string{"HOME": in("none")}, hub.Hub{Cache: in("none", ".cache", "huggingface", "hub")}},
		{"XDG", map[string]string{"HOME": in("home"), "XDG_CACHE_HOME": in("xdg")}, hub.Hub{Token: "hf_xdg", Cache: in("xdg", "huggingface", "hub")}},
		{"HF_HOME", map[string]string{"HOME": in("home"), "HF_HOME": in("hf")}, hub.Hub{Token: "hf_hfhome", Cache: in("hf", "hub")}},
		{"HF_TOKEN_PATH", map[string]string{"HF_HOME": in("hf"), "HF_TOKEN_PATH": in("a token")}, hub.Hub{Token: "hf_path", Cache: in("hf", "hub")}},
		{"HF_TOKEN", map[string]string{"HF_TOKEN": " hf_env\n", "HF_TOKEN_PATH": in("a token")}, hub.Hub{Token: "hf_env"}},
		{"not a token", map[string]string{"HF_TOKEN_PATH": in("bad")}, hub.Hub{}},
		{"cache and endpoint", map[string]string{"HF_HUB_CACHE": "c", "HF_ENDPOINT": "https://mirror.example.org/"}, hub.Hub{Endpoint: "https://mirror.example.org", Cache: "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, hub.FromEnv(func(key string) string { return tt.env[key] })); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestCopies(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	hex := strings.Repeat("ab", 32)
	dir := filepath.Join(t.TempDir(), "[a-z]*") // a pattern, if it is taken for one
	in := func(path string) string { return filepath.Join(dir, filepath.FromSlash(path)) }
	write(t, in("models--org--net/refs/main"), commit)
	write(t, in("models--org--net/refs/evil"), "../../..")
	write(t, in("models--org--net/snapshots/"+commit+"/w/net.pth"), "x")
	write(t, in("models--other--net/blobs/"+hex), "x")
	write(t, in("models--other--net/blobs/"+hex+".incomplete"), "x")
	write(t, in("models--other--net/blobs/"+hex[:8]+strings.Repeat("0", 32)), "a git sha1")
	write(t, in("datasets--other--net/blobs/"+hex), "x")
	parse := func(s string) digest.Digest {
		d, err := digest.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	snapshot, blob := in("models--org--net/snapshots/"+commit+"/w/net.pth"), in("models--other--net/blobs/"+hex)
	for _, tt := range []struct {
		url    string
		digest digest.Digest
		want   []string
	}{
		{"hf://org/net/w/net.pth", digest.Digest{}, []string{snapshot}},
		{"hf://org/net/w/net.pth@" + commit, parse(hex), []string{snapshot, blob}},
		{"hf://org/net/w/net.pth@evil", digest.Digest{}, nil},
		{"hf://org/net/w/net.pth@v2", parse(hex[:8]), []string{blob}},
		{"https://example.org/net.pth", parse(hex[:8]), []string{blob}},
		{"https://example.org/net.pth", parse("00000000"), nil},
	} {
		a, err := registry.ParseAddress(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, hub.Hub{Cache: dir}.Copies(a, tt.digest)); d != "" {
			t.Errorf("%s %s (-want +got)\n%s", tt.url, tt.digest, d)
		}
	}
}
