package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gozoo/zoo/printable"
)

// A Doer sends one request, as *http.Client does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// NewHTTPClient returns a client for downloads: it honours HTTPS_PROXY and its sisters as they
// are now, never goes from https to http or to anything else, and takes credentials to no
// other host. A nil transport stands for one that speaks HTTP/1.1, because the ranges of a
// file are asked for on several connections and HTTP/2 would put them on one.
func NewHTTPClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy, t.OnProxyConnectResponse = environmentProxies(), refusedTunnel
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.ForceAttemptHTTP2 = false
		t.MaxIdleConnsPerHost = 16
		t.ReadBufferSize = 64 << 10
		transport = t
	}
	return &http.Client{Transport: webOnly{transport}, CheckRedirect: checkRedirect}
}

// body is an answered request: the bytes of a file from an offset on.
type body struct {
	*http.Response
	ctx      context.Context // of this request
	from, to int64           // offsets of its bytes; to is -1 when it is not known
	total    int64           // bytes of the whole file; -1: not said
	watch    *watchdog
	cancel   context.CancelCauseFunc
	ends     bool        // the body's end is told apart from a lost connection
	claim    [2]int64    // offsets that were claimed for it
	detach   func() bool // makes it outlive the round that it was asked for in
}

func (b *body) close() {
	b.detach()
	b.watch.timer.Stop()
	b.cancel(nil)
	b.Body.Close()
}

// whole reports whether the answer is the whole file, whatever was asked for.
func (b *body) whole() bool { return b.StatusCode == http.StatusOK }

// open asks for the bytes from one offset to another, -1 being the end. The answer
// is that range or the whole file; the error a *temporary or an *Error.
func (d *download) open(ctx context.Context, from, to int64) (*body, error) {
	own, cancel := context.WithCancelCause(d.ctx)
	b := &body{ctx: own, from: from, to: to, total: -1, cancel: cancel, watch: watch(d.Stall, cancel)}
	b.detach = context.AfterFunc(ctx, func() { cancel(context.Canceled) })
	resp, err := d.send(b)
	if err != nil {
		b.detach()
		b.watch.timer.Stop()
		cancel(nil)
		return nil, err
	}
	b.Response = resp
	return b, nil
}

// send sends the request of a body that says what to ask for.
func (d *download) send(b *body) (*http.Response, error) {
	req, err := d.request(b.ctx, http.MethodGet)
	if err != nil {
		return nil, err
	}
	ranged := !d.plain && (b.from > 0 || b.to >= 0)
	if ranged {
		text := fmt.Sprintf("bytes=%d-", b.from)
		if b.to >= 0 {
			text += strconv.FormatInt(b.to-1, 10)
		}
		req.Header.Set("Range", text)
		if v := d.plan.validator; v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := d.Via.Do(req)
	if err != nil {
		return nil, d.connectError(b.ctx, err)
	}
	code := resp.StatusCode
	if code == http.StatusOK {
		b.ends = resp.ContentLength >= 0 || resp.ProtoMajor >= 2 || len(resp.TransferEncoding) > 0
		undo(resp)
		b.from, b.to, b.total = 0, resp.ContentLength, resp.ContentLength
		return resp, nil
	}
	if code == http.StatusPartialContent && ranged {
		if err = d.checkRange(resp, b); err == nil {
			return resp, nil
		}
	}
	defer resp.Body.Close()
	if err == nil && (code == http.StatusPartialContent || code == http.StatusRequestedRangeNotSatisfiable) {
		err = &temporary{err: errRange}
	}
	if err == nil {
		err = d.statusError(resp)
	}
	return nil, err
}

// request returns a request with the header that all of the file's have. What a parser says of
// an address repeats parts of it, so that the error says what was expected.
func (d *download) request(ctx context.Context, method string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.URL, nil)
	if err != nil || req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		return nil, d.failure(0, errors.New("expected an http:// or https:// address, with special signs written as %XX"))
	}
	for key, values := range d.Header {
		req.Header[key] = values
	}
	req.Header.Set("Accept-Encoding", "identity") // the digest is of the file, and so are ranges
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "zoo")
	}
	return req, nil
}

// statusError returns the error of an answer that is no success.
func (d *download) statusError(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return &temporary{status: code, busy: true, wait: retryAfter(resp.Header), said: words(resp)}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return &temporary{status: code, wait: retryAfter(resp.Header), said: words(resp)}
	}
	failed := d.failure(resp.StatusCode, nil)
	failed.Said = words(resp)
	if failed.Status == http.StatusProxyAuthRequired {
		failed.Hint = loginHint(proxyVariable(resp.Request.URL.Scheme))
	}
	return failed
}

// checkRange compares a partial answer with what was asked for and with what is
// known of the file.
func (d *download) checkRange(resp *http.Response, b *body) error {
	from, to, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	ok = ok && encoded(resp.Header) == "" // else it is a range of something else
	if !ok || from != b.from || b.to >= 0 && to > b.to {
		return &temporary{err: errRange}
	}
	if length := resp.ContentLength; length >= 0 && length != to-from {
		return &temporary{err: errRange}
	}
	p := d.plan
	if p.size >= 0 && total != p.size {
		return &temporary{err: errRestart}
	}
	if p.isETag() && resp.Header.Get("ETag") != "" && resp.Header.Get("ETag") != p.validator {
		return &temporary{err: errRestart}
	}
	b.to, b.total = to, total // a server may give less than it was asked for
	return nil
}

// parseContentRange returns the offsets of a "bytes 0-9/10", the second of them
// the one after the last byte.
func parseContentRange(s string) (from, to, total int64, ok bool) {
	unit, rest, _ := strings.Cut(s, " ")
	span, all, _ := strings.Cut(rest, "/")
	first, last, _ := strings.Cut(span, "-")
	numbers := [3]int64{}
	for i, text := range [3]string{first, last, all} {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || text[0] == '+' {
			return 0, 0, 0, false
		}
		numbers[i] = n
	}
	from, to, total = numbers[0], numbers[1]+1, numbers[2]
	return from, to, total, strings.EqualFold(unit, "bytes") && from < to && to <= total
}

// A Refusal is the error of a Doer whose request cannot succeed: another attempt does not cure
// it.
type Refusal struct {
	Status int    // HTTP status; 0: none
	Said   string // what the server says in words; may be empty
	Hint   string // what to do; may be empty
	Err    error  // nil when Status says all
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused with HTTP status %d: %v", r.Status, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

// Hint returns what to do about an error of a connection for an address of a scheme; empty where
// the error says it all.
func Hint(scheme string, err error) string {
	if hint := tlsHint(err); hint != "" {
		return hint
	}
	hint, _, _ := proxyHint(scheme, err)
	return hint
}

// connectError tells what another attempt may cure from what it cannot.
func (d *download) connectError(ctx context.Context, err error) error {
	scheme := "https"
	if u, perr := url.Parse(d.URL); perr == nil {
		scheme = u.Scheme
	}
	var with *url.Error
	if errors.As(err, &with) {
		err = with.Err // the address is said already
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		failed := d.failure(refused.Status, refused.Err)
		failed.Said, failed.Hint = refused.Said, refused.Hint
		return failed
	}
	hint := Hint(scheme, err)
	_, again, viaProxy := proxyHint(scheme, err)
	var dns *net.DNSError
	final := viaProxy && !again || errors.As(err, &dns) && dns.IsNotFound || isTLS(err)
	for _, redirect := range []error{errDowngrade, errLoop, errRedirect} {
		final = final || errors.Is(err, redirect)
	}
	if final {
		failed := d.failure(0, err)
		failed.Hint = hint
		return failed
	}
	return &temporary{err: err, hint: hint}
}

// failure returns an *Error of this download, without what an address may hold in confidence.
func (d *download) failure(status int, err error) *Error {
	return &Error{Name: d.Want.Name, URL: printable.Shown(d.URL), Status: status, Err: err}
}

// maxWait is how long a server may ask to wait before another attempt.
const maxWait = 2 * time.Minute

// retryAfter returns how long the server asks to wait. A date is one of its own clock, which
// may differ from this machine's.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), (1<<30)*time.Second)
}
