package store

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

// hubRow returns a row of a hub's file that states no digest.
func hubRow(name, url string) *registry.Entry {
	w := registry.Weights{URL: url}
	return &registry.Entry{Name: name, Weights: w, Builtin: w}
}

// TestHubRow fetches files of which only the hub states the digest: that is what they are checked by, what came by
// another address stands for none of them, and a file that is there under another name is not fetched again.
func TestHubRow(t *testing.T) {
	h := startHub(t, "", nil)
	s := newStore(t)
	o := Options{Hub: hub.Hub{Endpoint: h.URL}}
	row := hubRow("zoo/net", "hf://org/net/model.safetensors")
	blob, err := s.Fetch(t.Context(), row, o)
	if err != nil || blob.CheckedBy != ByHost || blob.Digest != digestOf(content) || blob.Size != int64(len(content)) {
		t.Fatalf("%+v, %v", blob, err)
	}
	requests := len(h.seen)
	again, err := s.Fetch(t.Context(), row, Options{Offline: true})
	if err != nil || again.CheckedBy != ByHost || again.Digest != blob.Digest {
		t.Errorf("from the cache: %+v, %v", again, err)
	}
	// Another row of the file asks the hub, and finds the file here.
	blob, err = s.Fetch(t.Context(), hubRow("zoo/net-288px", row.Weights.URL), o)
	if err != nil || blob.CheckedBy != ByHost || len(h.seen) != requests+1 {
		t.Errorf("another row of the file: %+v, %v, %d requests", blob, err, len(h.seen)-requests)
	}
	if again, err = s.Fetch(t.Context(), hubRow("zoo/net-288px", row.Weights.URL), Options{Offline: true}); err != nil || again.CheckedBy != ByHost {
		t.Errorf("that from the cache: %+v, %v", again, err)
	}
	// A row of another address is another file.
	for _, url := range []string{"hf://org/other/model.safetensors", "hf://org/net/model.safetensors@v2"} {
		if blob, err := s.Fetch(t.Context(), hubRow("zoo/net", url), Options{Offline: true}); !errors.As(err, new(*OfflineError)) {
			t.Errorf("%s: %+v, %v", url, blob, err)
		}
	}
}

// TestHubRowRefuses wants nothing kept of files whose digest nobody states, or another than theirs.
func TestHubRowRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(http.Header)
		want any
	}{
		{"no digest", func(h http.Header) { h.Del("X-Linked-Etag") }, new(*TrustError)},
		{"git's digest", func(h http.Header) { h.Set("X-Linked-Etag", `"`+commit+`"`) }, new(*TrustError)},
		{"another file's", func(h http.Header) { h.Set("X-Linked-Etag", `"`+digestOf(flip(content, 3)).String()+`"`) }, new(*MismatchError)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHub(t, "", tt.edit)
			s := newStore(t)
			row := hubRow("zoo/net", "hf://org/net/model.safetensors")
			if blob, err := s.Fetch(t.Context(), row, Options{Hub: hub.Hub{Endpoint: h.URL}}); !errors.As(err, tt.want) {
				t.Errorf("%+v, %v", blob, err)
			}
			if blob, err := s.Fetch(t.Context(), row, Options{Offline: true}); err == nil {
				t.Errorf("afterwards: %+v", blob)
			}
		})
	}
}

// TestHubRowInClientsCache takes a file of the hub's own client, which names it by the digest that the hub stated.
func TestHubRowInClientsCache(t *testing.T) {
	for _, tt := range []struct {
		name string
		blob digest.Digest
		ok   bool
	}{
		{"as the hub stated", digestOf(content), true},
		{"changed since", digestOf(flip(content, 3)), false},
		{"named by something else", digest.Digest{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache := t.TempDir()
			repository := filepath.Join(cache, "models--org--net")
			snapshot := filepath.Join(repository, "snapshots", commit)
			name := "model"
			if tt.blob != (digest.Digest{}) {
				name = tt.blob.String()
			}
			for path, data := range map[string][]byte{filepath.Join(repository, "refs", "main"): []byte(commit), filepath.Join(repository, "blobs", name): content} {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, path, data)
			}
			if err := os.MkdirAll(snapshot, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(repository, "blobs", name), filepath.Join(snapshot, "model.safetensors")); err != nil {
				t.Skip(err)
			}
			s := newStore(t)
			row := hubRow("zoo/net", "hf://org/net/model.safetensors")
			blob, err := s.Fetch(t.Context(), row, Options{Offline: true, Hub: hub.Hub{Cache: cache}})
			if (err == nil) != tt.ok {
				t.Fatalf("%+v, %v", blob, err)
			}
			if again, err := s.Fetch(t.Context(), row, Options{Offline: true}); (err == nil) != tt.ok || tt.ok && again.CheckedBy != ByHost {
				t.Errorf("afterwards: %+v, %v", again, err)
			}
		})
	}
}
