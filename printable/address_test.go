package printable_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozoo/zoo/printable"
)

func TestShown(t *testing.T) {
	for address, want := range map[string]string{
		"":                                                         "",
		"https://host/a/f.pth":                                     "https://host/a/f.pth",
		"https://host/@scope/f.pth":                                "https://host/@scope/f.pth",
		"embedded:f.safetensors":                                   "embedded:f.safetensors",
		"file:data:v1@2/f.pth":                                     "file:data:v1@2/f.pth",
		"file:///home/a@b/f.pth":                                   "file:///home/a@b/f.pth",
		"hf://org/net/f.pth@v1":                                    "hf://org/net/f.pth@v1",
		"oci://host:5000/net@sha256:00":                            "oci://host:5000/net@sha256:00",
		"oci://host/net:v1#a=b.pth":                                "oci://host/net:v1#a=b.pth",
		"http://bot:S3cretPw@host/f":                               "http://***@host/f",
		"HTTP://S3cretPw@host":                                     "HTTP://***@host",
		"http://bot:S3cret@Pw@host/f":                              "http://***@host/f",
		"http://bot:S3cret/Pw@host/f":                              "http://***@host/f",
		"http://bot:S3cret#Pw@host/f":                              "http://***@host/f",
		"http://bot:S3cret?Pw@host/f":                              "http://***@host/f",
		"http://bot:S3cret%zzPw@host/f":                            "http://***@host/f",
		"http://bot:S3cret%zz/@Pw@h/f":                             "http://***@h/f",
		"http:///bot:S3cret@host/f":                                "http://***@host/f",
		"bot:S3cretPw@host/f?a=S3cret":                             "***@host/f?a=***",
		"hf://bot:S3cretPw@org/net/f":                              "hf://***@org/net/f",
		"socks5://bot:S3cretPw@host:1":                             "socks5://***@host:1",
		"https://host/f?X-Amz-Signature=S3cret&Expires=1#t=S3cret": "https://host/f?X-Amz-Signature=***&Expires=***#***",
		"https://host/f?S3cret":                                    "https://host/f?***",
		"https://host/f?a=1;sig=S3cret":                            "https://host/f?a=***&sig=***",
		"https://bot:x@host/f?next=https://a:b@c/d":                "https://***@host/f?next=***",
		"https://host/\x1b[2J\nf":                                  `https://host/\x1b[2J\nf`,
	} {
		if got := printable.Shown(address); got != want {
			t.Errorf("%q = %q, want %q", address, got, want)
		}
	}
}

// FuzzShown puts a secret where secrets stand, into addresses of any kind.
func FuzzShown(f *testing.F) {
	f.Add("https", "host", "path/f.pth", "name")
	f.Fuzz(func(t *testing.T, scheme, host, path, name string) {
		const secret = "S3cretPw0rd"
		if strings.ContainsAny(scheme+host, "/?#@:\\") || strings.ContainsAny(path, "@?#") || strings.ContainsAny(name, "=&;#@") || scheme == "" {
			return
		}
		for _, address := range []string{
			scheme + "://u:" + secret + "@" + host + "/" + path,
			scheme + "://" + host + "/" + path + "?" + name + "=" + secret,
		} {
			if strings.EqualFold(scheme, "file") {
				continue
			}
			if got := printable.Shown(address); strings.Contains(got, secret) {
				t.Errorf("%q = %q", address, got)
			}
		}
	})
}

// What is secret in an address is in no output.
func ExampleShown() {
	fmt.Println(printable.Shown("https://bot:S3cretPw@host.example.org/net.pth?X-Amz-Signature=5ecret"))
	// Output: https://***@host.example.org/net.pth?X-Amz-Signature=***
}
