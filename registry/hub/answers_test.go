package hub_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/hub"
)

// answer is a transport of which every request gets the same answer.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: a.header.Clone(), Body: io.NopCloser(strings.NewReader(a.body)), Request: req, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// FuzzResolve has a hub that answers anything: the outcome is an address of that hub with a
// digest of all digits or none, or an error without the token.
func FuzzResolve(f *testing.F) {
	f.Add(302, "http://cdn.example.org/x?sig=1", `"`+strings.Repeat("0", 64)+`"`, "12", strings.Repeat("a", 40), "", "")
	f.Add(200, "", "W/\"x\"", "-1", "../../..", "", "")
	f.Add(401, "", "", "", "", "Access is restricted", `{"error":"x"}`)
	f.Add(404, "", "", "99999999999999999999", "", "", "<Error><Message>hf_secret</Message></Error>")
	a, err := registry.ParseAddress("hf://org/net/net.pth")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, location, etag, size, commit, message, body string) {
		if status < 100 || status > 999 {
			return
		}
		header := http.Header{}
		for key, value := range map[string]string{"Location": location, "X-Linked-Etag": etag, "X-Linked-Size": size, "X-Repo-Commit": commit, "X-Error-Message": message} {
			if value != "" {
				header.Set(key, value)
			}
		}
		c := transfer.NewClient()
		c.Attempts, c.HTTP = 1, transfer.NewHTTPClient(answer{status, header, body})
		found, err := hub.Hub{Endpoint: "https://hub.example.org", Token: "hf_t0ken"}.Resolve(t.Context(), c, "net", a, nil, nil)
		if err != nil {
			if strings.Contains(err.Error(), "hf_t0ken") && !strings.Contains(location+message+body, "hf_t0ken") {
				t.Errorf("error with the token: %v", err)
			}
			return
		}
		if !strings.HasPrefix(found.URL, "https://hub.example.org/org/net/resolve/") || found.Digest.String() != "" && !found.Digest.Full() || found.Size < 0 {
			t.Errorf("found %+v", found)
		}
	})
}
