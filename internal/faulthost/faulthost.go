// Package faulthost is a download host for tests: it serves one file, misbehaves
// as told, and counts what it sent.
package faulthost

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// A Fault is given each request with its number, from 1, and returns whether it
// has answered; otherwise the host does as it should.
type Fault func(n int, w http.ResponseWriter, r *http.Request) bool

// A Host serves one file under every path.
type Host struct {
	URL      string
	Content  []byte
	Fault    Fault
	Requests atomic.Int64
	Ranges   atomic.Int64 // requests for a range
	sent     atomic.Int64 // bytes of bodies
	busy     atomic.Int64 // requests being answered
}

// Sent returns how many bytes of bodies were sent since it was called last, once
// every request was answered or given up.
func (h *Host) Sent() int {
	for h.busy.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	return int(h.sent.Swap(0))
}

// ETag is that of a Host's file.
const ETag = `"tag"`

// Start starts a host that ends with the test.
func Start(t testing.TB, content []byte, fault Fault) *Host {
	t.Helper()
	h := &Host{Content: content, Fault: fault}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.busy.Add(1)
	defer h.busy.Add(-1)
	n := int(h.Requests.Add(1))
	if r.Header.Get("Range") != "" {
		h.Ranges.Add(1)
	}
	c := &counter{w, &h.sent}
	w.Header().Set("ETag", ETag)
	if h.Fault != nil && h.Fault(n, c, r) {
		return
	}
	http.ServeContent(c, r, "", time.Time{}, bytes.NewReader(h.Content))
}

// counter counts the bytes of a body. It hides the io.ReaderFrom of what it wraps,
// which would go past it.
type counter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// flush sends what was written so far.
func flush(w http.ResponseWriter) { http.NewResponseController(w).Flush() }

// From returns the offset that a request asks to start at; 0 without.
func From(r *http.Request) int {
	var from int
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return from
}

// To returns the offset after the last byte that a request asks for, of a file of
// a size.
func To(r *http.Request, size int) int {
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 2 {
		return min(to+1, size)
	}
	return size
}

// Partial writes the header of an answer with the range that was asked for; a
// request for the whole file gets that of the whole.
func Partial(w http.ResponseWriter, r *http.Request, size int) (from, to int) {
	from, to = From(r), To(r, size)
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	if r.Header.Get("Range") != "" {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, size))
		w.WriteHeader(http.StatusPartialContent)
	}
	return from, to
}

// CutAt closes the connection at an offset of the file, for the requests up to a
// number that pass it.
func CutAt(content []byte, offset, until int) Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > until || !sendUpTo(content, offset, w, r) {
			return false
		}
		panic(http.ErrAbortHandler)
	}
}

// sendUpTo answers a request that passes an offset of the file with what lies before
// it, and reports whether the request does.
func sendUpTo(content []byte, offset int, w http.ResponseWriter, r *http.Request) bool {
	from, to := From(r), To(r, len(content))
	if from > offset || to <= offset {
		return false
	}
	Partial(w, r, len(content))
	w.Write(content[from:offset])
	flush(w)
	return true
}

// Status answers with a status and a body, for the requests up to a number.
func Status(code, until int, body string, header ...string) Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > until {
			return false
		}
		w.Header().Del("ETag")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		w.Write([]byte(body))
		return true
	}
}

// Body answers every request with a whole file, whatever was asked for.
func Body(body []byte) Fault {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
		return true
	}
}

// Serve answers as a good host of another file would.
func Serve(content []byte, etag string) Fault {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return true
	}
}

// StallAt sends up to an offset of the file and then nothing until the client goes
// away, for the requests up to a number that pass it.
func StallAt(content []byte, offset, until int) Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > until || !sendUpTo(content, offset, w, r) {
			return false
		}
		<-r.Context().Done()
		return true
	}
}

// Drip sends pieces with pauses between them.
func Drip(content []byte, piece int, pause time.Duration) Fault {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		from, to := Partial(w, r, len(content))
		for from < to && r.Context().Err() == nil {
			next := min(from+piece, to)
			w.Write(content[from:next])
			flush(w)
			time.Sleep(pause)
			from = next
		}
		return true
	}
}

// Then is the first of several faults that answers.
func Then(faults ...Fault) Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		for _, f := range faults {
			if f(n, w, r) {
				return true
			}
		}
		return false
	}
}

// Always is a number of requests that no test makes.
const Always = 1 << 30
