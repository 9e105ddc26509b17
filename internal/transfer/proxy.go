package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/gozoo/zoo/printable"
)

// A proxyError says that the proxy of the environment did not let a request pass.
type proxyError struct {
	status int    // of its answer; 0: it gave none
	at     string // the proxy's address, as it may be shown; may be empty
	err    error
}

func (e *proxyError) Error() string {
	text := "the proxy " + e.at
	if e.status != 0 {
		text = fmt.Sprintf("%s answers with HTTP status %d %s", text, e.status, http.StatusText(e.status))
	}
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e *proxyError) Unwrap() error { return e.err }

// environmentProxies returns which proxy a request takes by HTTPS_PROXY, HTTP_PROXY and
// NO_PROXY as they are now.
func environmentProxies() func(*http.Request) (*url.URL, error) {
	c := httpproxy.FromEnvironment()
	proxy := c.ProxyFunc()
	return func(req *http.Request) (*url.URL, error) {
		// A value that is no address would be passed over without a word.
		text := c.HTTPProxy
		if req.URL.Scheme == "https" {
			text = c.HTTPSProxy
		}
		if _, err := url.Parse(text); err != nil && strings.Contains(text, "://") {
			return nil, &proxyError{err: fmt.Errorf("%s is no address of a proxy: write the signs of a password as in a URL, %%2F for / say",
				proxyVariable(req.URL.Scheme))}
		}
		u, err := proxy(req.URL)
		if err != nil {
			return nil, &proxyError{err: fmt.Errorf("%s cannot be used: the program runs as CGI", proxyVariable(req.URL.Scheme))}
		}
		return u, nil
	}
}

// proxyVariable names the variable that says which proxy addresses of a scheme take.
func proxyVariable(scheme string) string {
	if scheme == "http" {
		return "HTTP_PROXY"
	}
	return "HTTPS_PROXY"
}

// refusedTunnel returns the error of a proxy's answer to CONNECT.
func refusedTunnel(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{status: resp.StatusCode, at: printable.Shown(proxy.String())}
}

// proxyHint returns what to do about an error on the way through a proxy, and whether another
// attempt may cure it; ok is false for any other error.
func proxyHint(scheme string, err error) (hint string, again, ok bool) {
	variable := proxyVariable(scheme)
	var refused *proxyError
	var op *net.OpError
	switch {
	case errors.As(err, &refused):
		switch code := refused.status; {
		case code == 0:
			return "", false, true
		case code == http.StatusProxyAuthRequired:
			return loginHint(variable), false, true
		default:
			return "the proxy is the one that " + variable + " names", code >= 500 || code == http.StatusTooManyRequests, true
		}
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy is the one that " + variable + " names", true, true
	case errors.As(err, &op) && strings.HasPrefix(op.Op, "socks"):
		if strings.Contains(op.Err.Error(), "authentication") {
			return loginHint(variable), false, true
		}
		return "the SOCKS proxy is the one that " + variable + " names", true, true
	}
	return "", false, false
}

// loginHint says how a proxy is told who asks.
func loginHint(variable string) string {
	if os.Getenv(variable) == "" && os.Getenv(strings.ToLower(variable)) == "" {
		return "set " + variable + " to http://USER:PASSWORD@PROXY:PORT"
	}
	return "put its user and password into " + variable + ", as http://USER:PASSWORD@PROXY:PORT"
}
