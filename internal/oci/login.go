package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/printable"
)

// helperPatience is how long a credential helper may take: it may ask its user.
const helperPatience = time.Minute

// logins is what docker keeps of who may read where.
type logins struct {
	store *credentials.DynamicStore
	err   error // of reading the configuration

	mu     sync.Mutex
	failed map[string]error // by host: why there is nothing to log in with
}

func newLogins() *logins {
	l := &logins{failed: make(map[string]error)}
	l.store, l.err = credentials.NewStoreFromDocker(credentials.StoreOptions{})
	return l
}

// credential returns what to log in with at a host. Where a helper fails it is nothing: many
// files are for everybody. The reason is kept for the case that they are not.
func (l *logins) credential(ctx context.Context, host string) (auth.Credential, error) {
	err := l.err
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, helperPatience)
		defer cancel()
		var c auth.Credential
		if c, err = credentials.Credential(l.store)(ctx, host); err == nil {
			return c, nil
		}
		err = fmt.Errorf("%s: %w", l.helper(host), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[host] = err
	return auth.EmptyCredential, nil
}

// maxConfig bounds docker's configuration, in bytes.
const maxConfig = 4 << 20

// helper names the program that docker's configuration has for a host.
func (l *logins) helper(host string) string {
	var config struct {
		CredHelpers map[string]string `json:"credHelpers"`
		CredsStore  string            `json:"credsStore"`
	}
	path := l.store.ConfigPath()
	data, err := bounded.ReadFile(path, maxConfig)
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	name, ok := config.CredHelpers[host]
	if !ok {
		name = config.CredsStore
	}
	if err != nil || name == "" {
		return path
	}
	return fmt.Sprintf("docker-credential-%s, the credential helper that %s names", printable.Text(name), path)
}

// hint says how to log in at a host, or what kept this program from doing so.
func (l *logins) hint(host string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.failed[host]; err != nil {
		return fmt.Sprintf("no login was sent, because of %s; or docker login %s", printable.Text(err.Error()), host)
	}
	return "log in first: docker login " + host
}

// explain adds to an error of a registry how to log in, where that is missing.
func (l *logins) explain(host string, err error) error {
	var failed *transfer.Error
	if errors.As(err, &failed) && failed.Hint == "" && (failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden) {
		failed.Hint = l.hint(host)
	}
	return err
}

// auth returns a client that logs in where it is asked to.
func (c *Client) auth(client *http.Client) *auth.Client {
	a := &auth.Client{Client: client, Cache: c.cache, Credential: c.logins.credential}
	a.SetUserAgent("zoo")
	return a
}

// login sends requests to a registry, and tells errors that another attempt does not cure.
type login struct {
	*auth.Client
	host   string
	logins *logins
}

func (l *login) Do(req *http.Request) (*http.Response, error) {
	resp, err := l.Client.Do(req)
	if err == nil {
		return resp, nil
	}
	return nil, refusal(err, l.logins, l.host)
}

// refusal makes what the library says of a login a *transfer.Refusal, unless it is an error of
// the connection. Its own words repeat addresses.
func refusal(err error, logins *logins, host string) error {
	var resp *errcode.ErrorResponse
	var with *url.Error
	switch {
	case errors.As(err, &resp):
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
			return fmt.Errorf("the registry's login server answers with HTTP status %d", resp.StatusCode)
		}
		r := &transfer.Refusal{Status: resp.StatusCode, Hint: logins.hint(host)}
		if len(resp.Errors) > 0 {
			r.Said = fmt.Sprintf("%.200s", printable.Text(resp.Errors.Error()))
		}
		return r
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return &transfer.Refusal{Status: http.StatusUnauthorized, Hint: logins.hint(host)}
	case errors.As(err, &with):
		return with
	}
	// The library refuses realms to which credentials should not go, and answers without token.
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return &transfer.Refusal{Err: fmt.Errorf("no login: %.300s", printable.Text(err.Error())), Hint: logins.hint(host)}
}
