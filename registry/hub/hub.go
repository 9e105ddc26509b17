// Package hub finds files of a Hugging Face hub: their address, their digest as
// the hub states it, and copies that the hub's own client left on this machine.
//
//	h := hub.FromEnv(os.Getenv)
//	found, err := h.Resolve(ctx, client, name, address)
//
// It reads no file's content. The protocol is that of the client library
// huggingface_hub: HEAD of the resolve endpoint, whose X-Linked-Etag is the sha256
// of a large file.
package hub

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/homepath"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// DefaultEndpoint is the hub that is asked where none is configured.
const DefaultEndpoint = "https://huggingface.co"

// A Hub is a server with the files of many repositories.
type Hub struct {
	Endpoint string // URL; empty: DefaultEndpoint
	// Token is sent to the endpoint's own host, over https or to this machine
	// only. It stands in no error and no log.
	Token string
	// Cache is the folder where the hub's client keeps its files; empty: none.
	Cache string
}

// FromEnv returns the hub that the environment describes, as huggingface_hub reads
// it: HF_ENDPOINT; the token in HF_TOKEN, in the file HF_TOKEN_PATH, or in the
// file token of HF_HOME; the cache HF_HUB_CACHE, or hub in HF_HOME. HF_HOME is
// huggingface in XDG_CACHE_HOME, or in ~/.cache, without. A leading "~/" is expanded.
func FromEnv(getenv func(string) string) Hub {
	home := folder(getenv, "HF_HOME")
	if home == "" {
		if base := CacheHome(getenv); base != "" {
			home = filepath.Join(base, "huggingface")
		}
	}
	h := Hub{Endpoint: strings.TrimRight(getenv("HF_ENDPOINT"), "/"), Token: cleanToken(getenv("HF_TOKEN")), Cache: folder(getenv, "HF_HUB_CACHE")}
	path := folder(getenv, "HF_TOKEN_PATH")
	if path == "" && home != "" {
		path = filepath.Join(home, "token")
	}
	if h.Token == "" && path != "" {
		if data, err := os.ReadFile(path); err == nil { // no file: no token
			h.Token = cleanToken(string(data))
		}
	}
	if h.Cache == "" && home != "" {
		h.Cache = filepath.Join(home, "hub")
	}
	return h
}

// CacheHome returns the folder that Python's model libraries keep their caches
// below, on every system: XDG_CACHE_HOME, or .cache in the home folder; empty when
// there is neither.
func CacheHome(getenv func(string) string) string {
	if dir := folder(getenv, "XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".cache")
}

// folder returns the path in a variable. One that cannot be expanded stays as it is: nothing
// is found there, and nothing is ever written.
func folder(getenv func(string) string, variable string) string {
	path := getenv(variable)
	if expanded, err := homepath.Expand(path, getenv); err == nil {
		return expanded
	}
	return path
}

// maxToken bounds a token, in bytes.
const maxToken = 1000

// cleanToken returns a token without the spaces around it; empty when it could not
// stand in a header.
func cleanToken(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxToken || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' }) {
		return ""
	}
	return s
}

// Found is a file of a hub.
type Found struct {
	URL    string
	Header http.Header   // of requests for it; with the token
	Digest digest.Digest // full, as the hub states it; zero when it states none
	Size   int64         // bytes; 0: not stated
}

// Resolve asks the hub for a file that errors call by a name. When mirror is not nil, it
// returns the address to ask instead of the hub's; notice, when not nil, is told of attempts
// that failed. The errors are the same as of transfer.Client.Head.
func (h Hub) Resolve(ctx context.Context, c *transfer.Client, name string, a registry.Address, mirror func(string) (string, error),
	notice func(string)) (Found, error) {
	address, err := h.url(a, a.Revision, mirror)
	if err != nil {
		return Found{}, err
	}
	found := Found{URL: address, Header: h.header(address)}
	resp, err := c.Head(ctx, transfer.File{URL: address, Header: found.Header, Want: transfer.Want{Name: name}, Notice: notice})
	if err != nil {
		return Found{}, h.explain(err)
	}
	// Ranges of a file that are asked for one after the other should be those of
	// one commit, even when a branch moves meanwhile.
	if commit := resp.Header.Get("X-Repo-Commit"); registry.IsCommit(commit) {
		if found.URL, err = h.url(a, commit, mirror); err != nil {
			return Found{}, err
		}
	}
	// A large file's ETag on the hub is its sha256; that of a small one is git's.
	if digest, err := digest.Parse(strings.Trim(resp.Header.Get("X-Linked-Etag"), `"`)); err == nil && digest.Full() {
		found.Digest = digest
		if size, err := strconv.ParseInt(resp.Header.Get("X-Linked-Size"), 10, 64); err == nil {
			found.Size = max(size, 0)
		}
	}
	return found, nil
}

// Document reads a small file of a repository, of at most limit bytes, and returns it with the commit that it is of;
// empty where the hub does not say. Errors call the file by a name. Mirror and notice are as for Resolve. The errors are the
// same as of transfer.Client.Document; one of status 404 says that there is no such file, or no such repository.
func (h Hub) Document(ctx context.Context, c *transfer.Client, name string, a registry.Address, mirror func(string) (string, error),
	notice func(string), limit int64) (data []byte, commit string, err error) {
	address, err := h.url(a, a.Revision, mirror)
	if err != nil {
		return nil, "", err
	}
	file := transfer.File{URL: address, Header: h.header(address), Want: transfer.Want{Name: name}, Notice: notice}
	data, header, err := c.Document(ctx, file, limit)
	if err != nil {
		return nil, "", h.explain(err)
	}
	if commit = header.Get("X-Repo-Commit"); !registry.IsCommit(commit) {
		commit = ""
	}
	return data, commit, nil
}

// explain adds what to do when the hub refuses a file: it calls those of private
// and gated repositories not found, too.
func (h Hub) explain(err error) error {
	var failed *transfer.Error
	if errors.As(err, &failed) && (failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden || failed.Status == http.StatusNotFound) {
		what := "no token was sent: private and gated repositories need one in HF_TOKEN"
		if h.Token != "" {
			what = "a token was found: it may lack access to this repository"
		}
		failed.Hint = what
	}
	return err
}

// url returns the resolve address of a file at a revision.
func (h Hub) url(a registry.Address, revision string, mirror func(string) (string, error)) (string, error) {
	endpoint := h.Endpoint
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	var path []string
	for _, part := range strings.Split(a.File, "/") {
		path = append(path, url.PathEscape(part))
	}
	address := endpoint + "/" + a.Repository + "/resolve/" + url.PathEscape(revision) + "/" + strings.Join(path, "/")
	if mirror != nil {
		return mirror(address)
	}
	return address, nil
}

// At returns the address of a file, as requests have it.
func (h Hub) At(a registry.Address) string {
	address, _ := h.url(a, a.Revision, nil) // only a mirror has errors
	return address
}

// CommitOf returns the commit of a repository in an address that At returned, or in one of the form hf://; empty for none.
func CommitOf(address, repository string) string {
	if a, err := registry.ParseAddress(address); err == nil && a.Kind == registry.AddressHub {
		if a.Repository == repository && registry.IsCommit(a.Revision) {
			return a.Revision
		}
		return ""
	}
	commit, _ := commitOf(address, registry.Address{Repository: repository})
	return commit
}

// header returns the header of requests to an address: with the token when the
// address is of the endpoint's host, and nobody on the way can read it.
func (h Hub) header(address string) http.Header {
	header := http.Header{}
	endpoint := h.Endpoint
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	u, err := url.Parse(address)
	e, eerr := url.Parse(endpoint)
	if h.Token == "" || err != nil || eerr != nil || u.Host != e.Host || u.Scheme != e.Scheme {
		return header
	}
	if u.Scheme == "https" || isLoopback(u.Hostname()) {
		header.Set("Authorization", "Bearer "+h.Token)
	}
	return header
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
