package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/oci"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// What Push made, as JSON: see package oci.
type (
	Pushed     = oci.Pushed
	PushedBlob = oci.PushedBlob
)

// A PushFile is a blob with what an artifact says of it.
type PushFile struct {
	Blob        Blob
	Title       string // file name
	Row         []byte // of registry.Entry.Carried; nil: none
	Annotations map[string]string
}

// Push makes a blob an artifact in an OCI registry, under the tag of an "oci://" address. The error is a
// *FetchError when the registry refused it or did not answer.
func (s *Store) Push(ctx context.Context, address string, file PushFile) (*Pushed, error) {
	a, err := registry.ParseAddress(address)
	if err == nil && (a.Kind != registry.AddressOCI || a.Revision == "" || a.File != "" || strings.Contains(a.Revision, ":")) {
		err = fmt.Errorf("expected %shost/repository:tag, found %q", registry.OCIScheme, address)
	}
	if err != nil {
		return nil, fmt.Errorf("store: push: %w", err)
	}
	b := file.Blob
	return s.oci().Push(ctx, a, oci.File{
		Path: b.Path, Digest: b.Digest, Size: b.Size, Title: file.Title, Row: file.Row, Annotations: file.Annotations,
	})
}

// An Artifact is what an "oci://" address names, but for the bytes of its file.
type Artifact struct {
	Address string   // by the digest of the manifest
	Row     []byte   // the row that it carries, as text that nobody has looked at
	File    lock.Pin // digest and size of its file

	manifest []byte
	digest   digest.Digest
}

// ErrNoRow is, by errors.Is, the error of an artifact that carries no row.
var ErrNoRow = oci.ErrNoRow

// Artifact reads the manifest that an "oci://" address names, and the row that it carries. One that an
// address names by its digest, and that KeepArtifact kept, is taken from the folder. The errors are a
// *FetchError, also of ErrNoRow and where no connection is allowed, and the context's.
func (s *Store) Artifact(ctx context.Context, address string, o Options) (*Artifact, error) {
	a, err := registry.ParseAddress(address)
	if err == nil && a.Kind != registry.AddressOCI {
		err = fmt.Errorf("expected an address %shost/repository, found %q", registry.OCIScheme, printable.Shown(address))
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	got := s.keptArtifact(ctx, a)
	if got == nil {
		// An entry without more than an address: what it is called stands in errors alone.
		from, err := s.source(&registry.Entry{Name: printable.Shown(address), Weights: registry.Weights{URL: address}}, &o)
		if err != nil {
			return nil, err
		}
		if o.Offline {
			return nil, &FetchError{Name: printable.Shown(address), URL: printable.Shown(address), Left: "nothing was sent",
				Err: errors.New("offline: the artifact is not in the cache, or its address names no digest")}
		}
		at, plain := from.artifact()
		if got, err = s.oci().Artifact(ctx, at, plain, o.Notice); err != nil {
			return nil, err
		}
	}
	out := &Artifact{Row: got.Row, File: lock.Pin{Digest: got.File, Size: got.Size}, manifest: got.Manifest, digest: got.Digest}
	out.Address = fmt.Sprintf("%s%s/%s@sha256:%s", registry.OCIScheme, a.Host, a.Repository, got.Digest)
	if a.File != "" {
		out.Address += "#" + a.File
	}
	return out, nil
}

// artifact returns where an artifact is read from, and whether without TLS.
func (f *source) artifact() (a registry.Address, plain bool) {
	a, plain = f.Address, oci.PlainHTTP(f.Host)
	if m := f.mirror; m != nil {
		a.Host, plain = m.Host, m.Scheme == "http"
		a.Repository = strings.Trim(path.Join(m.Path, a.Repository), "/")
	}
	return a, plain
}

// keptTexts is the content of the derived file of an artifact.
type keptTexts struct {
	Manifest []byte `json:"manifest"`
	Row      []byte `json:"row"`
}

// artifactSuffix ends the key of the derived file of an artifact, which begins with the digest of the
// artifact's file: the one goes with the other.
func artifactSuffix(manifest digest.Digest) string { return "-artifact-" + manifest.String() }

// KeepArtifact keeps manifest and row of an artifact, so that its file can be used without a network.
func (s *Store) KeepArtifact(ctx context.Context, a *Artifact) error {
	data, err := json.Marshal(keptTexts{a.manifest, a.Row})
	if err != nil {
		return err
	}
	_, err = s.Derived(ctx, a.File.Digest.String()+artifactSuffix(a.digest), func(path string) error { return s.fs.WriteFile(path, data) })
	return err
}

// keptArtifact returns an artifact that an address names by its digest, where it is in the folder.
func (s *Store) keptArtifact(ctx context.Context, a registry.Address) *oci.Artifact {
	hex, ok := strings.CutPrefix(a.Revision, "sha256:")
	d, err := digest.Parse(hex)
	if !ok || err != nil {
		return nil
	}
	entries, _ := s.fs.ReadDir(filepath.Join(s.dir, derivedDir)) // without one there is none
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), artifactSuffix(d)) {
			continue
		}
		if got, err := s.readArtifact(ctx, nameOf(e.Name()), a); err == nil {
			return got
		}
	}
	return nil
}

func (s *Store) readArtifact(ctx context.Context, key string, a registry.Address) (*oci.Artifact, error) {
	blob, ok, err := s.derived(ctx, key)
	if err != nil || !ok {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	data, err := bounded.ReadFile(blob.Path, maxTexts)
	if err != nil {
		return nil, err
	}
	var texts keptTexts
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, err
	}
	return oci.OfTexts(a, texts.Manifest, texts.Row)
}

// maxTexts bounds a derived file of an artifact, in bytes: base64 of what a manifest and a row may have.
const maxTexts = 8 << 20
