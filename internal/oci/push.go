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
)

// A File is a checkpoint to push.
type File struct {
	Path        string
	Digest      digest.Digest // full
	Size        int64         // bytes
	Title       string        // file name
	Annotations map[string]string
}

// Push makes a file an artifact of one layer under the address's tag, and returns
// the address that names it by digest. The same file and annotations give the same
// artifact. Layers that the registry has already are not sent again.
func (c *Client) Push(ctx context.Context, a registry.Address, file File) (string, error) {
	r, err := c.repository(a, PlainHTTP(a.Host))
	if err != nil {
		return "", err
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
		Config:       ocispec.DescriptorEmptyJSON,
		Layers:       []ocispec.Descriptor{layer},
		Annotations:  file.Annotations, // no date: the same bytes each time
	})
	if err != nil {
		return "", fmt.Errorf("store: %s: %w", printable.Shown(a.Text), err)
	}
	manifest := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType,
		Digest: ocidigest.FromBytes(data), Size: int64(len(data))}

	f, err := os.Open(file.Path)
	if err != nil {
		return "", fmt.Errorf("store: %s: %w", printable.Shown(a.Text), err)
	}
	defer f.Close()
	empty := ocispec.DescriptorEmptyJSON
	err = pushBlob(ctx, r, empty, bytes.NewReader(empty.Data))
	if err == nil {
		err = pushBlob(ctx, r, layer, f)
	}
	if err == nil {
		err = r.PushReference(ctx, manifest, bytes.NewReader(data), a.Revision)
	}
	if err != nil {
		return "", c.failure(ctx, file.Title, a, err)
	}
	return fmt.Sprintf("%s%s/%s@%s", registry.OCIScheme, a.Host, a.Repository, manifest.Digest), nil
}

func pushBlob(ctx context.Context, r *remote.Repository, d ocispec.Descriptor, content io.Reader) error {
	if ok, err := r.Blobs().Exists(ctx, d); err != nil || ok {
		return err
	}
	return r.Blobs().Push(ctx, d, content)
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
