// Package oci pulls checkpoints from OCI registries, and pushes them: an artifact
// whose layers are files, the way the oras command line makes them.
//
//	c := oci.NewClient(transport)
//	found, err := c.Resolve(ctx, name, address, digest, plain, notice)
//	pushed, err := c.Push(ctx, address, file)
//	artifact, err := c.Artifact(ctx, address, plain, notice)
//
// It reads manifests only; the layers' bytes come through package transfer, from
// the address that Resolve finds. What a registry answers is read here, and is checked before
// it gets to a library: those take a digest for granted, and panic where it is none.
package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

// maxManifest bounds a manifest, in bytes, as registries do.
const maxManifest = 4 << 20

// A Client speaks to OCI registries.
type Client struct {
	net    *transfer.Client
	logins *logins
	cache  auth.Cache
}

// NewClient returns a client with the connections and the patience of another one.
// It logs in as docker, podman and oras do: with what they keep in
// ~/.docker/config.json and their credential helpers.
func NewClient(net *transfer.Client) *Client {
	return &Client{net: net, logins: newLogins(), cache: auth.NewCache()}
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
	Size   int64         // bytes; positive
}

// Resolve finds the layer that an address stands for: the one with the address's
// title, else the one of the wanted digest, else the only one. plain does without
// TLS; notice, when not nil, is told of attempts that failed. The errors are *transfer.Error,
// also when the artifact has no such layer, and the context's.
func (c *Client) Resolve(ctx context.Context, name string, a registry.Address, want digest.Digest, plain bool,
	notice func(string)) (Found, error) {
	from := c.place(name, a, plain, notice)
	data, err := from.manifest(ctx)
	if err != nil {
		return Found{}, err
	}
	_, l, err := layerOf(data, a, want)
	if err != nil {
		return Found{}, from.failed(err)
	}
	return Found{URL: from.base + "/blobs/sha256:" + l.sha256.String(), Via: from.via, Digest: l.sha256, Size: l.Size}, nil
}

// A place is a repository that is read from.
type place struct {
	client *Client
	name   string
	addr   registry.Address
	base   string // URL
	via    transfer.Doer
	notice func(string)
}

func (c *Client) place(name string, a registry.Address, plain bool, notice func(string)) *place {
	scheme := "https://"
	if plain {
		scheme = "http://"
	}
	return &place{c, name, a, scheme + a.Host + "/v2/" + a.Repository, &login{c.auth(c.net.HTTP), a.Host, c.logins}, notice}
}

// manifest returns the text of the manifest that the address names.
func (p *place) manifest(ctx context.Context) ([]byte, error) {
	return p.document(ctx, "/manifests/"+p.addr.Revision, maxManifest, http.Header{"Accept": {ocispec.MediaTypeImageManifest +
		", application/vnd.docker.distribution.manifest.v2+json, " + ocispec.MediaTypeImageIndex + ", */*;q=0.5"}})
}

func (p *place) document(ctx context.Context, path string, limit int64, header http.Header) ([]byte, error) {
	file := transfer.File{URL: p.base + path, Via: p.via, Want: transfer.Want{Name: p.name}, Notice: p.notice, Header: header}
	data, _, err := p.client.net.Document(ctx, file, limit)
	if err != nil {
		return nil, p.client.logins.explain(p.addr.Host, err)
	}
	return data, nil
}

// failed returns the error of what the registry answered.
func (p *place) failed(err error) error {
	e := &transfer.Error{Name: p.name, URL: printable.Shown(p.addr.Text), Err: err}
	if e.Name == e.URL {
		e.URL = p.base
	}
	return e
}

// A layer is what a manifest says of one of its files.
type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`

	sha256 digest.Digest // Digest, checked
}

func (l *layer) title() string { return l.Annotations[ocispec.AnnotationTitle] }

// check reads the digest of a layer, and its size.
func (l *layer) check() (err error) {
	if l.sha256, err = parseDigest(l.Digest); err != nil || l.Size <= 0 {
		return fmt.Errorf("a layer's digest: expected sha256:, 64 hex digits and a size, found %.100q, %d", l.Digest, l.Size)
	}
	return nil
}

// parseDigest reads a digest as OCI writes it.
func parseDigest(text string) (d digest.Digest, err error) {
	hex, ok := strings.CutPrefix(text, "sha256:")
	if ok {
		d, err = digest.Parse(hex)
	}
	if err == nil && !d.Full() {
		err = errors.New("no full sha256")
	}
	return d, err
}

// A manifest lists the parts of an artifact.
type manifest struct {
	MediaType string  `json:"mediaType"`
	Config    layer   `json:"config"`
	Layers    []layer `json:"layers"`
}

// layerOf returns a manifest of its text, and the layer of it that an address stands for.
func layerOf(data []byte, a registry.Address, want digest.Digest) (*manifest, *layer, error) {
	if pinned, err := parseDigest(a.Revision); err == nil {
		if got := digest.Of(sha256.Sum256(data)); got != pinned {
			return nil, nil, fmt.Errorf("expected a manifest of sha256 %s, found one of %s", pinned, got)
		}
	}
	var m manifest
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return nil, nil, errors.New("expected a manifest, found a page: this network may want somebody to sign in first")
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, fmt.Errorf("expected a manifest: %w", err)
	}
	if m.MediaType == ocispec.MediaTypeImageIndex || strings.HasSuffix(m.MediaType, "manifest.list.v2+json") {
		return nil, nil, errors.New("expected an artifact, found an index of several")
	}
	l, err := choose(m.Layers, a.File, want)
	if err != nil {
		return nil, nil, err
	}
	return &m, l, l.check()
}

// maxTitles bounds the titles that an error lists.
const maxTitles = 20

// choose returns the layer that a title, a digest, or its being the only one tells
// from the others.
func choose(layers []layer, title string, want digest.Digest) (*layer, error) {
	var titles []string
	for i := range layers {
		l := &layers[i]
		if title != "" && l.title() == title {
			return l, nil
		}
		if len(titles) < maxTitles {
			titles = append(titles, fmt.Sprintf("%.100q", l.title()))
		}
	}
	if title == "" {
		for i := range layers {
			if d, err := parseDigest(layers[i].Digest); err == nil && want.Matches(d) {
				return &layers[i], nil
			}
		}
		if len(layers) == 1 {
			return &layers[0], nil
		}
	}
	return nil, fmt.Errorf("expected one layer to choose by #title, found %d: %s", len(layers), strings.Join(titles, ", "))
}
