package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	ocidigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
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
		return "", fmt.Errorf("store: %s: %w", a.Text, err)
	}
	manifest := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType,
		Digest: ocidigest.FromBytes(data), Size: int64(len(data))}

	f, err := os.Open(file.Path)
	if err != nil {
		return "", fmt.Errorf("store: %s: %w", a.Text, err)
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
		err = c.failure(ctx, file.Title, a, err)
		if failed := (*transfer.Error)(nil); errors.As(err, &failed) {
			failed.Left = "the tag was not changed"
		}
		return "", err
	}
	return fmt.Sprintf("%s%s/%s@%s", registry.OCIScheme, a.Host, a.Repository, manifest.Digest), nil
}

func pushBlob(ctx context.Context, r *remote.Repository, d ocispec.Descriptor, content io.Reader) error {
	if ok, err := r.Blobs().Exists(ctx, d); err != nil || ok {
		return err
	}
	return r.Blobs().Push(ctx, d, content)
}
