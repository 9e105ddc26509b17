package store

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/registry"
)

// fault is one way in which a host misbehaves, and what has to come of it: the
// right file, or an error of a kind, with what is kept.
type fault struct {
	name string
	host faulthost.Fault
	edit func(e *registry.Entry)
	want func(error) bool // nil, or whether the error is of the right type
	text string           // part of the error
	left []string         // when it fails
	// sent is how many bytes the host may send; 0: the file once.
	sent int
	// requests and ranges are what one connection makes of it; 0: not counted.
	requests, ranges int64
	alone            bool // it happens over one connection only
	stalls           bool // the host is given up after a while without data
}

// as reports whether an error is of a type.
func as[E error](err error) bool { return errors.As(err, new(E)) }

const always = faulthost.Always

// contentRange answers every request for a range from an offset above 0, up to a
// number, with another range than was asked for.
func contentRange(until int, format string, args ...any) faulthost.Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > until || faulthost.From(r) == 0 {
			return false
		}
		if format != "" {
			w.Header().Set("Content-Range", fmt.Sprintf(format, args...))
		}
		w.WriteHeader(http.StatusPartialContent)
		w.Write(content)
		return true
	}
}

// from is a fault that begins with a request.
func from(first int, f faulthost.Fault) faulthost.Fault {
	return func(n int, w http.ResponseWriter, r *http.Request) bool { return n >= first && f(n, w, r) }
}

func fullDigest(e *registry.Entry) {
	e.Weights.Digest = digestOf(content)
	e.Builtin = e.Weights
}

func withSize(n int) func(*registry.Entry) {
	return func(e *registry.Entry) {
		e.Weights.Size = int64(n)
		e.Builtin = e.Weights
	}
}

func faults(t *testing.T) []fault {
	size, half := len(content), len(content)/2
	flipped := flip(content, 1000)
	whole := faulthost.Body(content)
	out := []fault{
		{name: "none", requests: 1},
		{name: "right size", edit: withSize(size), requests: 1},
		{name: "full digest", edit: fullDigest, requests: 1},

		// Whole bodies that are not the file.
		{
			name: "flipped bit", host: faulthost.Serve(flipped, `"other"`),
			want: as[*MismatchError], text: "found sha256 " + digestOf(flipped).String(), requests: 1,
		},
		{
			name: "wrong digits after the first eight", requests: 1,
			edit: func(e *registry.Entry) {
				e.Weights.Digest = mustDigest(t, digestOf(content).Short()+strings.Repeat("0", 56))
			},
			want: as[*MismatchError], text: "expected a file of sha256 " + digestOf(content).Short() + "000",
		},
		{
			name: "HTML page", host: faulthost.Body([]byte("\n<!DOCTYPE html><title>Log in</title>")),
			want: as[*MismatchError], text: "HTML page", requests: 1,
		},
		{
			name: "HTML page where the size is known", host: faulthost.Body([]byte("<html><body>Log in")), edit: withSize(size),
			want: as[*MismatchError], text: "HTML page", requests: 1,
		},
		{
			name: "LFS pointer", host: faulthost.Body([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")),
			want: as[*MismatchError], text: "git-lfs pointer", requests: 1,
		},
		{
			name: "XML", host: faulthost.Body([]byte("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>")),
			want: as[*MismatchError], text: "XML", requests: 1,
		},
		{name: "JSON", host: faulthost.Body([]byte(`{"error":"no"}`)), want: as[*MismatchError], text: "JSON", requests: 1},
		{name: "empty", host: faulthost.Body(nil), want: as[*MismatchError], text: "it is empty", requests: 1},
		{name: "longer than stated", edit: withSize(1000), want: as[*MismatchError], text: "states 1000 bytes", requests: 1},
		{
			name: "longer than stated, of no said length", edit: withSize(1000), want: as[*MismatchError], text: "states 1000 bytes", requests: 1,
			host: func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.Write(content); return true },
		},
		{
			name: "shorter than stated, whole", edit: withSize(size + 1),
			want: as[*MismatchError], text: "the entry states " + strconv.Itoa(size+1), requests: 1,
		},
		{
			name: "of no said length", requests: 1,
			host: func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.Write(content); return true },
		},

		// Statuses.
		{name: "404", host: faulthost.Status(404, always, ""), want: as[*FetchError], text: "HTTP status 404 Not Found", requests: 1},
		{
			name: "404 page", host: faulthost.Status(404, always, "<html><head><title>Gone\nfishing</title>"),
			want: as[*FetchError], text: "the server says: an HTML page titled Gone fishing; nothing was cached", requests: 1,
		},
		{
			name: "403 XML", host: faulthost.Status(403, always, "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
			want: as[*FetchError], text: "says: AccessDenied: Request has expired", requests: 1,
		},
		{
			name: "401 JSON", host: faulthost.Status(401, always, `{"error":"Invalid \u001b[1m token"}`),
			want: as[*FetchError], text: "says: Invalid [1m token;", requests: 1,
		},
		{name: "503 then fine", host: faulthost.Status(503, 2, ""), requests: 3, sent: size},
		{name: "429 then fine", host: faulthost.Status(429, 1, "slow down", "Retry-After", "0"), requests: 2, sent: size + 20},
		{name: "429 with a date", host: faulthost.Status(429, 1, "", "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), requests: 2},
		{
			name: "503 always", host: faulthost.Status(503, always, "under repair\nsince noon"),
			want: as[*FetchError], text: "HTTP status 503 Service Unavailable: the server says: under repair;", requests: 3,
		},
		{
			name: "429 for an hour", host: faulthost.Status(429, always, "", "Retry-After", "3600"),
			want: as[*FetchError], text: "asks to come back in 1h0m0s", requests: 1,
		},
		{
			name: "503 in between", requests: 3, ranges: 2,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), func(n int, w http.ResponseWriter, r *http.Request) bool {
				return n == 2 && faulthost.Status(503, always, "")(n, w, r)
			}),
		},

		// Bodies that end early.
		{
			name: "cut always at half", host: faulthost.CutAt(content, half, always), requests: 3, ranges: 2, sent: half,
			want: as[*FetchError], text: fmt.Sprintf("the body ended early: %d of %d bytes; %d bytes are kept", half, size, half), left: partialFiles,
		},
		{
			name: "cut always, no validator", requests: 3, want: as[*FetchError], text: "nothing was cached", sent: 3000,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Del("ETag")
				return faulthost.CutAt(content, 1000, always)(n, w, r)
			},
		},
		{
			name: "cut once, no validator", requests: 2, sent: size + half,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Del("ETag")
				return faulthost.CutAt(content, half, 1)(n, w, r)
			},
		},
		{
			name: "cut once, no validator, full digest", requests: 2, ranges: 1, edit: fullDigest,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Del("ETag")
				return faulthost.CutAt(content, half, 1)(n, w, r)
			},
		},
		{
			name: "cut where nothing tells the end", requests: 2, ranges: 1, edit: withSize(size),
			host: func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n > 1 {
					return false
				}
				c, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
				}
				defer c.Close()
				fmt.Fprintf(rw, "HTTP/1.0 200 OK\r\nETag: \"tag\"\r\n\r\n%s", content[:5000])
				rw.Flush()
				return true
			},
		},

		// Files that change.
		{
			name: "new ETag after the cut", requests: 2, ranges: 1, sent: size + half,
			host: faulthost.Then(
				func(n int, w http.ResponseWriter, r *http.Request) bool {
					if n == 1 {
						w.Header().Set("ETag", `"old"`)
					}
					return faulthost.CutAt(flipped, half, 1)(n, w, r)
				}),
		},
		{
			name: "the right file gone after the cut", sent: 2 * size,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), faulthost.Serve(flipped, `"new"`)),
			want: as[*MismatchError], text: "found sha256 " + digestOf(flipped).String(),
		},
		{
			name: "another ETag each time", requests: 1, sent: 9 * size,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				return faulthost.Serve(content, fmt.Sprintf(`"%d"`, n))(n, w, r)
			},
		},

		// Ranges that are not what was asked for.
		{name: "200 instead of 206", requests: 2, ranges: 1, sent: size + half, host: faulthost.Then(faulthost.CutAt(content, half, 1), whole)},
		{name: "never 206", host: whole, requests: 1, sent: 2 * size},
		{
			name: "wrong offset", requests: 3, ranges: 1, sent: 3 * size,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), contentRange(2, "bytes 0-%d/%d", size-1, size)),
		},
		{
			name: "wrong offset always", requests: 3, ranges: 1, sent: 9 * size,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), contentRange(always, "bytes 7-8/9")),
		},
		{
			name: "wrong total", alone: true, sent: 9 * size, want: as[*FetchError], text: "the body ended early", left: partialFiles,
			host: faulthost.Then(faulthost.CutAt(content, half, always), func(n int, w http.ResponseWriter, r *http.Request) bool {
				return contentRange(always, "bytes %d-%d/%d", faulthost.From(r), faulthost.To(r, size)-1, size+1)(n, w, r)
			}),
		},
		{name: "no Content-Range", sent: 9 * size, host: faulthost.Then(faulthost.CutAt(content, half, 1), contentRange(always, ""))},
		{
			name: "416", requests: 3, ranges: 1, sent: size + half + 100,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), from(2, faulthost.Status(416, 2, ""))),
		},
		{
			name: "range of other bytes", alone: true, requests: 3, ranges: 1, sent: 3 * size,
			host: faulthost.Then(faulthost.CutAt(content, half, 1), func(n int, w http.ResponseWriter, r *http.Request) bool {
				return n == 2 && faulthost.Serve(flip(content, size-1), faulthost.ETag)(n, w, r)
			}),
		},

		// Slowness.
		{name: "stalled once", stalls: true, host: faulthost.StallAt(content, half, 1), requests: 2, ranges: 1},
		{
			name: "stalled always", stalls: true, host: faulthost.StallAt(content, half, always), sent: half, left: partialFiles,
			want: as[*FetchError], text: fmt.Sprintf("no data came for too long; %d bytes are kept", half),
		},
		{
			name: "silent", stalls: true, requests: 3, want: as[*FetchError], text: "no data came",
			host: func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
		},
		{name: "slow drip", host: faulthost.Drip(content, 8<<10, time.Millisecond), requests: 1},
		{
			name: "a drip that never ends", stalls: true, host: faulthost.Drip(content, 1, 10*time.Millisecond),
			want: as[*FetchError], text: "no data came", left: partialFiles,
		},

		// Redirects.
		{
			name: "redirected", requests: 2, sent: size + 1000,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/elsewhere" {
					return false
				}
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return true
			},
		},
		{
			name: "redirect loop", requests: 11, want: as[*FetchError], text: "stopped after 10 redirects", sent: 2000,
			host: func(n int, w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, fmt.Sprintf("/loop%d", n%2), http.StatusFound)
				return true
			},
		},
	}
	for k := range 10 {
		out = append(out, fault{
			name: fmt.Sprintf("cut at %d/10", k), host: faulthost.CutAt(content, size*k/10, 1), requests: 2, ranges: 1,
		})
	}
	return out
}
