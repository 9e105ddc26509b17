package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

func TestParseAddress(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	for _, want := range []registry.Address{
		{},
		{Kind: registry.AddressHTTP, Text: "https://example.org/a/net.pth?x=1"},
		{Kind: registry.AddressEmbedded, Text: "embedded:nano/net.pth", File: "nano/net.pth"},
		{Kind: registry.AddressFile, Text: "file:weights/net.pth", File: "weights/net.pth"},
		{Kind: registry.AddressFile, Text: "file:/srv/net.pth", File: "/srv/net.pth"},
		{Kind: registry.AddressFile, Text: "file:///srv/my%20net.pth", File: "/srv/my net.pth"},
		{Kind: registry.AddressFile, Text: "file:///C:/net.pth", File: "C:/net.pth"},
		{Kind: registry.AddressHub, Text: "hf://timm/net.a1/pytorch_model.bin", Repository: "timm/net.a1", File: "pytorch_model.bin", Revision: "main"},
		{Kind: registry.AddressHub, Text: "hf://o/r/a/b@c.pth@refs/pr/1", Repository: "o/r", File: "a/b@c.pth", Revision: "refs/pr/1"},
		{Kind: registry.AddressOCI, Text: "oci://host:5000/a/b-c:v1", Host: "host:5000", Repository: "a/b-c", Revision: "v1"},
		{Kind: registry.AddressOCI, Text: "oci://[::1]:5000/net@sha256:" + hex + "#net.pth", Host: "[::1]:5000", Repository: "net", Revision: "sha256:" + hex, File: "net.pth"},
	} {
		got, err := registry.ParseAddress(want.Text)
		if err != nil {
			t.Errorf("%q: %v", want.Text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got)\n%s", want.Text, d)
		}
	}
	for _, text := range []string{
		"net.pth", "ftp://example.org/f", "https://example.org", "https:///f", "http:/f", "https://exa mple/f",
		"embedded:", "embedded:../f", "embedded:/f", "embedded:.",
		"file:", "file://host/f", "file:dir/", "file:///%zz", "file:a\x00b",
		"hf:org/r/f", "hf://org/r", "hf://org/r/", "hf://org/r/../f", "hf://org/r/f@", "hf://org/r/f@../x", "hf://../r/f", "hf://org/r/f?x", "hf://org/r/a//b",
		"oci:host/r:v1", "oci://host/r", "oci://host/R:v1", "oci:///r:v1", "oci://host/r:", "oci://host/r@v1", "oci://host/r@sha256:abc", "oci://user@host/r:v1", "oci://host:x/r:v1",
	} {
		if a, err := registry.ParseAddress(text); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(text)[:1]) {
			t.Errorf("%q: %+v, %v, want an error", text, a, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"https://a/b", "hf://o/r/f@main", "oci://h/r:v#t", "file:///x", "embedded:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := registry.ParseAddress(text)
		if err != nil {
			return
		}
		for _, part := range strings.Split(a.Repository+"/"+a.Revision, "/") {
			if part == ".." {
				t.Fatalf("%q goes up: %+v", text, a)
			}
		}
		if a.Kind == registry.AddressHub && strings.Contains("/"+a.File+"/", "/../") {
			t.Fatalf("%q goes up: %+v", text, a)
		}
	})
}
