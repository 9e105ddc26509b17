// Package oci pulls checkpoints from OCI registries, and pushes them: an artifact
// whose layers are files, the way the oras command line makes them.
//
//	c := oci.NewClient(transport)
//	found, err := c.Resolve(ctx, name, address, digest)
//	pushed, err := c.Push(ctx, address, file)
//
// It reads manifests only; the layers' bytes come through package transfer, from
// the address that Resolve finds.
package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// maxManifest bounds a manifest, in bytes, as registries do.
const maxManifest = 4 << 20

// A Client speaks to OCI registries.
type Client struct {
	// Credential returns what to log in with at a host; nil: nothing.
	Credential auth.CredentialFunc
	net        *transfer.Client
	cache      auth.Cache
}

// NewClient returns a client with the connections and the patience of another one.
// It logs in as docker, podman and oras do: with what they keep in
// ~/.docker/config.json and their credential helpers.
func NewClient(net *transfer.Client) *Client {
	c := &Client{net: net, cache: auth.NewCache()}
	if store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{}); err == nil { // unreadable: nothing to log in with
		c.Credential = credentials.Credential(store)
	}
	return c
}

// auth returns a client that logs in where it is asked to.
func (c *Client) auth(client *http.Client) *auth.Client {
	a := &auth.Client{Client: client, Cache: c.cache, Credential: c.Credential}
	a.SetUserAgent("zoo")
	return a
}

// repository returns the repository of an address.
func (c *Client) repository(a registry.Address, plain bool) (*remote.Repository, error) {
	r, err := remote.NewRepository(a.Host + "/" + a.Repository)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", a.Text, err)
	}
	again := *c.net.HTTP
	again.Transport = &retry.Transport{Base: again.Transport, Policy: func() retry.Policy {
		return &retry.GenericPolicy{
			Retryable: retry.DefaultPredicate,
			Backoff:   retry.ExponentialBackoff(c.net.Backoff, 2, 0.1),
			MinWait:   c.net.Backoff,
			MaxWait:   c.net.Backoff << c.net.Attempts,
			MaxRetry:  c.net.Attempts - 1,
		}
	}}
	r.Client = c.auth(&again)
	r.PlainHTTP = plain
	return r, nil
}

// PlainHTTP reports whether a registry is spoken to without TLS: it is on this
// machine.
func PlainHTTP(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Found is a layer of an artifact.
type Found struct {
	URL    string
	Via    transfer.Doer // logs in where it is asked to
	Digest digest.Digest // full, as the manifest states it
	Size   int64         // bytes
}

// Resolve finds the layer that an address stands for: the one with the address's
// title, else the one of the wanted digest, else the only one. plain does without
// TLS. The errors are *transfer.Error, also when the artifact has no such layer,
// and the context's.
func (c *Client) Resolve(ctx context.Context, name string, a registry.Address, want digest.Digest, plain bool) (Found, error) {
	r, err := c.repository(a, plain)
	if err != nil {
		return Found{}, err
	}
	_, data, err := oras.FetchBytes(ctx, r, a.Revision, oras.FetchBytesOptions{MaxBytes: maxManifest})
	if err != nil {
		return Found{}, c.failure(ctx, name, a, err)
	}
	var m ocispec.Manifest
	if err = json.Unmarshal(data, &m); err == nil && m.MediaType == ocispec.MediaTypeImageIndex {
		err = errors.New("expected an artifact, found an index of several")
	}
	var layer *ocispec.Descriptor
	if err == nil {
		layer, err = choose(m.Layers, a.File, want)
	}
	if err != nil {
		return Found{}, &transfer.Error{Name: name, URL: a.Text, Err: err}
	}
	stated, err := digest.Parse(layer.Digest.Encoded())
	if err != nil || layer.Digest.Algorithm() != "sha256" || layer.Size < 0 {
		return Found{}, &transfer.Error{Name: name, URL: a.Text,
			Err: fmt.Errorf("a layer's digest: expected a sha256 and a size, found %.100q, %d", layer.Digest, layer.Size)}
	}
	scheme := "https"
	if plain {
		scheme = "http"
	}
	return Found{
		URL:    fmt.Sprintf("%s://%s/v2/%s/blobs/%s", scheme, a.Host, a.Repository, layer.Digest),
		Via:    c.auth(c.net.HTTP),
		Digest: stated,
		Size:   layer.Size,
	}, nil
}

// choose returns the layer that a title, a digest, or its being the only one tells
// from the others.
func choose(layers []ocispec.Descriptor, title string, want digest.Digest) (*ocispec.Descriptor, error) {
	var titles []string
	for i := range layers {
		l := &layers[i]
		t := l.Annotations[ocispec.AnnotationTitle]
		if title != "" && t == title {
			return l, nil
		}
		titles = append(titles, fmt.Sprintf("%q", t))
	}
	if title == "" {
		for i := range layers {
			if d, err := digest.Parse(layers[i].Digest.Encoded()); err == nil && want.Matches(d) {
				return &layers[i], nil
			}
		}
		if len(layers) == 1 {
			return &layers[0], nil
		}
	}
	return nil, fmt.Errorf("expected one layer to choose by #title, found %d: %s", len(layers), strings.Join(titles, ", "))
}

// failure returns the error of a request to a registry.
func (c *Client) failure(ctx context.Context, name string, a registry.Address, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("store: %s: %w", name, context.Cause(ctx))
	}
	failed := &transfer.Error{Name: name, URL: a.Text, Err: err}
	var resp *errcode.ErrorResponse
	if errors.As(err, &resp) {
		failed.Status, failed.Err = resp.StatusCode, nil
		failed.Said = resp.Errors.Error()
	}
	if errors.Is(err, auth.ErrBasicCredentialNotFound) {
		failed.Status, failed.Err = http.StatusUnauthorized, nil
	}
	if failed.Status == http.StatusUnauthorized {
		failed.Said = strings.TrimPrefix(failed.Said+"; log in first: docker login "+a.Host, "; ")
	}
	if errors.Is(err, errdef.ErrNotFound) {
		failed.Status, failed.Err = http.StatusNotFound, nil
	}
	var with *url.Error
	if errors.As(err, &with) {
		failed.Err = with.Err
	}
	return failed
}
