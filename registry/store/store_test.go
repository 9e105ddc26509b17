package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

// content is the published file of the tests.
var content = func() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 300<<10; i++ {
		fmt.Fprintf(&b, "line %d of a checkpoint\n", i)
	}
	return b.Bytes()
}()

func digestOf(b []byte) registry.Digest { return registry.SHA256(sha256.Sum256(b)) }

func mustDigest(t testing.TB, s string) registry.Digest {
	t.Helper()
	d, err := registry.ParseDigest(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newEntry returns an entry of content that knows 8 digits of its digest.
func newEntry(t testing.TB, url string) *registry.Entry {
	return &registry.Entry{Name: "net_in1k", Weights: registry.Weights{URL: url, Digest: mustDigest(t, digestOf(content).Short())}}
}

// newStore returns an empty store that loses no time.
func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	s.backoff, s.stall, s.attempts = time.Millisecond, 200*time.Millisecond, 3
	return s
}

// files returns the files of the store, other than locks, relative to its folder.
func files(t testing.TB, s *Store) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		if !strings.HasPrefix(rel, "locks") {
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cachedFiles is what files returns when content is cached and nothing else is.
var cachedFiles = []string{"blobs/sha256/" + digestOf(content).String(), "refs/net_in1k"}

// server serves content like a download host and misbehaves on request.
type server struct {
	http.HandlerFunc
	requests atomic.Int64
	ranges   atomic.Int64 // requests for a range
}

// serve returns a server; misbehave is given each request with its number, from 1,
// and returns whether it has answered.
func serve(t testing.TB, misbehave func(n int, w http.ResponseWriter, r *http.Request) bool) (*server, string) {
	t.Helper()
	s := &server{}
	s.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		n := int(s.requests.Add(1))
		if r.Header.Get("Range") != "" {
			s.ranges.Add(1)
		}
		w.Header().Set("ETag", `"tag"`)
		if misbehave != nil && misbehave(n, w, r) {
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
	host := httptest.NewServer(s)
	t.Cleanup(host.Close)
	return s, host.URL + "/v0/net-" + digestOf(content).Short() + ".pth"
}

// cutAfter answers with the first n bytes of the whole file, then closes.
func cutAfter(w http.ResponseWriter, n int) { cut(w, content[:n]) }

func cut(w http.ResponseWriter, start []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.Write(start)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// status makes a server answer with a status, always or up to a request.
func status(code, until int) func(int, http.ResponseWriter, *http.Request) bool {
	return func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n <= until {
			http.Error(w, "no", code)
		}
		return n <= until
	}
}

const always = 1 << 30

func body(b []byte) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Write(b)
		return true
	}
}

func TestFetch(t *testing.T) {
	flipped := bytes.Clone(content)
	flipped[1000] ^= 1
	partial := []string{"partial/net_in1k.part", "partial/net_in1k.part.json"}
	tests := []struct {
		name      string
		misbehave func(n int, w http.ResponseWriter, r *http.Request) bool
		edit      func(e *registry.Entry)
		want      any    // nil, or a pointer to the error's type
		text      string // part of the error
		requests  int64
		ranges    int64
		left      []string // when it fails
	}{
		{name: "right file", requests: 1},
		{name: "right size", edit: func(e *registry.Entry) { e.Weights.Size = int64(len(content)) }, requests: 1},
		{name: "full digest", edit: func(e *registry.Entry) { e.Weights.Digest = digestOf(content) }, requests: 1},
		{
			name: "flipped bit", misbehave: body(flipped),
			want: new(*MismatchError), text: "found sha256 " + digestOf(flipped).String(), requests: 1,
		},
		{
			name: "wrong digits after the first eight", requests: 1,
			edit: func(e *registry.Entry) {
				e.Weights.Digest = mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56))
			},
			want: new(*MismatchError), text: "expected a file of sha256 " + digestOf(content).Short() + "000",
		},
		{
			name: "HTML page", misbehave: body([]byte("\n<!DOCTYPE html><title>Log in</title>")),
			want: new(*MismatchError), text: "HTML page", requests: 1,
		},
		{
			name: "HTML page where the size is known", misbehave: body([]byte("<html><body>Log in")),
			edit: func(e *registry.Entry) { e.Weights.Size = int64(len(content)) },
			want: new(*MismatchError), text: "HTML page", requests: 1,
		},
		{
			name: "LFS pointer", misbehave: body([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")),
			want: new(*MismatchError), text: "git-lfs pointer", requests: 1,
		},
		{
			name: "XML", misbehave: body([]byte("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>")),
			want: new(*MismatchError), text: "XML", requests: 1,
		},
		{name: "empty", misbehave: body(nil), want: new(*MismatchError), text: "it is empty", requests: 1},
		{
			name: "longer than stated", edit: func(e *registry.Entry) { e.Weights.Size = 1000 },
			want: new(*MismatchError), text: "at most 1000 bytes", requests: 1,
		},
		{
			name: "shorter than stated, whole", edit: func(e *registry.Entry) { e.Weights.Size = int64(len(content)) + 1 },
			want: new(*MismatchError), text: "the entry states", requests: 1,
		},
		{name: "404", misbehave: status(404, always), want: new(*FetchError), text: "HTTP status 404 Not Found", requests: 1},
		{name: "403", misbehave: status(403, always), want: new(*FetchError), text: "HTTP status 403", requests: 1},
		{name: "503 then fine", misbehave: status(503, 2), requests: 3},
		{name: "429 then fine", misbehave: status(429, 1), requests: 2},
		{name: "503 always", misbehave: status(503, always), want: new(*FetchError), text: "HTTP status 503", requests: 3},
		{
			name: "cut, then resumed", requests: 3, ranges: 2,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch n {
				case 1:
					cutAfter(w, 100<<10)
				case 2:
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 100<<10, len(content)-1, len(content)))
					w.Header().Set("Content-Length", strconv.Itoa(len(content)-100<<10))
					w.WriteHeader(http.StatusPartialContent)
					w.Write(content[100<<10 : 200<<10])
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
				return false
			},
		},
		{
			name: "cut always", requests: 3, ranges: 2, want: new(*FetchError), text: "the body ended early", left: partial,
			misbehave: func(_ int, w http.ResponseWriter, _ *http.Request) bool { cutAfter(w, 1000); return true },
		},
		{
			name: "cut always, no validator", requests: 3, want: new(*FetchError), text: "nothing was cached",
			misbehave: func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Del("ETag")
				cutAfter(w, 1000)
				return true
			},
		},
		{
			name: "cut where nothing tells the end", requests: 2, ranges: 1,
			edit: func(e *registry.Entry) { e.Weights.Size = int64(len(content)) },
			misbehave: func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n > 1 {
					return false
				}
				c, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
				}
				defer c.Close()
				fmt.Fprintf(rw, "HTTP/1.0 200 OK\r\nETag: \"tag\"\r\n\r\n%s", content[:5000])
				rw.Flush()
				return true
			},
		},
		{
			name: "other file after the cut", requests: 2, ranges: 1,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n == 1 {
					w.Header().Set("ETag", `"other"`)
					cut(w, flipped[:2000])
				}
				return false // If-Range no longer matches: the whole file
			},
		},
		{
			name: "wrong range", requests: 3, ranges: 1,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch n {
				case 1:
					cutAfter(w, 1000)
				case 2:
					w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
					w.WriteHeader(http.StatusPartialContent)
					w.Write(content)
					return true
				}
				return false
			},
		},
		{
			name: "wrong range after each cut", requests: 3, ranges: 1, want: new(*FetchError), text: "the body ended early",
			left: partial,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") == "" {
					cutAfter(w, 1000)
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(content)
				return true
			},
		},
		{
			name: "wrong range always", requests: 3, want: new(*FetchError), text: "another range",
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Range", "bytes 7-8/9")
				w.WriteHeader(http.StatusPartialContent)
				return true
			},
		},
		{
			name: "range of other bytes", requests: 3, ranges: 1,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch n {
				case 1:
					cutAfter(w, 1000)
				case 2:
					w.Header().Set("Content-Range", fmt.Sprintf("bytes 1000-%d/%d", len(content)-1, len(content)))
					w.WriteHeader(http.StatusPartialContent)
					w.Write(flipped[1000:])
					return true
				}
				return false
			},
		},
		{
			name: "416", requests: 3, ranges: 1,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch n {
				case 1:
					cutAfter(w, 1000)
				case 2:
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return true
				}
				return false
			},
		},
		{
			name: "stalled, then resumed", requests: 2, ranges: 1,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n > 1 {
					return false
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				w.Write(content[:1000])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			},
		},
		{
			name: "silent", requests: 3, want: new(*FetchError), text: "no data came",
			misbehave: func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
		},
		{
			name: "redirected", requests: 2,
			misbehave: func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n == 1 {
					http.Redirect(w, r, "/elsewhere", http.StatusFound)
				}
				return n == 1
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host, url := serve(t, tt.misbehave)
			s, e := newStore(t), newEntry(t, url)
			if tt.edit != nil {
				tt.edit(e)
			}
			blob, err := s.Fetch(t.Context(), e, Options{})
			if got := host.requests.Load(); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
			if got := host.ranges.Load(); got != tt.ranges {
				t.Errorf("%d requests for a range, want %d", got, tt.ranges)
			}
			if tt.want != nil {
				if err == nil || !errors.As(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error = %v, want a %T with %q", err, tt.want, tt.text)
				}
				if d := cmp.Diff(tt.left, files(t, s)); d != "" {
					t.Errorf("left behind (-want +got)\n%s", d)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkBlob(t, s, blob, e.Weights.Digest.Full())
			again, err := s.Fetch(t.Context(), e, Options{Offline: true})
			if err != nil || again != blob {
				t.Errorf("from the cache: %+v, %v", again, err)
			}
		})
	}
}

// checkBlob checks that blob is content, cached, with nothing beside it.
func checkBlob(t *testing.T, s *Store, blob Blob, full bool) {
	t.Helper()
	by := ByPrefix
	if full {
		by = BySHA256
	}
	want := Blob{Path: s.blobPath(digestOf(content)), Size: int64(len(content)), Digest: digestOf(content), CheckedBy: by}
	if blob != want {
		t.Errorf("blob = %+v, want %+v", blob, want)
	}
	got, err := os.ReadFile(blob.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Error("the blob has other bytes than were published")
	}
	if d := cmp.Diff(cachedFiles, files(t, s)); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
}

func TestFetchGoesOnLater(t *testing.T) {
	host, url := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n <= 3 {
			cutAfter(w, 200<<10)
		}
		return false
	})
	s, e := newStore(t), newEntry(t, url)
	var fetch *FetchError
	if _, err := s.Fetch(t.Context(), e, Options{}); !errors.As(err, &fetch) || fetch.Kept == 0 {
		t.Fatalf("error = %v, want a FetchError with bytes kept", err)
	}
	later, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	first := int64(-1)
	blob, err := later.Fetch(t.Context(), e, Options{Progress: func(done, total int64) {
		if first < 0 {
			first = done
		}
		if total != int64(len(content)) {
			t.Errorf("total = %d, want %d", total, len(content))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if first <= fetch.Kept {
		t.Errorf("first progress at %d bytes, want more than the %d kept", first, fetch.Kept)
	}
	if got := host.requests.Load(); got != 4 {
		t.Errorf("%d requests, want 4", got)
	}
	checkBlob(t, later, blob, false)
}

func TestFetchFromElsewhereStartsAnew(t *testing.T) {
	_, url := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool { cutAfter(w, 1000); return true })
	other, otherURL := serve(t, nil)
	s := newStore(t)
	if _, err := s.Fetch(t.Context(), newEntry(t, url), Options{}); err == nil {
		t.Fatal("fetched a file that was cut")
	}
	blob, err := s.Fetch(t.Context(), newEntry(t, otherURL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, false)
	if n := other.ranges.Load(); n != 0 {
		t.Errorf("%d requests for a range of another host's file, want none", n)
	}
}

func TestEntryOfAnotherDigest(t *testing.T) {
	s, e := newStore(t), newEntry(t, "embedded:net.pth")
	o := Options{Embedded: fstest.MapFS{"net.pth": {Data: content}, "new.pth": {Data: content[1:]}}}
	if _, err := s.Fetch(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	e.Weights.URL, e.Weights.Digest = "embedded:new.pth", mustDigest(t, digestOf(content[1:]).Short())
	for range 2 {
		blob, err := s.Fetch(t.Context(), e, o)
		if err != nil || blob.Digest != digestOf(content[1:]) {
			t.Errorf("blob = %+v, %v, want the new file", blob, err)
		}
	}
}

func TestFetchWithoutNetwork(t *testing.T) {
	host, url := serve(t, nil)
	dead := httptest.NewServer(host)
	dead.Close()
	tests := []struct {
		name, url string
		o         Options
		want      any
		text      string
	}{
		{"offline", url, Options{Offline: true}, new(*OfflineError), "zoo import net_in1k FILE"},
		{"no address", "", Options{}, new(*OfflineError), "no address to download from"},
		{"refused", dead.URL + "/f", Options{}, new(*FetchError), "refused"},
		{"mirror not a URL", url, Options{Mirror: "mirror.example.org"}, new(error), "mirror"},
		{"no embedded files", "embedded:net.pth", Options{}, new(error), "no embedded files"},
		{"embedded file missing", "embedded:net.pth", Options{Embedded: fstest.MapFS{}}, new(*fs.PathError), "embedded file"},
		{"embedded file wrong", "embedded:net.pth", Options{Embedded: fstest.MapFS{"net.pth": {Data: []byte("x")}}}, new(*MismatchError), "found sha256"},
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
	if n := host.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	s := newStore(t)
	if _, err := s.Fetch(t.Context(), newEntry(t, url), Options{Offline: true}); err == nil {
		t.Error("fetched nothing from nowhere")
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made before anything was written: %v", err)
	}
}

func TestFetchEmbedded(t *testing.T) {
	s, e := newStore(t), newEntry(t, "embedded:net.pth")
	e.Weights.Digest = digestOf(content)
	blob, err := s.Fetch(t.Context(), e, Options{Offline: true, Embedded: fstest.MapFS{"net.pth": {Data: content}}})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, true)

	// Another name of the same file needs no second copy.
	e2 := *e
	e2.Name, e2.Weights.URL = "other", "embedded:gone.pth"
	if again, err := s.Fetch(t.Context(), &e2, Options{Embedded: fstest.MapFS{}}); err != nil || again != blob {
		t.Errorf("second name: %+v, %v", again, err)
	}
	refs, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	want := []Ref{{"net_in1k", blob}, {"other", blob}}
	if d := cmp.Diff(want, refs, cmp.Comparer(func(x, y registry.Digest) bool { return x == y })); d != "" {
		t.Errorf("list (-want +got)\n%s", d)
	}
}

func TestFetchFromMirror(t *testing.T) {
	var got string
	_, url := serve(t, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		got = r.URL.String()
		return false
	})
	base, _, _ := strings.Cut(url, "/v0/")
	s := newStore(t)
	blob, err := s.Fetch(t.Context(), newEntry(t, "https://nowhere.invalid/a/net.pth?x=1"), Options{Mirror: base + "/mirror/"})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, false)
	if want := "/mirror/a/net.pth?x=1"; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

func TestFetchConcurrently(t *testing.T) {
	host, url := serve(t, nil)
	s, e := newStore(t), newEntry(t, url)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			other, err := Open(s.dir) // as another process would
			if err != nil {
				t.Error(err)
				return
			}
			blob, err := other.Fetch(t.Context(), e, Options{})
			if err != nil || blob.Digest != digestOf(content) {
				t.Errorf("fetch: %+v, %v", blob, err)
			}
		})
	}
	wg.Wait()
	if n := host.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if d := cmp.Diff(cachedFiles, files(t, s)); d != "" {
		t.Errorf("files (-want +got)\n%s", d)
	}
}

func TestFetchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, url := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	s := newStore(t)
	s.stall = time.Minute
	if _, err := s.Fetch(ctx, newEntry(t, url), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if blobs, _ := os.ReadDir(filepath.Join(s.dir, "blobs", "sha256")); len(blobs) != 0 {
		t.Errorf("%d blobs after a cancelled fetch", len(blobs))
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := write("good.pth", content), write("bad.pth", content[1:])
	s, e := newStore(t), newEntry(t, "")
	var mismatch *MismatchError
	if _, err := s.Import(t.Context(), e, bad); !errors.As(err, &mismatch) || mismatch.Got != digestOf(content[1:]) {
		t.Errorf("wrong file: error = %v", err)
	}
	if _, err := s.Import(t.Context(), e, dir); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: error = %v", err)
	}
	if _, err := s.Import(t.Context(), e, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: error = %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(done, e, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error = %v", err)
	}
	if left := files(t, s); left != nil {
		t.Errorf("left behind: %q", left)
	}
	for range 2 { // a second time changes nothing
		blob, err := s.Import(t.Context(), e, good)
		if err != nil {
			t.Fatal(err)
		}
		checkBlob(t, s, blob, false)
	}
	blob, err := s.Fetch(t.Context(), e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, false)
}

// TestPrefixIsPinned has two digests with the same 8 digits. The one that was
// learnt is made up: finding two such files would take hours.
func TestPrefixIsPinned(t *testing.T) {
	_, url := serve(t, nil)
	s, e := newStore(t), newEntry(t, url)
	pinned := mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56))
	if err := s.writeRef(e.Name, ref{pinned, 5, ByPrefix}); err != nil {
		t.Fatal(err)
	}
	var mismatch *MismatchError
	_, err := s.Fetch(t.Context(), e, Options{})
	if !errors.As(err, &mismatch) || mismatch.Want != pinned || !strings.Contains(err.Error(), "another file") {
		t.Errorf("fetch: error = %v, want a MismatchError for the pinned digest", err)
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), e, path); !errors.As(err, &mismatch) {
		t.Errorf("import: error = %v, want a MismatchError", err)
	}
	// An entry of another digest is another file: the old pin says nothing of it.
	if err := s.writeRef(e.Name, ref{digestOf(nil), 0, ByPrefix}); err != nil {
		t.Fatal(err)
	}
	blob, err := s.Fetch(t.Context(), e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, false)
}

func TestFetchMendsTheCache(t *testing.T) {
	host, url := serve(t, nil)
	s, e := newStore(t), newEntry(t, url)
	blob, err := s.Fetch(t.Context(), e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(blob.Path, 10); err != nil {
		t.Fatal(err)
	}
	if refs, err := s.List(); err != nil || len(refs) != 0 {
		t.Errorf("list = %v, %v, want none", refs, err)
	}
	if blob, err = s.Fetch(t.Context(), e, Options{}); err != nil {
		t.Fatal(err)
	}
	checkBlob(t, s, blob, false)
	if n := host.requests.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "refs", e.Name), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), e, Options{}); err == nil || !strings.Contains(err.Error(), "not a ref") {
		t.Errorf("damaged ref: error = %v", err)
	}
}

func TestDerived(t *testing.T) {
	s := newStore(t)
	broken := errors.New("broken")
	if _, err := s.Derived("key", func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
	if left := files(t, s); left != nil {
		t.Errorf("left behind: %q", left)
	}
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			path, err := s.Derived("key", func(path string) error {
				made.Add(1)
				return os.WriteFile(path, []byte("made"), 0o600)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != "made" {
				t.Errorf("content = %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times, want once", n)
	}
	for _, key := range []string{"", ".hidden", "../up", "a/b"} {
		if _, err := s.Derived(key, func(string) error { return nil }); err == nil {
			t.Errorf("key %q was accepted", key)
		}
	}
}

func TestOpenRefusesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("opened a file as a folder")
	}
}

// TestRealCheckpoint imports a published checkpoint by the repository's own row.
func TestRealCheckpoint(t *testing.T) {
	root := filepath.Join("..", "..")
	path := filepath.Join(root, "..", "shared", "real", "efficientnet-lite0-57934424.pth")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the checkpoint is not here: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(root, "zoo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Parse("zoo.toml", data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Lookup("efficientnet-lite0_3rdparty_in1k")
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	blob, err := s.Import(t.Context(), e, path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(blob.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err != nil || n != blob.Size {
		t.Fatalf("%d bytes, %v, want %d", n, err, blob.Size)
	}
	if got := registry.SHA256([sha256.Size]byte(h.Sum(nil))); got != blob.Digest || got.Short() != "57934424" {
		t.Errorf("sha256 = %s, want %s", got, blob.Digest)
	}
}

func TestRedirectLeavesNoHTTPS(t *testing.T) {
	plain, _ := serve(t, nil)
	target := httptest.NewServer(plain)
	defer target.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(target.URL+"/f", http.StatusFound))
	defer secure.Close()
	s := newStore(t)
	s.client.Transport = secure.Client().Transport
	var fetch *FetchError
	if _, err := s.Fetch(t.Context(), newEntry(t, secure.URL+"/f"), Options{}); !errors.As(err, &fetch) || !errors.Is(err, errDowngrade) {
		t.Errorf("error = %v, want a FetchError for the redirect", err)
	}
	if n := plain.requests.Load(); n != 0 {
		t.Errorf("%d requests over http, want none", n)
	}
}
