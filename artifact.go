package zoo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// PushOptions says what is pushed of a model. The zero value is its published file.
type PushOptions struct {
	// Converted is the converted file, as safetensors, in place of the published one.
	Converted bool
}

// Push fetches a model's file where need be and pushes it to an OCI registry with its row, under the tag
// of an "oci://" address: Pull reads it.
func (z *Zoo) Push(ctx context.Context, name, address string, o PushOptions) (*store.Pushed, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	if a, err := registry.ParseAddress(address); err != nil || a.Kind != registry.AddressOCI {
		return nil, option.Errorf("Address", "zoo: push %s: expected oci://HOST/REPOSITORY:TAG, found %q", name, printable.Shown(address))
	}
	if z.config.Offline {
		return nil, &store.FetchError{Name: name, URL: printable.Shown(address), Err: errors.New("offline"), Left: "nothing was sent"}
	}
	var out *store.Pushed
	err = z.withSource(ctx, entry, z.fetchOptions(entry.Name), func(src store.Blob) error {
		file, err := z.pushFile(ctx, entry, src, o)
		if err == nil {
			out, err = z.store.Push(ctx, address, file)
		}
		return err
	})
	return out, err
}

// pushFile returns what is pushed of an entry whose published file is in the cache.
func (z *Zoo) pushFile(ctx context.Context, entry *registry.Entry, src store.Blob, o PushOptions) (file store.PushFile, err error) {
	file.Blob = src
	row := *entry
	a, err := registry.ParseAddress(entry.Weights.URL)
	file.Title = a.FileName()
	if err != nil || file.Title == "" || a.Kind == registry.AddressOCI {
		file.Title = registry.FileName(entry.Name) + "-" + src.Digest.Short() + ".pth"
	}
	if o.Converted {
		if file.Blob, err = z.converted(ctx, entry, src); err != nil {
			return file, err
		}
		file.Title = registry.FileName(entry.Name) + "-" + file.Blob.Digest.Short() + ".safetensors"
		row.Weights.Container, row.Weights.Recipe = "safetensors", ""
		if row.Weights.ConvertedFrom == "" && a.Remote() {
			row.Weights.ConvertedFrom = entry.Weights.URL
		}
	}
	if file.Row, err = carried(&row, file.Blob); err != nil {
		return file, err
	}
	file.Annotations = map[string]string{
		"org.opencontainers.image.licenses": entry.Weights.Licence, "org.opencontainers.image.title": entry.Name,
	}
	if a.Kind == registry.AddressHTTP {
		file.Annotations["org.opencontainers.image.source"] = printable.Shown(entry.Weights.URL)
	}
	return file, nil
}

// An ArtifactError says that what an artifact carries is no model that can be used.
type ArtifactError struct {
	Address string
	Err     error
}

func (e *ArtifactError) Error() string {
	return fmt.Sprintf("zoo: %s: %v", printable.Shown(e.Address), e.Err)
}

// Unwrap returns the cause.
func (e *ArtifactError) Unwrap() error { return e.Err }

// Is reports whether target is ErrCheckpoint.
func (e *ArtifactError) Is(target error) bool { return target == ErrCheckpoint }

// PullOptions says how an artifact's row is taken. The zero value is for those who use its model.
type PullOptions struct {
	// ToPin is set by those who are about to pin the model: what they pin need not be pinned before.
	ToPin bool
}

// Pull returns the row that an artifact carries, at an address "oci://host/repository@sha256:HEX" or
// "…:tag". It brings no weights: a Zoo whose Config.Entries has the row does, by the row's name, from that
// address. A row that differs from the one of its name here is told of in a notice. With a key, the address
// names a digest, and the signed lock file pins the file. The error is an *ArtifactError for a row that cannot
// be used, a *store.FetchError, or a *lock.SignatureError.
func (z *Zoo) Pull(ctx context.Context, address string, o PullOptions) (*registry.Entry, error) {
	a, err := registry.ParseAddress(address)
	if err != nil || a.Kind != registry.AddressOCI {
		return nil, option.Errorf("Address", "zoo: expected oci://HOST/REPOSITORY@sha256:DIGEST, found %q", printable.Shown(address))
	}
	byDigest := strings.HasPrefix(a.Revision, "sha256:")
	if z.lockKey != nil {
		if !byDigest {
			return nil, &lock.SignatureError{Path: printable.Shown(address),
				Reason: "a tag can be moved: where a key is asked for, name the artifact by its digest"}
		}
		if err := z.signed(); err != nil && !o.ToPin {
			return nil, err
		}
	}
	artifact, err := z.store.Artifact(ctx, address, z.fetchOptions(""))
	if errors.Is(err, store.ErrNoRow) {
		return nil, &ArtifactError{address, store.ErrNoRow}
	}
	if err != nil {
		return nil, err
	}
	entry, err := z.artifactEntry(artifact)
	if err != nil {
		return nil, &ArtifactError{address, err}
	}
	z.tellPulled(entry, address)
	if !byDigest {
		z.notice(fmt.Sprintf("%s is %s: by that address it stays the same", printable.Shown(address), artifact.Address))
	}
	switch err := z.store.CheckPin(entry, artifact.File, z.fetchOptions(entry.Name)); {
	case err == nil:
		if err := z.store.KeepArtifact(ctx, artifact); err != nil && !errors.Is(err, store.ErrReadOnly) {
			return nil, err
		}
	case !o.ToPin:
		return nil, err
	}
	return entry, nil
}

// artifactEntry returns the entry of an artifact.
func (z *Zoo) artifactEntry(artifact *store.Artifact) (*registry.Entry, error) {
	read, err := z.readCarried("its row", artifact.Row, artifact.File)
	if err != nil {
		return nil, err
	}
	entry := *read
	entry.Weights.URL = artifact.Address
	if here, err := z.registry.Row(entry.Name); err == nil {
		entry.Builtin = here.Builtin // so that nothing of the artifact counts as what is built in
	}
	return &entry, nil
}

// tellPulled tells how the row of an artifact differs from that of its name here.
func (z *Zoo) tellPulled(entry *registry.Entry, address string) {
	here, err := z.registry.Row(entry.Name)
	if err != nil {
		return
	}
	if keys := contradictions(here, entry); len(keys) > 0 {
		of := "the row here"
		if here.Builtin != (registry.Weights{}) {
			of = "the built-in row"
		}
		z.notice(fmt.Sprintf("%s: %s is overridden: %s by %s", entry.Name, of, strings.Join(keys, ", "), printable.Shown(address)))
	}
}
