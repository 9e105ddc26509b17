package transfer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseContentRange(t *testing.T) {
	type parts struct {
		From, To, Total int64
		OK              bool
	}
	for text, want := range map[string]parts{
		"bytes 0-9/10":                 {0, 10, 10, true},
		"bytes 5-5/10":                 {5, 6, 10, true},
		"Bytes 5-9/10":                 {5, 10, 10, true},
		"bytes 0-9/*":                  {},
		"bytes */10":                   {},
		"bytes 5-4/10":                 {},
		"bytes 0-10/10":                {},
		"bytes -1-9/10":                {},
		"bytes +1-9/10":                {},
		"bytes 1-+9/10":                {},
		"bytes 0-9":                    {},
		"items 0-9/10":                 {},
		"":                             {},
		"bytes 0-99999999999999999999": {},
		"bytes 9223372036854775806-9223372036854775807/9223372036854775807": {},
	} {
		from, to, total, ok := parseContentRange(text)
		if !ok {
			from, to, total = 0, 0, 0
		}
		if d := cmp.Diff(want, parts{from, to, total, ok}); d != "" {
			t.Errorf("%q (-want +got)\n%s", text, d)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Fuzz(func(t *testing.T, text string) {
		from, to, total, ok := parseContentRange(text)
		if ok && (from < 0 || from >= to || to > total) {
			t.Fatalf("%q: %d to %d of %d", text, from, to, total)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	soon := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
		soon: 90 * time.Second, "999999999999999999": (1 << 30) * time.Second, "9999999999": (1 << 30) * time.Second,
	} {
		got := retryAfter(http.Header{"Retry-After": {text}})
		if got > want || got < want-3*time.Second {
			t.Errorf("%q = %v, want %v", text, got, want)
		}
	}
}

func TestSaid(t *testing.T) {
	for _, tt := range []struct{ body, header, want string }{
		{"", "", ""},
		{"<html><title> Log\nin </title>", "", "an HTML page titled Log in"},
		{"<!doctype HTML><p>", "", "an HTML page"},
		{"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "", "NoSuchKey"},
		{"<Error><Message>gone</Message></Error>", "", "gone"},
		{"<x", "", "an XML document"},
		{`{"error": "no such model"}`, "", "no such model"},
		{`{"message": "bad credentials", "error": 1}`, "", "bad credentials"},
		{`{"error": {"code": 1}}`, "", "a JSON document"},
		{"plain words\r\nmore", "", "plain words"},
		{"\xff\x1b[31mred", "", "? [31mred"},
		{"ignored", "Access to this is restricted", "Access to this is restricted"},
		{strings.Repeat("ä", 200), "", strings.Repeat("ä", 100) + "…"},
	} {
		w := httptest.NewRecorder()
		if tt.header != "" {
			w.Header().Set("X-Error-Message", tt.header)
		}
		w.WriteString(tt.body)
		if got := said(w.Result()); got != tt.want {
			t.Errorf("%q = %q, want %q", tt.body, got, tt.want)
		}
	}
}

// TestCredentialsStayAtHost follows redirects with a header that another host, or
// another port, must not see.
func TestCredentialsStayAtHost(t *testing.T) {
	var seen []string
	see := func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
	}
	other := httptest.NewServer(http.HandlerFunc(see))
	defer other.Close()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		see(w, r)
		switch r.URL.Path {
		case "/a":
			http.Redirect(w, r, "/b", http.StatusFound)
		case "/b":
			http.Redirect(w, r, other.URL+"/c", http.StatusFound)
		}
	}))
	defer host.Close()
	req, err := http.NewRequest(http.MethodGet, host.URL+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := NewHTTPClient(nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if d := cmp.Diff([]string{"/a Bearer secret", "/b Bearer secret", "/c "}, seen); d != "" {
		t.Errorf("seen (-want +got)\n%s", d)
	}
}

func TestErrorsKeepPasswords(t *testing.T) {
	c := NewClient()
	c.Attempts = 1
	_, err := c.Download(t.Context(), File{URL: "http://user:secret@127.0.0.1:1/f", Want: Want{Name: "net", Limit: 1}}, t.TempDir()+"/f")
	var failed *Error
	if !errors.As(err, &failed) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %v, want an Error without the password", err)
	}
}
