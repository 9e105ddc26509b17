package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	ocidigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

// Media types of what Push makes.
const (
	ArtifactType = "application/vnd.gozoo.checkpoint.v1"
	LayerType    = "application/octet-stream"
	// RowType is the config of an artifact whose file comes with its row of zoo.toml, as text: see
	// registry.ParseCarried.
	RowType = "application/vnd.gozoo.row.v1"
)

// A File is a checkpoint to push.
type File struct {
	Path        string
	Digest      digest.Digest // full
	Size        int64         // bytes
	Title       string        // file name
	Row         []byte        // text of its row; nil: none
	Annotations map[string]string
}

// Pushed is an artifact as it lies in a registry now.
type Pushed struct {
	Reference    string       `json:"reference"` // oci://host/repository@sha256:HEX
	Tag          string       `json:"tag"`
	MediaType    string       `json:"media_type"` // of the manifest
	ArtifactType string       `json:"artifact_type"`
	Digest       string       `json:"digest"` // of the manifest: sha256:HEX
	Size         int64        `json:"size"`   // of the manifest, bytes
	Config       PushedBlob   `json:"config"`
	Layers       []PushedBlob `json:"layers"`
}

// A PushedBlob is a part of an artifact.
type PushedBlob struct {
	Title     string `json:"title,omitempty"` // file name
	MediaType string `json:"media_type"`
	Digest    string `json:"digest"`        // sha256:HEX
	Size      int64  `json:"size"`          // bytes
	There     bool   `json:"already_there"` // the registry had it, and it was not sent
}

// Push makes a file an artifact of one layer under the address's tag. Its config is the file's row,
// where one is given. The same file, row and annotations give the same artifact. Parts that the
// registry has already are not sent again.
func (c *Client) Push(ctx context.Context, a registry.Address, file File) (*Pushed, error) {
	r, err := c.repository(a, PlainHTTP(a.Host))
	if err != nil {
		return nil, err
	}
	config, configData := ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data
	if file.Row != nil {
		config = ocispec.Descriptor{MediaType: RowType, Digest: ocidigest.FromBytes(file.Row), Size: int64(len(file.Row))}
		configData = file.Row
	}
	layer := ocispec.Descriptor{
		MediaType:   LayerType,
		Digest:      ocidigest.NewDigestFromEncoded(ocidigest.SHA256, file.Digest.String()),
		Size:        file.Size,
		Annotations: map[string]string{ocispec.AnnotationTitle: file.Title},
	}
	data, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: ArtifactType,
		Config:       config,
		Layers:       []ocispec.Descriptor{layer},
		Annotations:  file.Annotations, // no date: the same bytes each time
	})
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", printable.Shown(a.Text), err)
	}
	manifest := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType,
		Digest: ocidigest.FromBytes(data), Size: int64(len(data))}

	f, err := os.Open(file.Path)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", printable.Shown(a.Text), err)
	}
	defer f.Close()
	p := &Pushed{
		Reference: fmt.Sprintf("%s%s/%s@%s", registry.OCIScheme, a.Host, a.Repository, manifest.Digest), Tag: a.Revision,
		MediaType: manifest.MediaType, ArtifactType: ArtifactType, Digest: manifest.Digest.String(), Size: manifest.Size,
	}
	p.Config, err = pushBlob(ctx, r, config, bytes.NewReader(configData))
	if err == nil {
		p.Layers = make([]PushedBlob, 1)
		p.Layers[0], err = pushBlob(ctx, r, layer, f)
	}
	if err == nil {
		err = r.PushReference(ctx, manifest, bytes.NewReader(data), a.Revision)
	}
	if err != nil {
		return nil, c.failure(ctx, file.Title, a, err)
	}
	return p, nil
}

func pushBlob(ctx context.Context, r *remote.Repository, d ocispec.Descriptor, content io.Reader) (PushedBlob, error) {
	p := PushedBlob{Title: d.Annotations[ocispec.AnnotationTitle], MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size}
	var err error
	if p.There, err = r.Blobs().Exists(ctx, d); err == nil && !p.There {
		err = r.Blobs().Push(ctx, d, content)
	}
	return p, err
}

// repository returns the repository of an address, to push to.
func (c *Client) repository(a registry.Address, plain bool) (*remote.Repository, error) {
	r, err := remote.NewRepository(a.Host + "/" + a.Repository)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", printable.Shown(a.Text), err)
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
	r.Client = &login{c.auth(&again), a.Host, c.logins}
	r.PlainHTTP = plain
	return r, nil
}

// failure returns the error of a push.
func (c *Client) failure(ctx context.Context, name string, a registry.Address, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("store: %s: %w", name, context.Cause(ctx))
	}
	failed := &transfer.Error{Name: name, URL: printable.Shown(a.Text), Err: err, Left: "the tag was not changed"}
	var refused *transfer.Refusal
	var resp *errcode.ErrorResponse
	var with *url.Error
	switch {
	case errors.As(err, &refused):
		failed.Status, failed.Said, failed.Hint, failed.Err = refused.Status, refused.Said, refused.Hint, refused.Err
	case errors.As(err, &resp):
		failed.Status, failed.Err = resp.StatusCode, nil
		failed.Said = fmt.Sprintf("%.200s", printable.Text(resp.Errors.Error()))
	case errors.Is(err, errdef.ErrNotFound):
		failed.Status, failed.Err = http.StatusNotFound, nil
	case errors.As(err, &with):
		failed.Err, failed.Hint = with.Err, transfer.Hint("https", with.Err)
	}
	return c.logins.explain(a.Host, failed)
}
