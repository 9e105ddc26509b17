package oci

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ociserver "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
)

func sumOf(data []byte) digest.Digest { return digest.Of(sha256.Sum256(data)) }

// TestArtifact pushes a file with its row, and reads the artifact as another program does, and as this
// one does. What the registry has already is not sent again.
func TestArtifact(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(ociserver.New(ociserver.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	content, row := []byte("a checkpoint"), []byte("[mine]\n")
	path := filepath.Join(t.TempDir(), "net.pth")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := registry.ParseAddress("oci://" + host + "/net:v1")
	if err != nil {
		t.Fatal(err)
	}
	file := File{Path: path, Digest: sumOf(content), Size: int64(len(content)), Title: "net.pth", Row: row}
	c := NewClient(newNet())
	first, err := c.Push(t.Context(), a, file)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(server.URL + "/v2/net/manifests/v1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	m, err := v1.ParseManifest(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := &Pushed{
		Reference: "oci://" + host + "/net@" + resp.Header.Get("Docker-Content-Digest"), Tag: "v1",
		MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: "application/vnd.gozoo.checkpoint.v1",
		Digest: resp.Header.Get("Docker-Content-Digest"), Size: resp.ContentLength,
		Config: PushedBlob{MediaType: string(m.Config.MediaType), Digest: "sha256:" + sumOf(row).String(), Size: 7},
		Layers: []PushedBlob{{Title: "net.pth", MediaType: string(m.Layers[0].MediaType), Digest: m.Layers[0].Digest.String(),
			Size: m.Layers[0].Size}},
	}
	if diff := cmp.Diff(want, first); diff != "" || m.Config.MediaType != RowType || m.Config.Digest.Hex != sumOf(row).String() ||
		resp.Header.Get("Content-Type") != want.MediaType {
		t.Errorf("%s%+v", diff, m)
	}
	again, err := c.Push(t.Context(), a, file)
	want.Config.There, want.Layers[0].There = true, true
	if diff := cmp.Diff(want, again); diff != "" || err != nil {
		t.Errorf("again: %s%v", diff, err)
	}
	for _, text := range []string{"oci://" + host + "/net:v1", want.Reference, "oci://" + host + "/net:v1#net.pth"} {
		a, err := registry.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Artifact(t.Context(), a, true, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		kept, err := OfTexts(a, got.Manifest, got.Row)
		if diff := cmp.Diff(fmt.Sprint(got), fmt.Sprint(kept)); diff != "" || err != nil {
			t.Errorf("%s: kept: %s%v", text, diff, err)
		}
		if string(got.Row) != string(row) || got.File != file.Digest || got.Size != file.Size ||
			"sha256:"+got.Digest.String() != want.Digest {
			t.Errorf("%s: %+v", text, got)
		}
		if _, err := OfTexts(a, got.Manifest, []byte("[mime]\n")); err == nil {
			t.Errorf("%s: another row is taken", text)
		}
	}
	file.Row = nil
	if _, err := c.Push(t.Context(), a, file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Artifact(t.Context(), a, true, nil); !errors.Is(err, ErrNoRow) {
		t.Errorf("an artifact without a row: %v", err)
	}
}

// FuzzArtifact has texts of a manifest and of a row that anybody wrote: what is taken has the digests
// that are stated.
func FuzzArtifact(f *testing.F) {
	row := []byte("[mine]\n")
	config := func(media, digest string, size int) string {
		return fmt.Sprintf(`{"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"digest":"sha256:%064d","size":3}]}`, media,
			digest, size, 0)
	}
	f.Add([]byte(config(RowType, "sha256:"+sumOf(row).String(), len(row))), row)
	f.Add([]byte(config(RowType, "nocolon", 1<<40)), row)
	f.Add([]byte(config("application/vnd.oci.empty.v1+json", "", -1)), []byte("{}"))
	f.Add([]byte(`{"config":null,"layers":[null]}`), row)
	a, err := registry.ParseAddress("oci://127.0.0.1:1/r:v1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, manifest, row []byte) {
		got, err := OfTexts(a, manifest, row)
		var stated struct {
			Config struct{ Digest string } `json:"config"`
		}
		json.Unmarshal(manifest, &stated)
		if err == nil && (!got.File.Full() || got.Size <= 0 || got.Digest != sumOf(manifest) || len(row) > registry.MaxCarried ||
			!strings.EqualFold(stated.Config.Digest, "sha256:"+sumOf(got.Row).String())) {
			t.Errorf("%s, %q: %+v", manifest, row, got)
		}
	})
}
