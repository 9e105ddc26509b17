package store

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

func TestFetchWithoutNetwork(t *testing.T) {
	host := faulthost.Start(t, content, nil)
	dead := httptest.NewServer(host)
	dead.Close()
	tests := []struct {
		name, url string
		o         Options
		want      any
		text      string
	}{
		{"offline", host.URL + "/f", Options{Offline: true}, new(*OfflineError), "zoo import net_in1k FILE"},
		{"no address", "", Options{}, new(*OfflineError), "no address to download from"},
		{"refused", dead.URL + "/f", Options{}, new(*FetchError), "refused"},
		{"no such host", "https://host.invalid/f", Options{}, new(*FetchError), "host.invalid"},
		{"mirror not a URL", host.URL + "/f", Options{Mirror: "mirror.example.org"}, new(error), "mirror"},
		{"address not a URL", "ftp://example.org/f", Options{}, new(error), "expected http://"},
		{"no embedded files", "embedded:net.pth", Options{}, new(error), "no embedded files"},
		{"embedded file missing", "embedded:net.pth", Options{Embedded: fstest.MapFS{}}, new(*fs.PathError), "embedded file"},
		{"embedded file wrong", "embedded:net.pth", Options{Embedded: fstest.MapFS{"net.pth": {Data: []byte("x")}}}, new(*MismatchError), "found sha256"},
		{"file missing", "file:/nowhere/at/all", Options{}, new(*fs.PathError), "/nowhere/at/all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			_, err := s.Fetch(t.Context(), newEntry(t, tt.url), tt.o)
			if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error = %v, want a %T with %q", err, tt.want, tt.text)
			}
			if left := files(t, s); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
	if n := host.Requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	s := newStore(t)
	if _, err := s.Fetch(t.Context(), newEntry(t, host.URL+"/f"), Options{Offline: true}); err == nil {
		t.Error("fetched nothing from nowhere")
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made before anything was written: %v", err)
	}
}

// failingTransport fails a test that sends a request.
type failingTransport struct{ t *testing.T }

func (f failingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	f.t.Errorf("offline, a request was sent to %s", r.URL)
	return nil, errors.New("offline")
}

// TestOfflineOpensNoSocket does everything that is possible offline where every
// dialer, resolver and transport fails the test.
func TestOfflineOpensNoSocket(t *testing.T) {
	resolver, transport := net.DefaultResolver, http.DefaultTransport
	defer func() { net.DefaultResolver, http.DefaultTransport = resolver, transport }()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		t.Errorf("offline, a resolver was asked over %s at %s", network, address)
		return nil, errors.New("offline")
	}}
	s := newStore(t)
	s.net.HTTP.Transport = failingTransport{t}
	http.DefaultTransport = failingTransport{t}
	path := t.TempDir() + "/f"
	write(t, path, content)
	o := Options{Offline: true, Embedded: fstest.MapFS{"f": {Data: content}}, Hub: hub.Hub{Cache: t.TempDir(), Token: "x"}, TorchCheckpoints: t.TempDir()}

	for _, url := range []string{"https://host.invalid/f", "http://127.0.0.1:1/f", "hf://org/net/f@main", "oci://host.invalid/net:v1", ""} {
		for _, mirror := range []string{"", "https://mirror.invalid"} {
			o.Mirror = mirror
			if _, err := s.Fetch(t.Context(), newEntry(t, url), o); !errors.As(err, new(*OfflineError)) {
				t.Errorf("%q: error = %v, want an OfflineError", url, err)
			}
		}
	}
	for name, get := range map[string]func(e *registry.Entry) (Blob, error){
		"embedded": func(e *registry.Entry) (Blob, error) {
			e.Weights.URL = "embedded:f"
			return s.Fetch(t.Context(), e, o)
		},
		"file": func(e *registry.Entry) (Blob, error) {
			e.Weights.URL = "file:" + path
			return s.Fetch(t.Context(), e, o)
		},
		"import": func(e *registry.Entry) (Blob, error) { return s.Import(t.Context(), e, path, o) },
		"cached": func(e *registry.Entry) (Blob, error) {
			if _, err := s.Import(t.Context(), e, path, o); err != nil {
				return Blob{}, err
			}
			return s.Fetch(t.Context(), e, o)
		},
	} {
		e := newEntry(t, "https://host.invalid/f")
		e.Name = name
		if blob, err := get(e); err != nil || blob.Digest != digestOf(content) {
			t.Errorf("%s: %+v, %v", name, blob, err)
		}
	}
	h, err := s.Verify(t.Context(), nil)
	if err != nil {
		t.Error(err)
	}
	if _, err := s.Mend(t.Context(), h); err != nil {
		t.Error(err)
	}
	if _, err := s.Prune(t.Context(), PruneOptions{Keep: 0}); err != nil {
		t.Error(err)
	}
}
