package transfer

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/faulthost"
)

// quiet takes what servers log of clients that hang up.
var quiet = stdlog.New(io.Discard, "", 0)

func digestPrefix(t *testing.T, data []byte) digest.Digest {
	t.Helper()
	d, err := digest.Parse(digestOf(data).Short())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// bring downloads an address with few and quick attempts, and returns the notices.
func bring(t *testing.T, address string, want Want) (notices []string, err error) {
	t.Helper()
	c := newClient()
	c.Attempts = 3
	_, err = c.Download(t.Context(), File{URL: address, Want: want, Notice: func(text string) { notices = append(notices, text) }}, filepath.Join(t.TempDir(), "f"))
	return notices, err
}

// encodings are what servers do to a body that they were asked to leave alone.
var encodings = map[string]func(data []byte) []byte{
	"gzip": func(data []byte) []byte {
		return encode(data, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	},
	"x-gzip": func(data []byte) []byte {
		return encode(data, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	},
	"GZIP ": func(data []byte) []byte {
		return encode(data, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	},
	"deflate": func(data []byte) []byte {
		return encode(data, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	},
	"Deflate": func(data []byte) []byte { // bare, as some servers have it
		return encode(data, func(w io.Writer) io.WriteCloser {
			f, _ := flate.NewWriter(w, flate.BestSpeed)
			return f
		})
	},
	"zstd": func(data []byte) []byte {
		return encode(data, func(w io.Writer) io.WriteCloser {
			z, _ := zstd.NewWriter(w, zstd.WithWindowSize(1<<20))
			return z
		})
	},
	"gzip, though it is not": func(data []byte) []byte { return data },
	"identity":               func(data []byte) []byte { return data },
	"utf-8":                  func(data []byte) []byte { return data },
}

func encode(data []byte, open func(w io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	w := open(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// TestEncodings brings a file from servers that encode it, cut once, whether they know ranges
// or not. A range of an encoded body is none of the file.
func TestEncodings(t *testing.T) {
	for name, encode := range encodings {
		coding, _, _ := strings.Cut(name, ",")
		body := encode(large)
		for _, ranges := range []bool{true, false} {
			for _, full := range []bool{true, false} {
				cut := false
				host := faulthost.Start(t, body, func(n int, w http.ResponseWriter, r *http.Request) bool {
					w.Header().Set("Content-Encoding", coding)
					if !ranges {
						r.Header.Del("Range")
						if !cut {
							cut = true
							return faulthost.CutAt(body, len(body)/2, faulthost.Always)(n, w, r)
						}
					}
					return false
				})
				want := file(host.URL).Want
				if !full {
					want.Digest = digestPrefix(t, large)
				}
				if _, err := bring(t, host.URL+"/f", want); err != nil {
					t.Errorf("%s, ranges %v, full digest %v: %v", name, ranges, full, err)
				}
			}
		}
	}
}

// TestEncodedResume goes on with an encoded body that an earlier process lost: from the start,
// whatever the server makes of a range.
func TestEncodedResume(t *testing.T) {
	body := encodings["gzip"](large)
	for _, ranges := range []bool{true, false} {
		lost := true
		host := faulthost.Start(t, body, func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			if !ranges || lost {
				r.Header.Del("Range")
			}
			return lost && faulthost.CutAt(body, len(body)/2, faulthost.Always)(n, w, r)
		})
		path := filepath.Join(t.TempDir(), "f")
		c := newClient()
		c.Attempts = 1
		if _, err := c.Download(t.Context(), file(host.URL), path); !errors.Is(err, ErrNetwork) {
			t.Fatalf("error = %v, want a cut", err)
		}
		lost = false
		if _, err := newClient().Download(t.Context(), file(host.URL), path); err != nil {
			t.Errorf("ranges %v: %v", ranges, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, large) {
			t.Errorf("ranges %v: other bytes, %v", ranges, err)
		}
	}
}

// TestAddresses asks for none that is not on the web, and repeats no part that may be secret.
func TestAddresses(t *testing.T) {
	for _, address := range []string{"ftp://host/f", "file:///etc/passwd", "/f", "", "http:///f", "http://bot:S3cret/Pw@host/f", "http://bot:S3cret%zz@host/f", "http://bot:S3cret Pw@host/f"} {
		notices, err := bring(t, address, Want{Name: "net", Limit: 1})
		if !errors.Is(err, ErrNetwork) || strings.Contains(err.Error(), "S3cret") || strings.Contains(err.Error(), "Pw") || len(notices) > 0 {
			t.Errorf("%q: %v, %q", address, err, notices)
		}
	}
}

// TestEncodedBombs unpacks no more than a file may have.
func TestEncodedBombs(t *testing.T) {
	zeros := make([]byte, 64<<20)
	for _, coding := range []string{"gzip", "deflate", "zstd"} {
		body := encodings[coding](zeros)
		host := faulthost.Start(t, body, func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Encoding", coding)
			return faulthost.Body(body)(n, w, r)
		})
		var other *MismatchError
		_, err := bring(t, host.URL+"/f", Want{Name: "net", Digest: digestOf(large), Limit: 1 << 20})
		if !errors.As(err, &other) || !other.More || other.Size > 2<<20 {
			t.Errorf("%s: error = %v, want one of a file that goes on", coding, err)
		}
	}
}

// TestEndless has a body without length and without end. It ends at what the file may have,
// and before the disk is full.
func TestEndless(t *testing.T) {
	piece := make([]byte, 1<<20)
	host := faulthost.Start(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				break
			}
		}
		return true
	})
	if _, err := bring(t, host.URL+"/f", Want{Name: "net", Digest: digestOf(large), Limit: 3 << 20}); !errors.As(err, new(*MismatchError)) {
		t.Errorf("error = %v, want a MismatchError", err)
	}
	c := newClient()
	asked := 0
	c.Free = func(string) (int64, error) {
		asked++
		return spare - 1, nil
	}
	_, err := c.Download(t.Context(), File{URL: host.URL + "/f", Want: Want{Name: "net", Digest: digestOf(large), Limit: 1 << 40}}, filepath.Join(t.TempDir(), "f"))
	if !errors.As(err, new(*SpaceError)) || asked == 0 {
		t.Errorf("error = %v after asking %d times, want a SpaceError", err, asked)
	}
}

// TestRedirects follows none that leads out of the web, and asks once.
func TestRedirects(t *testing.T) {
	for location, said := range map[string]string{
		"file:///etc/passwd": "file:///etc/passwd", "ftp://host/f": "ftp", "data:text/plain,x": "data:", "javascript:1": "javascript",
		"http://": "nowhere", "http://u:S3cret%zz@host/": "nowhere", "": "nowhere", "gopher://u:S3cret@host/?a=S3cret": "gopher://***@host/?a=***",
	} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			host := faulthost.Start(t, nil, faulthost.Status(code, faulthost.Always, "", "Location", location))
			notices, err := bring(t, host.URL+"/f", Want{Name: "net", Limit: 1})
			var failed *Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), said) || strings.Contains(err.Error(), "S3cret") {
				t.Errorf("%d to %q: error = %v, want an Error with %q", code, location, err, said)
			}
			if n := host.Requests.Load(); n != 1 || len(notices) > 0 {
				t.Errorf("%d to %q: %d requests, %q", code, location, n, notices)
			}
		}
	}
}

// TestRedirectTells nobody else where it came from: the address may be signed.
func TestRedirectTells(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r.Header }))
	defer other.Close()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "S3cret"})
		http.Redirect(w, r, other.URL, http.StatusFound)
	}))
	defer host.Close()
	bring(t, strings.Replace(host.URL, "http://", "http://bot:S3cret@", 1)+"/f?sig=S3cret", Want{Name: "net", Limit: 1})
	if seen == nil {
		t.Fatal("the redirect was not followed")
	}
	for key, values := range seen {
		if strings.Contains(fmt.Sprint(values), "S3cret") || key == "Authorization" || key == "Cookie" || key == "Referer" {
			t.Errorf("another host sees %s: %q", key, values)
		}
	}
}

// noProxies clears what the environment says of proxies.
func noProxies(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		t.Setenv(name, "")
		t.Setenv(strings.ToLower(name), "")
	}
}

// TestProxies goes through proxies that let it pass, and that do not.
func TestProxies(t *testing.T) {
	noProxies(t)
	secret := "Basic Ym90OlMzY3JldFB3" // bot:S3cretPw
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Proxy-Authorization") != secret:
			w.Header().Set("Proxy-Authenticate", `Basic realm="corp"`)
			http.Error(w, "<html>Proxy Authentication Required</html>", http.StatusProxyAuthRequired)
		case strings.HasPrefix(r.Host, "forbidden."):
			http.Error(w, "no", http.StatusForbidden)
		case strings.HasPrefix(r.Host, "broken."):
			http.Error(w, "no", http.StatusBadGateway)
		default:
			w.Write(large)
		}
	}))
	defer proxy.Close()
	at := strings.TrimPrefix(proxy.URL, "http://")
	want := file("http://net.example.org").Want
	for _, tt := range []struct {
		name, variable, value, address string
		says                           []string // nil: the file comes
		attempts                       int
	}{
		{"with a login", "HTTP_PROXY", "http://bot:S3cretPw@" + at, "http://net.example.org/f", nil, 1},
		{"lower case", "http_proxy", "bot:S3cretPw@" + at, "http://net.example.org/f", nil, 1},
		{"without", "HTTP_PROXY", proxy.URL, "http://net.example.org/f", []string{"407", "HTTP_PROXY", "USER:PASSWORD"}, 1},
		{"tunnel without", "HTTPS_PROXY", proxy.URL, "https://net.example.org/f", []string{"407", "HTTPS_PROXY", "USER:PASSWORD"}, 1},
		{"tunnel with another password", "HTTPS_PROXY", "http://bot:S3cretPw2@" + at, "https://net.example.org/f", []string{"407", "HTTPS_PROXY", "***@" + at}, 1},
		{"tunnel forbidden", "HTTPS_PROXY", "http://bot:S3cretPw@" + at, "https://forbidden.example.org/f", []string{"403", "HTTPS_PROXY"}, 1},
		{"tunnel broken", "HTTPS_PROXY", "http://bot:S3cretPw@" + at, "https://broken.example.org/f", []string{"502", "HTTPS_PROXY"}, 3},
		{"not there", "HTTPS_PROXY", "http://bot:S3cretPw@127.0.0.1:1", "https://net.example.org/f", []string{"HTTPS_PROXY", "refused"}, 3},
		{"no address", "HTTPS_PROXY", "http://bot:S3cret/Pw@" + at, "https://net.example.org/f", []string{"HTTPS_PROXY is no address", "%2F"}, 1},
		{"a sign that is not escaped", "HTTPS_PROXY", "http://bot:S3cret%Pw@" + at, "https://net.example.org/f", []string{"HTTPS_PROXY is no address"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(tt.variable, tt.value)
			notices, err := bring(t, tt.address, want)
			if tt.says == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			text := fmt.Sprint(err, notices)
			for _, says := range tt.says {
				if !strings.Contains(text, says) {
					t.Errorf("%q is not said: %s", says, text)
				}
			}
			if !errors.Is(err, ErrNetwork) || strings.Contains(text, "S3cret") || len(notices) != tt.attempts-1 {
				t.Errorf("%d attempts, want %d: %s", len(notices)+1, tt.attempts, text)
			}
		})
	}
	t.Run("NO_PROXY", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", "http://bot:S3cretPw@"+at)
		t.Setenv("NO_PROXY", ".example.org")
		if _, err := bring(t, "http://net.example.invalid/f", want); err != nil {
			t.Error(err)
		}
		u, err := environmentProxies()(httptest.NewRequest(http.MethodGet, "http://net.example.org/f", nil))
		if u != nil || err != nil {
			t.Errorf("proxy %v, %v for a host that takes none", u, err)
		}
	})
}

// TestSocks goes through a SOCKS5 proxy, which asks for a login or does not.
func TestSocks(t *testing.T) {
	noProxies(t)
	host := faulthost.Start(t, large, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go socks(conn, strings.TrimPrefix(host.URL, "http://"))
		}
	}()
	want := file("").Want
	t.Setenv("HTTP_PROXY", "socks5://bot:S3cretPw@"+l.Addr().String())
	if _, err := bring(t, "http://net.example.org/f", want); err != nil {
		t.Error(err)
	}
	for _, user := range []string{"", "bot:wrong@"} {
		t.Setenv("HTTP_PROXY", "socks5://"+user+l.Addr().String())
		notices, err := bring(t, "http://net.example.org/f", want)
		if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), "HTTP_PROXY") || strings.Contains(err.Error(), "wrong") || len(notices) > 0 {
			t.Errorf("login %q: %v, %q", user, err, notices)
		}
	}
}

// socks answers one connection as a SOCKS5 proxy that wants bot and S3cretPw, and connects to
// a host whatever it is asked for (RFC 1928, 1929).
func socks(conn net.Conn, host string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	read := func(n int) []byte {
		b := make([]byte, n)
		io.ReadFull(r, b)
		return b
	}
	methods := read(int(read(2)[1]))
	if !bytes.Contains(methods, []byte{2}) {
		conn.Write([]byte{5, 0xff})
		return
	}
	conn.Write([]byte{5, 2})
	user := read(int(read(2)[1]))
	if password := read(int(read(1)[0])); string(user) != "bot" || string(password) != "S3cretPw" {
		conn.Write([]byte{1, 1})
		return
	}
	conn.Write([]byte{1, 0})
	read(4)
	read(int(read(1)[0]) + 2)
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	to, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer to.Close()
	go io.Copy(to, r)
	io.Copy(conn, to)
}

// TestCertificates says what to do about each that does not hold.
func TestCertificates(t *testing.T) {
	noProxies(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, tt := range []struct {
		name     string
		from, to time.Time
		ip       net.IP
		says     string
	}{
		{"unknown authority", now.Add(-time.Hour), now.Add(time.Hour), net.IPv4(127, 0, 0, 1), "SSL_CERT_FILE"},
		{"of another host", now.Add(-time.Hour), now.Add(time.Hour), net.IPv4(127, 0, 0, 2), "SSL_CERT_FILE"},
		{"not yet", now.Add(24 * time.Hour), now.Add(48 * time.Hour), net.IPv4(127, 0, 0, 1), "this machine's clock says " + now.UTC().Format("2006-01-02")},
		{"no more", now.Add(-48 * time.Hour), now.Add(-24 * time.Hour), net.IPv4(127, 0, 0, 1), "set the clock if it is wrong"},
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: tt.from, NotAfter: tt.to, IPAddresses: []net.IP{tt.ip}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
		server.Config.ErrorLog = quiet
		server.StartTLS()
		notices, err := bring(t, server.URL+"/f", Want{Name: "net", Limit: 1})
		if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), tt.says) || len(notices) > 0 {
			t.Errorf("%s: %v, %q", tt.name, err, notices)
		}
		if tt.name == "unknown authority" {
			path := filepath.Join(t.TempDir(), "roots.pem")
			t.Setenv(rootsVariable, path)
			if _, err := bring(t, server.URL+"/f", Want{Name: "net", Limit: 1}); !strings.Contains(err.Error(), "cannot be read") {
				t.Errorf("a file of roots that is not there: %v", err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := bring(t, server.URL+"/f", Want{Name: "net", Limit: 1}); !strings.Contains(err.Error(), "has to hold the root certificate") {
				t.Errorf("a file of roots without this one: %v", err)
			}
			os.Unsetenv(rootsVariable)
		}
		server.Close()
	}
}

// TestRetriesAreSaid has a server that is busy, by a clock of its own, and then is not.
func TestRetriesAreSaid(t *testing.T) {
	its := time.Now().Add(-100 * time.Hour).UTC()
	host := faulthost.Start(t, large, faulthost.Status(http.StatusTooManyRequests, 1, "slow down",
		"Date", its.Format(http.TimeFormat), "Retry-After", its.Add(time.Second).Format(http.TimeFormat)))
	start := time.Now()
	notices, err := bring(t, host.URL+"/f?sig=S3cret", file("").Want)
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "429") || !strings.Contains(notices[0], "slow down") ||
		!strings.Contains(notices[0], "attempt 2 of 3 in 1.0 s") || strings.Contains(notices[0], "S3cret") {
		t.Errorf("notices %q", notices)
	}
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("came back after %v: the server asked for a second", took)
	}
}

// TestServersRepeat has servers that say the address that they were asked for.
func TestServersRepeat(t *testing.T) {
	host := faulthost.Start(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		_, password, _ := r.BasicAuth()
		http.Error(w, "no such file: "+r.URL.String()+" for "+password, http.StatusNotFound)
		return true
	})
	_, err := bring(t, strings.Replace(host.URL, "//", "//bot:S3cretPw@", 1)+"/f?X-Amz-Signature="+url.QueryEscape("S3cretSig"), Want{Name: "net", Limit: 1})
	if err == nil || strings.Contains(err.Error(), "S3cret") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error = %v", err)
	}
}
