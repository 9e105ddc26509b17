package store

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
)

// TestFaults drives every fault over one connection and over four, which a file of
// this size would not get outside tests.
func TestFaults(t *testing.T) {
	for _, tt := range faults(t) {
		for _, connections := range []int{1, 4} {
			if tt.alone && connections > 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", tt.name, connections), func(t *testing.T) {
				t.Parallel()
				testFault(t, tt, connections)
			})
		}
	}
}

func testFault(t *testing.T, tt fault, connections int) {
	host := faulthost.Start(t, content, tt.host)
	s, e := newStore(t), newEntry(t, host.URL+"/net.pth")
	s.net.Connections, s.net.Segment = connections, 64<<10
	if tt.stalls {
		s.net.Stall = 200 * time.Millisecond
	}
	if tt.edit != nil {
		tt.edit(e)
	}
	blob, err := s.Fetch(t.Context(), e, Options{})
	if connections == 1 {
		if got := host.Requests.Load(); tt.requests > 0 && got != tt.requests {
			t.Errorf("%d requests, want %d", got, tt.requests)
		}
		if got := host.Ranges.Load(); tt.requests > 0 && got != tt.ranges {
			t.Errorf("%d requests for a range, want %d", got, tt.ranges)
		}
	}
	if sent, limit := host.Sent(), max(tt.sent, len(content)); sent > limit && (connections == 1 || tt.sent == 0) {
		t.Errorf("the host sent %d bytes, want at most %d", sent, limit)
	}
	if tt.want != nil {
		if err == nil || !tt.want(err) || connections == 1 && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("error = %v, want one of another type, or with %q", err, tt.text)
		}
		if d := cmp.Diff(tt.left, files(t, s)); d != "" {
			t.Errorf("left behind (-want +got)\n%s", d)
		}
		goOn(t, host, s, e)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	by := ByPrefix
	if e.Weights.Digest.Full() {
		by = BySHA256
	}
	checkBlob(t, s, blob, by)
	again, err := s.Fetch(t.Context(), e, Options{Offline: true})
	blob.CheckedBy = again.CheckedBy // by now the digest was learnt
	if err != nil || again != blob {
		t.Errorf("from the cache: %+v, %v", again, err)
	}
}

// goOn checks that once the host is well a re-run gets the file, in the time that
// what was kept leaves.
func goOn(t *testing.T, host *faulthost.Host, s *Store, e *registry.Entry) {
	t.Helper()
	host.Fault = nil
	e.Weights.Size, e.Weights.Digest = 0, mustDigest(t, digestOf(content).Short())
	kept := s.keptBytes(e.Name)
	later := openStore(t, s.dir)
	blob, err := later.Fetch(t.Context(), e, Options{})
	if err != nil {
		t.Fatalf("run again: %v", err)
	}
	checkBlob(t, later, blob, ByPrefix)
	if got, want := host.Sent(), len(content)-kept; got != want {
		t.Errorf("run again: the host sent %d bytes, want %d: %d were kept", got, want, kept)
	}
}

func TestTLSErrors(t *testing.T) {
	host := &faulthost.Host{Content: content}
	secure := httptest.NewUnstartedServer(host)
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	plain := faulthost.Start(t, content, nil)
	for name, url := range map[string]string{
		"unknown authority": secure.URL,
		"not TLS":           strings.Replace(plain.URL, "http://", "https://", 1),
	} {
		s := newStore(t)
		var fetch *FetchError
		_, err := s.Fetch(t.Context(), newEntry(t, url+"/f"), Options{})
		if !errors.As(err, &fetch) || fetch.Kept != 0 {
			t.Errorf("%s: error = %v, want a FetchError", name, err)
		}
		if left := files(t, s); left != nil {
			t.Errorf("%s: left behind: %q", name, left)
		}
	}
	if n := host.Requests.Load() + plain.Requests.Load(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestRedirectLeavesNoHTTPS(t *testing.T) {
	plain := faulthost.Start(t, content, nil)
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/f", http.StatusFound))
	defer secure.Close()
	s := newStore(t)
	s.net.HTTP.Transport = secure.Client().Transport
	var fetch *FetchError
	if _, err := s.Fetch(t.Context(), newEntry(t, secure.URL+"/f"), Options{}); !errors.As(err, &fetch) || !strings.Contains(err.Error(), "from https to http") {
		t.Errorf("error = %v, want a FetchError for the redirect", err)
	}
	if n := plain.Requests.Load(); n != 0 {
		t.Errorf("%d requests over http, want none", n)
	}
}
