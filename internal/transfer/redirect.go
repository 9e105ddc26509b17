package transfer

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gozoo/zoo/printable"
)

const maxRedirects = 10

// Errors of redirects, which asking again does not cure.
var (
	errDowngrade = errors.New("redirected from https to http")
	errLoop      = errors.New("stopped after 10 redirects")
	errRedirect  = errors.New("redirected to nowhere")
)

// checkRedirect refuses to leave https, since a digest prefix alone is little to
// trust, and removes from requests to another host or port what is for the first one only:
// credentials, and the address that sent there, whose query may be a signature.
func checkRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) > maxRedirects {
		return errLoop
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errDowngrade
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		req.Header.Del("Authorization")
	}
	return nil
}

// webOnly is a transport whose redirects lead to web addresses or are errors.
type webOnly struct{ http.RoundTripper }

func (t webOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := checkLocation(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// CloseIdleConnections closes those of the transport below.
func (t webOnly) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// checkLocation returns the error of a redirect that no browser would follow either.
func checkLocation(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	text := resp.Header.Get("Location")
	u, err := resp.Request.URL.Parse(text)
	if text == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%w: expected an http:// or https:// address, found %.200q", errRedirect, printable.Shown(text))
	}
	return nil
}
