package oci

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ociserver "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

func newNet() *transfer.Client {
	net := transfer.NewClient()
	net.Attempts, net.Backoff = 2, time.Millisecond
	return net
}

// TestLogin pushes to and pulls from a registry that wants a password, which
// stands in docker's configuration, and whose blobs are on another host, which
// must not see it.
func TestLogin(t *testing.T) {
	content := []byte("a checkpoint")
	sum := digest.Of(sha256.Sum256(content))
	seenElsewhere := "not asked"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seenElsewhere = r.Header.Get("Authorization")
		w.Write(content)
	}))
	defer elsewhere.Close()
	handler := ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	a, err := registry.ParseAddress("oci://" + host + "/net:v1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.pth")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f := File{Path: path, Digest: sum, Size: int64(len(content)), Title: "net.pth"}

	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	_, err = NewClient(newNet()).Push(t.Context(), a, f)
	if failed, ok := err.(*transfer.Error); !ok || failed.Status != http.StatusUnauthorized ||
		!strings.Contains(err.Error(), "docker login "+host+"; the tag was not changed") {
		t.Errorf("push without a password: error = %v, want a transfer.Error of status 401", err)
	}
	auths := `{"auths": {"` + host + `": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:secret")) + `"}}}`
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(auths), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewClient(newNet())
	if _, err := c.Push(t.Context(), a, f); err != nil {
		t.Fatal(err)
	}
	found, err := c.Resolve(t.Context(), "net", a, sum, true, nil)
	if err != nil || found.Digest != sum || found.Size != int64(len(content)) {
		t.Fatalf("resolve: %+v, %v", found, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, found.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := found.Via.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != string(content) {
		t.Errorf("layer = %q, %v", got, err)
	}
	if seenElsewhere != "" {
		t.Errorf("another host saw %q", seenElsewhere)
	}
}

func TestChoose(t *testing.T) {
	of := func(title, digits string) layer {
		var d layer
		text := `{"digest":"sha256:` + strings.Repeat(digits, 8) + `","annotations":{"org.opencontainers.image.title":"` + title + `"}}`
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := of("a.pth", "aaaaaaaa"), of("b.pth", "bbbbbbbb")
	prefix, err := digest.Parse("bbbbbbbb")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		layers []layer
		title  string
		want   digest.Digest
		got    string // title, or part of the error
		ok     bool
	}{
		{"title", []layer{a, b}, "b.pth", digest.Digest{}, "b.pth", true},
		{"digest", []layer{a, b}, "", prefix, "b.pth", true},
		{"only one", []layer{a}, "", prefix, "a.pth", true},
		{"title before digest", []layer{a, b}, "a.pth", prefix, "a.pth", true},
		{"none of two", []layer{a, a}, "", prefix, `found 2: "a.pth", "a.pth"`, false},
		{"no such title", []layer{a}, "c.pth", prefix, `found 1: "a.pth"`, false},
		{"no layers", nil, "", prefix, "found 0", false},
	}
	for _, tt := range tests {
		l, err := choose(tt.layers, tt.title, tt.want)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = l.title()
		}
		if (err == nil) != tt.ok || !strings.Contains(got, tt.got) {
			t.Errorf("%s: %s", tt.name, cmp.Diff(tt.got, got))
		}
	}
}
