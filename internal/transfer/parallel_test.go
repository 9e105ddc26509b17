package transfer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/faulthost"
)

// large is a file of many segments.
var large = func() []byte {
	r := rand.NewChaCha8([32]byte{})
	b := make([]byte, 1<<20+12345)
	r.Read(b)
	return b
}()

const segment = 64 << 10

func digestOf(b []byte) digest.Digest { return digest.Of(sha256.Sum256(b)) }

func newClient() *Client {
	c := NewClient()
	c.Backoff, c.Stall, c.Segment, c.Window = time.Millisecond, 20*time.Second, segment, 4*segment
	return c
}

func file(url string) File {
	return File{URL: url + "/f", Want: Want{Name: "net", Digest: digestOf(large), Limit: 1 << 30}}
}

// log notes the ranges that a host is asked for.
type log struct {
	mu     sync.Mutex
	ranges []string
	now    int // requests being answered
	most   int
}

func (l *log) fault(then faulthost.Fault) faulthost.Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		l.mu.Lock()
		l.ranges = append(l.ranges, r.Header.Get("Range"))
		l.now++
		l.most = max(l.most, l.now)
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.now--
		}()
		return then(n, w, r)
	}
}

func TestParallel(t *testing.T) {
	var l log
	host := faulthost.Start(t, large, l.fault(faulthost.Drip(large, 16<<10, 2*time.Millisecond)))
	path := filepath.Join(t.TempDir(), "f")
	f := file(host.URL)
	var last int64
	f.Progress = func(done, total int64) {
		if done < last || total != int64(len(large)) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	result, err := newClient().Download(t.Context(), f, path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Result{digestOf(large), int64(len(large))}); result != want {
		t.Errorf("result = %+v, want %+v", result, want)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, large) {
		t.Errorf("other bytes were written, %v", err)
	}
	want := make(map[string]bool)
	for from := 0; from < len(large); from += segment {
		want[fmt.Sprintf("bytes=%d-%d", from, min(from+segment, len(large))-1)] = true
	}
	// The end of the first range is not known to be beyond that of the file.
	got := make(map[string]bool)
	for _, r := range l.ranges {
		got[r] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ranges (-want +got)\n%s", d)
	}
	if sent := host.Sent(); sent != len(large) || last != int64(len(large)) {
		t.Errorf("sent %d bytes, progress ended at %d, want %d", sent, last, len(large))
	}
	if l.most < 2 || l.most > 4 {
		t.Errorf("%d requests at once, want 2 to 4", l.most)
	}
}

// TestParallelLosesConnections drops connections at random: what was sent is never
// asked for again.
func TestParallelLosesConnections(t *testing.T) {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(1, 2))
	host := faulthost.Start(t, large, func(n int, w http.ResponseWriter, req *http.Request) bool {
		mu.Lock()
		at := faulthost.From(req) + r.IntN(3*segment)
		mu.Unlock()
		return faulthost.CutAt(large, at, faulthost.Always)(n, w, req)
	})
	c := newClient()
	c.Attempts = 100
	if _, err := c.Download(t.Context(), file(host.URL), filepath.Join(t.TempDir(), "f")); err != nil {
		t.Fatal(err)
	}
	if sent := host.Sent(); sent != len(large) {
		t.Errorf("sent %d bytes, want each of the %d once", sent, len(large))
	}
	if host.Requests.Load() < 20 {
		t.Errorf("%d requests: too few to have lost any", host.Requests.Load())
	}
}

// TestParallelBacksOff has a host that allows one request at a time.
func TestParallelBacksOff(t *testing.T) {
	var l log
	host := faulthost.Start(t, large, l.fault(func(n int, w http.ResponseWriter, r *http.Request) bool {
		l.mu.Lock()
		busy := l.now > 1
		l.mu.Unlock()
		if busy {
			return faulthost.Status(http.StatusTooManyRequests, faulthost.Always, "")(n, w, r)
		}
		return faulthost.Drip(large, 32<<10, time.Millisecond)(n, w, r)
	}))
	if _, err := newClient().Download(t.Context(), file(host.URL), filepath.Join(t.TempDir(), "f")); err != nil {
		t.Fatal(err)
	}
	if sent := host.Sent(); sent != len(large) {
		t.Errorf("sent %d bytes, want each of the %d once", sent, len(large))
	}
}

// TestResumeFromMirror goes on at another host, which the full digest allows.
func TestResumeFromMirror(t *testing.T) {
	first := faulthost.Start(t, large, faulthost.CutAt(large, len(large)/2, faulthost.Always))
	second := faulthost.Start(t, large, nil)
	path := filepath.Join(t.TempDir(), "f")
	var failed *Error
	if _, err := newClient().Download(t.Context(), file(first.URL), path); !errors.As(err, &failed) {
		t.Fatalf("error = %v, want an Error", err)
	}
	if _, err := newClient().Download(t.Context(), file(second.URL), path); err != nil {
		t.Fatal(err)
	}
	if got, want := second.Sent(), len(large)-int(failed.Kept); got != want {
		t.Errorf("the second host sent %d bytes, want %d", got, want)
	}
}

// fullDisk fails writes beyond a number of bytes.
type fullDisk struct {
	*os.File
	room int64
	mu   sync.Mutex
}

func (f *fullDisk) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room -= int64(len(p)); f.room < 0 {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return f.File.WriteAt(p, off)
}

func TestDiskRunsFull(t *testing.T) {
	host := faulthost.Start(t, large, nil)
	path := filepath.Join(t.TempDir(), "f")
	c := newClient()
	c.Connections = 1 // a request that is given up may be counted late
	c.OpenFile = func(path string) (OpenFile, error) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		return &fullDisk{File: f, room: int64(len(large) / 2)}, err
	}
	_, err := c.Download(t.Context(), file(host.URL), path)
	var full *SpaceError
	if !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) || full.Kept == 0 || full.Kept+full.Need != int64(len(large)) {
		t.Fatalf("error = %v, want a SpaceError with what is kept and what is missing", err)
	}
	host.Sent()
	if _, err := newClient().Download(t.Context(), file(host.URL), path); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if got := host.Sent(); got != int(full.Need) {
		t.Errorf("with room again: sent %d bytes, want %d", got, full.Need)
	}
}

func TestNoRoom(t *testing.T) {
	host := faulthost.Start(t, large, nil)
	for _, size := range []int64{0, int64(len(large))} { // of the entry
		dir := t.TempDir()
		c := newClient()
		c.Free = func(d string) (int64, error) {
			if d != dir {
				t.Errorf("asked for the space of %s, want %s", d, dir)
			}
			return int64(len(large)) - 1, nil
		}
		f := file(host.URL)
		f.Want.Size = size
		f.Progress = func(int64, int64) { t.Error("bytes came though they have no room") }
		_, err := c.Download(t.Context(), f, filepath.Join(dir, "f"))
		var full *SpaceError
		if !errors.As(err, &full) || full.Need != int64(len(large)) || full.Free != full.Need-1 {
			t.Errorf("error = %v, want a SpaceError of both numbers", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	}
	if n := host.Requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1: where the size is known none is needed", n)
	}
}
