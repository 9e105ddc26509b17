package hub_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

// TestDownload wants the file of one commit, named by it, and bytes refused that are not those
// that the hub states.
func TestDownload(t *testing.T) {
	const body = "weights"
	commit := strings.Repeat("c0ffee12", 5)
	stated := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Repo-Commit", commit)
		w.Header().Set("X-Linked-Etag", `"`+stated+`"`)
		if r.Method == http.MethodGet && !strings.Contains(r.URL.Path, commit) {
			t.Errorf("asked for %s, want that of the commit", r.URL.Path)
		}
		w.Write([]byte(body))
	}))
	defer server.Close()
	address, err := registry.ParseAddress("hf://org/repo/model.bin")
	if err != nil {
		t.Fatal(err)
	}
	h, path := hub.Hub{Endpoint: server.URL}, filepath.Join(t.TempDir(), "model.bin")
	pinned, err := h.Download(context.Background(), address, path, nil)
	got, rerr := os.ReadFile(path)
	if err != nil || rerr != nil || string(got) != body || pinned != "hf://org/repo/model.bin@"+commit {
		t.Errorf("%q, %q, %v, %v", pinned, got, err, rerr)
	}
	stated = strings.Repeat("0", 64)
	if _, err := h.Download(context.Background(), address, path+"2", nil); !errors.Is(err, digest.ErrMismatch) {
		t.Errorf("error %v, want one of the digest", err)
	}
}
