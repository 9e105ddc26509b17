package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gozoo/zoo/golden"
)

// row is an entry of the nano checkpoint as if it were published on a host.
const row = `
[served_digits]
family = "cspnet"
arch = "cspresnet-nano"
classes = 10
labels = "digits"

[served_digits.weights]
url = "%s/v0/served-30dbf170.pth"
sha256 = "30dbf170"
licence = "Apache-2.0"

[served_digits.input]
resize = { kind = "short", edge = 32, interpolation = "bicubic", backend = "pillow" }
crop = 32
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
order = "rgb"
exif = "apply"

[served_digits.published]
flops_convention = "mmcv-legacy"
flops_size = 32
source = "a test"
`

// TestDownload runs against a host that serves the right file, another one, half of
// it, none, and a page.
func TestDownload(t *testing.T) {
	file, err := fs.ReadFile(golden.Nano(), "cspresnet-nano_digits-30dbf170.pth")
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), file...)
	flipped[len(flipped)/2] ^= 0x10
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		args    []string
		status  int
		stderr  []string
		slow    bool // attempts are made again, with pauses
	}{
		{name: "right file", handler: serve(file), status: exitOK},
		{name: "wrong digest", handler: serve(flipped), status: exitDigest, stderr: []string{"expected a file of sha256 30dbf170", "nothing was cached"}},
		{name: "page", handler: serve([]byte("<!DOCTYPE html><title>Sign in</title>")), status: exitDigest, stderr: []string{"HTML page", "nothing was cached"}},
		{name: "pointer", handler: serve([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")), status: exitDigest, stderr: []string{"git-lfs pointer"}},
		{name: "not there", handler: http.NotFound, status: exitNetwork, stderr: []string{"404", "nothing was cached", "zoo import served_digits FILE"}},
		{name: "offline", handler: serve(file), args: []string{"--offline"}, status: exitNetwork, stderr: []string{"offline", "zoo import served_digits FILE"}},
		{name: "truncated", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			w.Write(file[:len(file)/2])
		}, status: exitNetwork, stderr: []string{"ended early", "nothing was cached"}, slow: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.slow && testing.Short() {
				t.Skip("pauses between attempts take 15 seconds")
			}
			t.Parallel()
			var requests atomic.Int64
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				tt.handler(w, r)
			}))
			defer host.Close()
			config := filepath.Join(t.TempDir(), "zoo.toml")
			if err := os.WriteFile(config, fmt.Appendf(nil, row, host.URL), 0o600); err != nil {
				t.Fatal(err)
			}
			cache := filepath.Join(t.TempDir(), "cache")
			args := append([]string{"download", "served_digits", "--config", config}, tt.args...)
			got := command(t, cache, args...)
			if got.status != tt.status {
				t.Errorf("exit status %d, expected %d: %s", got.status, tt.status, got.stderr)
			}
			for _, part := range tt.stderr {
				if !strings.Contains(got.stderr, part) {
					t.Errorf("no %q in:\n%s", part, got.stderr)
				}
			}
			blobs, _ := filepath.Glob(filepath.Join(cache, "blobs", "sha256", "*"))
			if tt.status != exitOK {
				if got.stdout != "" || len(blobs) != 0 {
					t.Errorf("printed %q, cached %q", got.stdout, blobs)
				}
				if tt.name == "offline" && requests.Load() > 0 {
					t.Errorf("%d requests were made", requests.Load())
				}
				return
			}
			if len(blobs) != 1 || got.stdout != blobs[0]+"\n" || !strings.Contains(got.stderr, "checked by prefix") {
				t.Errorf("printed %q and %q, cached %q", got.stdout, got.stderr, blobs)
			}
			// Everything after the download works without the host.
			host.Close()
			if got := command(t, cache, "eval", "served_digits", "--config", config); !strings.Contains(got.stdout, "355 correct") {
				t.Errorf("eval of what was downloaded: %s%s", got.stdout, got.stderr)
			}
			if got := command(t, cache, "cache", "ls"); !strings.Contains(got.stdout, "served_digits  0.3 MB  sha256:30dbf170") {
				t.Errorf("cache ls: %q", got.stdout)
			}
		})
	}
}

// serve answers with a whole file.
func serve(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }
}
