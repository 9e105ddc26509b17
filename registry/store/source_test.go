package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/internal/oci"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

func TestFetchFromMirror(t *testing.T) {
	var got string
	host := faulthost.Start(t, content, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		got = r.URL.String()
		return false
	})
	s := newStore(t)
	blob, err := s.Fetch(t.Context(), newEntry(t, "https://nowhere.invalid/a/net.pth?x=1"), Options{Mirror: host.URL + "/mirror/"})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, ByPrefix)
	if want := "/mirror/a/net.pth?x=1"; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

func TestFetchFromFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a file.pth")
	write(t, path, content)
	t.Chdir(dir)
	urls := []string{"file:a file.pth", "file:" + filepath.ToSlash(path)}
	if strings.HasPrefix(path, "/") {
		urls = append(urls, "file://"+strings.ReplaceAll(path, " ", "%20"))
	}
	for _, url := range urls {
		s := newStore(t)
		blob, err := s.Fetch(t.Context(), newEntry(t, url), Options{Offline: true, Mirror: "https://mirror.invalid"})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		checkBlob(t, s, blob, ByPrefix)
	}
	write(t, path, content[1:])
	if _, err := newStore(t).Fetch(t.Context(), newEntry(t, urls[0]), Options{}); !errors.As(err, new(*MismatchError)) {
		t.Errorf("another file: error = %v, want a MismatchError", err)
	}
}

// TestFetchFromCopies has files in the caches of other programs; only the right
// one is taken, and none of them is changed.
func TestFetchFromCopies(t *testing.T) {
	torch, hubCache := t.TempDir(), t.TempDir()
	blobs := filepath.Join(hubCache, "models--org--net", "blobs")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	inTorch, inHub := filepath.Join(torch, "net.pth"), filepath.Join(blobs, digestOf(content).String())
	tests := []struct {
		name       string
		torch, hub []byte
		full       bool     // all digits are known
		notices    []string // parts, one each
		ok         bool
	}{
		{"none", nil, nil, true, nil, false},
		{"torch hub", content, nil, false, []string{"taken from " + inTorch}, true},
		{"hub", nil, content, true, []string{"taken from " + inHub}, true},
		{"hub, of any repository, with the same 8 digits", nil, content, false, nil, false},
		{"hub damaged", nil, flip(content, 9), true, []string{inHub + " was not used: it is another file"}, false},
		{"hub damaged, torch hub good", content, flip(content, 9), true, []string{"was not used", "taken from " + inTorch}, true},
		{"torch hub damaged, hub good", flip(content, 9), content, true, []string{"taken from " + inHub}, true},
		{"torch hub half", content[:1000], nil, true, []string{"another file"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for path, data := range map[string][]byte{inTorch: tt.torch, inHub: tt.hub} {
				os.Remove(path)
				if data != nil {
					write(t, path, data)
				}
			}
			s := newStore(t)
			var notices []string
			e, by := newEntry(t, "https://nowhere.invalid/v0/net.pth"), ByPrefix
			if tt.full {
				fullDigest(e)
				by = BySHA256
			}
			blob, err := s.Fetch(t.Context(), e, Options{
				Offline: true, TorchCheckpoints: torch, Hub: hub.Hub{Cache: hubCache},
				Notice: func(text string) { notices = append(notices, text) },
			})
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				checkBlob(t, s, blob, by)
			} else if !errors.As(err, new(*OfflineError)) {
				t.Errorf("error = %v, want an OfflineError", err)
			}
			if len(notices) != len(tt.notices) {
				t.Fatalf("notices = %q, want %d", notices, len(tt.notices))
			}
			for i, want := range tt.notices {
				if !strings.Contains(notices[i], want) {
					t.Errorf("notice %q, want %q in it", notices[i], want)
				}
			}
			for path, data := range map[string][]byte{inTorch: tt.torch, inHub: tt.hub} {
				if now, _ := os.ReadFile(path); !bytes.Equal(now, data) {
					t.Errorf("%s was changed", path)
				}
			}
		})
	}
}

// fakeHub answers as huggingface.co does: the resolve endpoint states digest and
// commit, and sends to another host for the bytes.
type fakeHub struct {
	*httptest.Server
	cdn  *faulthost.Host
	mu   sync.Mutex
	seen []string
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func startHub(t *testing.T, token string, edit func(h http.Header)) *fakeHub {
	h := &fakeHub{}
	see := func(host string, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = append(h.seen, fmt.Sprintf("%s %s%s %s", r.Method, host, r.URL.EscapedPath(), r.Header.Get("Authorization")))
	}
	h.cdn = faulthost.Start(t, content, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		see("cdn", r)
		return false
	})
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		see("hub", r)
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("X-Error-Code", "GatedRepo")
			w.Header().Set("X-Error-Message", "Access to model org/net is restricted.")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/org/old/") { // renamed
			http.Redirect(w, r, strings.Replace(r.URL.Path, "/old/", "/net/", 1), http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("X-Repo-Commit", commit)
		w.Header().Set("X-Linked-Etag", `"`+digestOf(content).String()+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
		w.Header().Set("ETag", `"of the redirect"`)
		if edit != nil {
			edit(w.Header())
		}
		http.Redirect(w, r, h.cdn.URL+"/signed?by=me", http.StatusFound)
	}))
	t.Cleanup(h.Close)
	return h
}

func TestFetchFromHub(t *testing.T) {
	wrong := flip(content, 3)
	tests := []struct {
		name, url, token string
		needs            string // token that the hub wants
		edit             func(h http.Header)
		by               Check
		want             any
		text             string
		seen             []string
	}{
		{
			name: "branch", url: "hf://org/net/weights/net.pth", by: ByHost,
			seen: []string{"HEAD hub/org/net/resolve/main/weights/net.pth ", "GET hub/org/net/resolve/" + commit + "/weights/net.pth ", "GET cdn/signed "},
		},
		{
			name: "revision with a slash, token", url: "hf://org/net/net.pth@refs/pr/1", token: "hf_secret", needs: "hf_secret", by: ByHost,
			seen: []string{"HEAD hub/org/net/resolve/refs%2Fpr%2F1/net.pth Bearer hf_secret", "GET hub/org/net/resolve/" + commit + "/net.pth Bearer hf_secret", "GET cdn/signed "},
		},
		{
			name: "renamed", url: "hf://org/old/net.pth@main", by: ByHost,
			seen: []string{
				"HEAD hub/org/old/resolve/main/net.pth ", "HEAD hub/org/net/resolve/main/net.pth ",
				"GET hub/org/old/resolve/" + commit + "/net.pth ", "GET hub/org/net/resolve/" + commit + "/net.pth ", "GET cdn/signed ",
			},
		},
		{
			name: "small file: no sha256 stated", url: "hf://org/net/net.pth@v1", by: ByPrefix,
			edit: func(h http.Header) { h.Del("X-Linked-Etag"); h.Del("X-Repo-Commit") },
			seen: []string{"HEAD hub/org/net/resolve/v1/net.pth ", "GET hub/org/net/resolve/v1/net.pth ", "GET cdn/signed "},
		},
		{
			name: "another file", url: "hf://org/net/net.pth", want: new(*MismatchError), text: "so the hub states before any download",
			edit: func(h http.Header) { h.Set("X-Linked-Etag", `"`+digestOf(wrong).String()+`"`) },
			seen: []string{"HEAD hub/org/net/resolve/main/net.pth "},
		},
		{
			name: "another file behind the digest", url: "hf://org/net/net.pth", want: new(*MismatchError), text: "same 8 digits as the file in the hub",
			edit: func(h http.Header) {
				h.Set("X-Linked-Etag", `"`+digestOf(content).Short()+strings.Repeat("0", 56)+`"`)
			},
			seen: []string{"HEAD hub/org/net/resolve/main/net.pth ", "GET hub/org/net/resolve/" + commit + "/net.pth ", "GET cdn/signed "},
		},
		{
			name: "gated, no token", url: "hf://org/net/net.pth", needs: "hf_secret", want: new(*FetchError),
			text: "HTTP status 401 Unauthorized: the server says: Access to model org/net is restricted.; no token was sent",
			seen: []string{"HEAD hub/org/net/resolve/main/net.pth "},
		},
		{
			name: "gated, wrong token", url: "hf://org/net/net.pth", token: "hf_wrong", needs: "hf_secret", want: new(*FetchError), text: "a token was found",
			seen: []string{"HEAD hub/org/net/resolve/main/net.pth Bearer hf_wrong"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := startHub(t, tt.needs, tt.edit)
			s := newStore(t)
			blob, err := s.Fetch(t.Context(), newEntry(t, tt.url), Options{Hub: hub.Hub{Endpoint: h.URL, Token: tt.token}})
			if tt.want != nil {
				if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error = %v, want a %T with %q", err, tt.want, tt.text)
				}
				if err != nil && strings.Contains(err.Error(), "hf_") {
					t.Errorf("error with the token: %v", err)
				}
			} else if err != nil {
				t.Errorf("fetch: %v", err)
			} else {
				checkBlob(t, s, blob, tt.by)
			}
			if d := cmp.Diff(tt.seen, h.seen); d != "" {
				t.Errorf("requests (-want +got)\n%s", d)
			}
		})
	}
}

// TestHubMirror keeps the token from a mirror.
func TestHubMirror(t *testing.T) {
	h := startHub(t, "", nil)
	s := newStore(t)
	blob, err := s.Fetch(t.Context(), newEntry(t, "hf://org/net/net.pth"), Options{
		Mirror: h.URL + "/proxy", Hub: hub.Hub{Endpoint: "https://hub.invalid", Token: "hf_secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, ByHost)
	want := []string{"HEAD hub/proxy/org/net/resolve/main/net.pth ", "GET hub/proxy/org/net/resolve/" + commit + "/net.pth ", "GET cdn/signed "}
	if d := cmp.Diff(want, h.seen); d != "" {
		t.Errorf("requests (-want +got)\n%s", d)
	}
}

// startOCI starts a registry, which needs a login when password is not empty, and
// whose blobs are on another path after a redirect.
func startOCI(t *testing.T, fault faulthost.Fault) (host string, blobs *faulthost.Host) {
	blobs = faulthost.Start(t, content, fault)
	handler := ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/blobs/sha256:"+digestOf(content).String()) {
			http.Redirect(w, r, blobs.URL+"/storage", http.StatusTemporaryRedirect)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), blobs
}

func pushed(t *testing.T, s *Store, address string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.pth")
	write(t, path, content)
	a, err := registry.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.oci().Push(t.Context(), a, oci.File{
		Path: path, Digest: digestOf(content), Size: int64(len(content)), Title: "net.pth",
		Annotations: map[string]string{"org.opencontainers.image.licenses": "Apache-2.0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got.Reference
}

func TestFetchFromOCI(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	host, blobs := startOCI(t, faulthost.CutAt(content, len(content)/2, 1))
	s := newStore(t)
	tag := "oci://" + host + "/models/net:v1"
	byDigest := pushed(t, s, tag)
	if again := pushed(t, s, tag); again != byDigest || !strings.HasPrefix(byDigest, "oci://"+host+"/models/net@sha256:") {
		t.Errorf("pushed twice: %s and %s, want the same by digest", byDigest, again)
	}
	for i, url := range []string{tag, byDigest, tag + "#net.pth"} {
		s := newStore(t)
		blob, err := s.Fetch(t.Context(), newEntry(t, url), Options{})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		checkBlob(t, s, blob, ByHost)
		if sent := blobs.Sent(); sent != len(content) {
			t.Errorf("%s: %d bytes were sent, want each of the %d once, also after the cut of download %d", url, sent, len(content), i)
		}
	}
	mirror := newStore(t)
	blob, err := mirror.Fetch(t.Context(), newEntry(t, "oci://registry.invalid/net:v1"), Options{Mirror: "http://" + host + "/models"})
	if err != nil {
		t.Fatalf("mirror: %v", err)
	}
	checkBlob(t, mirror, blob, ByHost)

	for url, text := range map[string]string{
		"oci://" + host + "/models/net:v2":          "HTTP status 404",
		"oci://" + host + "/models/other:v1":        "HTTP status 404",
		tag + "#other.pth":                          `expected one layer to choose by #title, found 1: "net.pth"`,
		"oci://" + "127.0.0.1:1" + "/models/net:v1": "refused",
	} {
		s := newStore(t)
		var fetch *FetchError
		if _, err := s.Fetch(t.Context(), newEntry(t, url), Options{}); !errors.As(err, &fetch) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error = %v, want a FetchError with %q", url, err, text)
		}
		if left := files(t, s); left != nil {
			t.Errorf("%s: left behind: %q", url, left)
		}
	}
	e := newEntry(t, tag)
	e.Weights.Digest = mustDigest(t, "00000000")
	if _, err := newStore(t).Fetch(t.Context(), e, Options{}); !errors.As(err, new(*MismatchError)) || !strings.Contains(err.Error(), "so the artifact states") {
		t.Errorf("another digest: error = %v, want a MismatchError", err)
	}
}
