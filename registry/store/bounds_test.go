package store

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

// limited allows a file whose size is stated nowhere a number of bytes.
func limited(n int64) Options {
	return Options{Limit: func(*registry.Entry) int64 { return n }}
}

// TestLimit bounds files whose size is stated nowhere by what their network can need, however
// they come, and no others.
func TestLimit(t *testing.T) {
	size := int64(len(content))
	host := faulthost.Start(t, content, nil)
	endless := faulthost.Start(t, content, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			if _, err := w.Write(content); err != nil {
				break
			}
		}
		return true
	})
	path := filepath.Join(t.TempDir(), "net.pth")
	write(t, path, content)
	for _, tt := range []struct {
		name string
		url  string
		size int64 // that the row states
		o    Options
		ok   bool
	}{
		{"small enough", host.URL + "/net.pth", 0, limited(size), true},
		{"no limit", host.URL + "/net.pth", 0, limited(0), true},
		{"too large", host.URL + "/net.pth", 0, limited(size - 1), false},
		{"the row states its size", host.URL + "/net.pth", size, limited(size - 1), true},
		{"without end", endless.URL + "/net.pth", 0, limited(10 * size), false},
		{"a file", "file:" + filepath.ToSlash(path), 0, limited(size - 1), false},
	} {
		s := newStore(t)
		e := newEntry(t, tt.url)
		e.Weights.Size = tt.size
		_, err := s.Fetch(t.Context(), e, tt.o)
		if (err == nil) != tt.ok || err != nil && !errors.As(err, new(*MismatchError)) {
			t.Errorf("%s: error = %v", tt.name, err)
		}
		if left := files(t, s); !tt.ok && left != nil {
			t.Errorf("%s: left behind: %q", tt.name, left)
		}
	}
	if _, err := newStore(t).Import(t.Context(), newEntry(t, ""), path, limited(size-1)); !errors.As(err, new(*MismatchError)) {
		t.Errorf("import: error = %v", err)
	}
}

// TestHubStatesLittle has hubs that state a digest with no size, or sizes that no network has.
func TestHubStatesLittle(t *testing.T) {
	for stated, ok := range map[string]bool{"": true, "0": true, "-5": true, "x": true, "99999999999999999999": true, "1125899906842624": false} {
		h := startHub(t, "", func(h http.Header) { h.Set("X-Linked-Size", stated) })
		s := newStore(t)
		o := limited(64 << 20)
		o.Hub = hub.Hub{Endpoint: h.URL}
		blob, err := s.Fetch(t.Context(), newEntry(t, "hf://org/net/net.pth"), o)
		if ok && (err != nil || blob.CheckedBy != ByHost || blob.Size != int64(len(content))) {
			t.Errorf("size %q: %+v, %v", stated, blob, err)
		}
		if !ok && (!errors.As(err, new(*MismatchError)) || !strings.Contains(err.Error(), "needs no more than")) {
			t.Errorf("size %q: error = %v", stated, err)
		}
	}
}

// TestRetriesAreNoticed tells of attempts at each kind of address.
func TestRetriesAreNoticed(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	busy := faulthost.Start(t, content, faulthost.Status(http.StatusServiceUnavailable, faulthost.Always, "busy"))
	at := strings.TrimPrefix(busy.URL, "http://")
	for _, url := range []string{busy.URL + "/net.pth", "hf://org/net/net.pth", "oci://" + at + "/net:v1"} {
		var notices []string
		o := Options{Hub: hub.Hub{Endpoint: busy.URL}, Notice: func(text string) { notices = append(notices, text) }}
		if _, err := newStore(t).Fetch(t.Context(), newEntry(t, url), o); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s: error = %v", url, err)
		}
		if len(notices) != 2 || !strings.Contains(notices[0], "503") || !strings.Contains(notices[1], "attempt 3 of 3") {
			t.Errorf("%s: notices %q", url, notices)
		}
	}
}
