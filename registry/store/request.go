package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A FetchError says that an address did not give a whole file.
type FetchError struct {
	Name   string
	URL    string
	Status int   // HTTP status; 0 when there was none, or the body was at fault
	Kept   int64 // bytes kept to go on with; 0 for none
	Err    error // nil when Status says all
}

func (e *FetchError) Error() string {
	reason := fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
	if e.Err != nil {
		reason = e.Err.Error()
	}
	next := "nothing was cached"
	if e.Kept > 0 {
		next = fmt.Sprintf("%d bytes are kept: run again to go on", e.Kept)
	}
	return fmt.Sprintf("store: %s: %s: %s; %s", e.Name, e.URL, reason, next)
}

func (e *FetchError) Unwrap() error { return e.Err }

// temporary is an error that another attempt may cure.
type temporary struct {
	status int
	wait   time.Duration // that the server asked for
	err    error
}

func (e *temporary) Error() string { return fmt.Sprint(e.err) }

var (
	errStalled   = errors.New("no data came for too long")
	errCut       = errors.New("the body ended early")
	errRange     = errors.New("the server sent another range than was asked for")
	errDowngrade = errors.New("redirected from https to http")
)

// checkRedirect refuses to leave https: a digest prefix alone is little to trust.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errDowngrade
	}
	return nil
}

// request asks for the file from offset on. The response has status 200, for the
// whole file, or 206 for the range asked for.
func (t *transfer) request(ctx context.Context, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, t.failure(0, err)
	}
	req.Header.Set("Accept-Encoding", "identity") // the digest is of the file, and so are ranges
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		req.Header.Set("If-Range", t.validator)
	}
	resp, err := t.store.client.Do(req)
	if err != nil {
		return nil, t.connectError(ctx, err)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return resp, nil
	case code == http.StatusPartialContent && offset > 0 && rangeStart(resp.Header) == offset:
		return resp, nil
	case code == http.StatusPartialContent, code == http.StatusRequestedRangeNotSatisfiable:
		resp.Body.Close()
		t.forget() // the next attempt asks for the whole file
		return nil, &temporary{err: errRange}
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		resp.Body.Close()
		return nil, &temporary{status: code, wait: retryAfter(resp.Header)}
	default:
		resp.Body.Close()
		return nil, t.failure(code, nil)
	}
}

// connectError tells what another attempt may cure from what it cannot.
func (t *transfer) connectError(ctx context.Context, err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		err = with.Err // the address is said already
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	var dns *net.DNSError
	if errors.Is(err, errDowngrade) || errors.As(err, &dns) && dns.IsNotFound {
		return t.failure(0, err)
	}
	return &temporary{err: err}
}

// failure returns a *FetchError of this transfer, without the password that a
// mirror's address may hold.
func (t *transfer) failure(status int, err error) *FetchError {
	address := t.url
	if u, perr := url.Parse(address); perr == nil {
		address = u.Redacted()
	}
	return &FetchError{Name: t.want.name, URL: address, Status: status, Err: err}
}

// rangeStart returns the offset that a partial response starts at, -1 without.
func rangeStart(h http.Header) int64 {
	var start int64
	if _, err := fmt.Sscanf(h.Get("Content-Range"), "bytes %d-", &start); err != nil {
		return -1
	}
	return start
}

// retryAfter returns how long the server asks to wait, within a minute.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 60)) * time.Second
}
