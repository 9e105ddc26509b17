package oci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
)

// answer is a transport of which every request gets the same answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), Request: req,
		ContentLength: int64(len(a.body)), ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func clientOf(a answer) *Client {
	net := newNet()
	net.Attempts = 1
	net.HTTP = transfer.NewHTTPClient(a)
	return NewClient(net)
}

// FuzzResolve has a registry that answers anything: the outcome is a layer with a digest, or
// an error. Nothing that it says reaches a library that panics.
func FuzzResolve(f *testing.F) {
	f.Setenv("DOCKER_CONFIG", f.TempDir())
	hex := strings.Repeat("0", 64)
	for _, layer := range []string{`{"digest":"nocolon","size":3}`, `{"digest":"","size":3}`, `{"digest":"sha256:` + hex + `","size":3}`, `null`} {
		f.Add(200, "", "", "Docker-Content-Digest", "sha256:"+hex, []byte(`{"layers":[`+layer+`]}`))
	}
	f.Add(401, `Bearer realm="http://127.0.0.1/t",service="s",scope="a"`, "", "Docker-Content-Digest", "x", []byte(`{"token":"x"}`))
	f.Add(401, `Basic realm="x"`, "", "X", "y", []byte(`{"errors":[{"code":"X","message":"y"}]}`))
	f.Add(307, "", "http://[::1", "Content-Encoding", "gzip", []byte("\x1f\x8b\x08"))
	f.Add(429, "", "", "Retry-After", "x", []byte(nil))
	a, err := registry.ParseAddress("oci://127.0.0.1:1/r:v1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, challenge, location, key, value string, body []byte) {
		if status < 100 || status > 999 {
			return
		}
		header := http.Header{}
		for k, v := range map[string]string{"WWW-Authenticate": challenge, "Location": location, key: value} {
			if v != "" {
				header.Set(k, v)
			}
		}
		found, err := clientOf(answer{status, header, body}).Resolve(t.Context(), "net", a, digest.Digest{}, true, nil)
		if err == nil && (!found.Digest.Full() || found.Size <= 0) {
			t.Errorf("found %+v", found)
		}
		if err != nil && !errors.Is(err, transfer.ErrNetwork) {
			t.Errorf("error = %v", err)
		}
	})
}

// FuzzPush has a registry that answers anything to a push.
func FuzzPush(f *testing.F) {
	f.Setenv("DOCKER_CONFIG", f.TempDir())
	path := filepath.Join(f.TempDir(), "f")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add(202, "/v2/r/blobs/uploads/1", "Docker-Content-Digest", "nocolon", []byte(`{"errors":[{"code":1}]}`))
	f.Add(201, "http://[", "OCI-Subject", "x", []byte(nil))
	f.Add(404, "", "Content-Length", "-1", []byte("x"))
	a, err := registry.ParseAddress("oci://127.0.0.1:1/r:v1")
	if err != nil {
		f.Fatal(err)
	}
	d, err := digest.Read(strings.NewReader("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, location, key, value string, body []byte) {
		if status < 100 || status > 999 {
			return
		}
		header := http.Header{}
		header.Set("Location", location)
		header.Set(key, value)
		clientOf(answer{status, header, body}).Push(t.Context(), a, File{Path: path, Digest: d, Size: 1, Title: "f"})
	})
}

// TestHelperFails has a credential helper of docker that is not there, or fails. Files for
// everybody come all the same; where that is not enough the helper is named.
func TestHelperFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	config, bin := t.TempDir(), t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	script := "#!/bin/sh\necho 'the keychain is locked'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-locked"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	a, err := registry.ParseAddress("oci://127.0.0.1:1/r:v1")
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"layers":[{"digest":"sha256:%064d","size":3}]}`, 0)
	for text, says := range map[string]string{
		`{"credsStore": "locked"}`:                       "docker-credential-locked",
		`{"credsStore": "gone"}`:                         "docker-credential-gone",
		`{"credHelpers": {"127.0.0.1:1": "locked"}}`:     "docker-credential-locked",
		`{"credsStore": "x` + "\\u001b" + `[2J"}`:        `docker-credential-x\x1b[2J`,
		`{"auths": {"127.0.0.1:1": {"auth": "no base"}}`: "config.json", // not JSON
	} {
		if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := clientOf(answer{200, http.Header{}, []byte(manifest)}).Resolve(t.Context(), "net", a, digest.Digest{}, true, nil); err != nil {
			t.Errorf("%s: for everybody: %v", text, err)
		}
		for _, challenge := range []string{`Basic realm="x"`, ""} {
			c := clientOf(answer{401, http.Header{"Www-Authenticate": {challenge}}, nil})
			_, err := c.Resolve(t.Context(), "net", a, digest.Digest{}, true, nil)
			var failed *transfer.Error
			if !errors.As(err, &failed) || failed.Status != 401 || challenge != "" && !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%s: error = %v, want one of status 401 with %q", text, err, says)
			}
		}
	}
}

// TestManifestOfDigest compares a manifest with the digest of the address.
func TestManifestOfDigest(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	body := []byte(fmt.Sprintf(`{"layers":[{"digest":"sha256:%064d","size":3}]}`, 0))
	sum, err := digest.Read(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for hex, ok := range map[string]bool{sum.String(): true, strings.Repeat("0", 64): false} {
		a, err := registry.ParseAddress("oci://127.0.0.1:1/r@sha256:" + hex)
		if err != nil {
			t.Fatal(err)
		}
		_, err = clientOf(answer{200, http.Header{}, body}).Resolve(t.Context(), "net", a, digest.Digest{}, true, nil)
		if (err == nil) != ok {
			t.Errorf("%s: error = %v", hex, err)
		}
	}
}
