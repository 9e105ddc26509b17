package oci

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

// An Artifact is what an address names, but for the bytes of its file.
type Artifact struct {
	Manifest []byte        // the text, of which Digest is
	Digest   digest.Digest // full
	Row      []byte        // the row of its file, as text that nobody has looked at
	File     digest.Digest // of the layer; full
	Size     int64         // of the layer, bytes; positive
}

// ErrNoRow says that an artifact comes without its row.
var ErrNoRow = errors.New("the artifact has no row of zoo.toml: push its model with zoo push, which adds one, " +
	"or write a row whose url is its address")

// Artifact reads the manifest that an address names and the row that it carries. The arguments and
// errors are those of Resolve, and a *transfer.Error of ErrNoRow.
func (c *Client) Artifact(ctx context.Context, a registry.Address, plain bool, notice func(string)) (*Artifact, error) {
	from := c.place(printable.Shown(a.Text), a, plain, notice)
	data, err := from.manifest(ctx)
	if err != nil {
		return nil, err
	}
	out, config, err := artifactOf(data, a)
	if err != nil {
		return nil, from.failed(err)
	}
	row, err := from.document(ctx, "/blobs/sha256:"+config.sha256.String(), registry.MaxCarried, nil)
	if err != nil {
		return nil, err
	}
	if err := out.withRow(config, row); err != nil {
		return nil, from.failed(err)
	}
	return out, nil
}

// OfTexts is Artifact of texts that were kept: of the manifest and of the row. They are held against
// the digests that the address and the manifest state.
func OfTexts(a registry.Address, manifest, row []byte) (*Artifact, error) {
	out, config, err := artifactOf(manifest, a)
	if err == nil {
		err = out.withRow(config, row)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// artifactOf returns what a manifest says, and of which row.
func artifactOf(data []byte, a registry.Address) (*Artifact, *layer, error) {
	m, l, err := layerOf(data, a, digest.Digest{})
	if err != nil {
		return nil, nil, err
	}
	if m.Config.MediaType != RowType {
		return nil, nil, ErrNoRow
	}
	if err := m.Config.check(); err != nil {
		return nil, nil, fmt.Errorf("its row: %w", err)
	}
	if m.Config.Size > registry.MaxCarried {
		return nil, nil, fmt.Errorf("its row: expected at most %d bytes, found %d", registry.MaxCarried, m.Config.Size)
	}
	return &Artifact{Manifest: data, Digest: digest.Of(sha256.Sum256(data)), File: l.sha256, Size: l.Size}, &m.Config, nil
}

// withRow adds the text of the row, which has to be the one that the manifest names.
func (a *Artifact) withRow(config *layer, row []byte) error {
	if got := digest.Of(sha256.Sum256(row)); got != config.sha256 || int64(len(row)) != config.Size {
		return fmt.Errorf("its row: expected %d bytes of sha256 %s, found %d of %s", config.Size, config.sha256, len(row), got)
	}
	a.Row = row
	return nil
}
