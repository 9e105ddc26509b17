package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fieldServer starts the corpus' server on a port of its own, and returns it.
func fieldServer(t *testing.T, dir, file string, tls ...string) int {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("left out: no python3 on this machine")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if len(tls) == 0 {
		tls = []string{"", ""}
	}
	c := exec.Command(python, append([]string{filepath.Join(dir, "29_server.py"), strconv.Itoa(port), file}, append(tls, t.TempDir())...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	for range 500 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return port
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Skip("left out: the server did not start")
	return 0
}

// certificate writes a certificate for this machine, and its key, that holds for some time.
func certificate(t testing.TB, from, to time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a proxy that inspects"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestFieldNetwork meets the corpus' servers, proxies and hubs.
func TestFieldNetwork(t *testing.T) {
	dir := corpus(t, "field")
	file := unpacked(t, filepath.Join(dir, "00_control.pth.zst"))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "29_row.toml"))
	if err != nil {
		t.Fatal(err)
	}
	rows := t.TempDir()
	// row writes a row for an address, whose file has this digest or 8 digits of it.
	row := func(url string, full bool) string {
		sha := fmt.Sprintf("%x", sha256.Sum256(data))
		if !full {
			sha = sha[:8]
		}
		path := filepath.Join(rows, fmt.Sprintf("%x.toml", sha256.Sum256([]byte(url+sha))))
		content := strings.NewReplacer("NAME", "mine", "URL", url, "SHA", sha).Replace(string(text))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	port := fieldServer(t, dir, file)
	host := fmt.Sprintf("http://127.0.0.1:%d", port)
	cert, key := certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	inspected := fmt.Sprintf("https://127.0.0.1:%d", fieldServer(t, dir, file, cert, key))
	early, earlyKey := certificate(t, time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour))
	notYet := fmt.Sprintf("https://127.0.0.1:%d", fieldServer(t, dir, file, early, earlyKey))

	download := func(name, config string, status int, says []string, never ...string) situation {
		return situation{name: name, args: []string{"--config", config, "download", "mine"}, status: status, says: says,
			never: append(never, "attempt 2", "S3cret"), env: map[string]string{"NO_PROXY": "", "HTTPS_PROXY": "", "HTTP_PROXY": ""}}
	}
	list := []situation{
		download("29 gzip, full digest", row(host+"/gzip/f.pth", true), exitOK, []string{"checked by"}),
		download("29 gzip, 8 digits", row(host+"/gzip/g.pth", false), exitOK, []string{"checked by"}),
		download("29 plain", row(host+"/f.pth", true), exitOK, []string{"checked by"}),
		download("29 no ranges", row(host+"/norange/f.pth", true), exitOK, []string{"checked by"}),
		download("29 login", row(host+"/login/f.pth", true), exitDigest, []string{"HTML page"}),
		download("29 inspected", row(inspected+"/f.pth", true), exitNetwork, []string{"SSL_CERT_FILE", "x509"}),
		download("29 a clock that is wrong", row(notYet+"/f.pth", true), exitNetwork, []string{"clock"}),
		download("secrets: signed query", row(host+"/gone/f.pth?X-Amz-Signature=S3cretSig&X-Amz-Expires=1", true), exitNetwork,
			[]string{"X-Amz-Signature=***", "Request has expired"}),
		download("secrets: user", row(fmt.Sprintf("http://bot:S3cretPw@127.0.0.1:%d/gone/f.pth", port), true), exitNetwork, []string{"***@127.0.0.1"}),
	}
	for i := range list {
		list[i].args = append([]string{"--cache-dir", t.TempDir()}, list[i].args...)
	}
	// Go takes no proxy to this machine itself.
	tunnel := download("29 CONNECT", row("https://models.example.org/f.pth", true), exitNetwork, []string{"407", "HTTPS_PROXY"})
	tunnel.env["HTTPS_PROXY"] = fmt.Sprintf("http://bot:S3cretPw@127.0.0.1:%d", port)
	info := download("secrets: info", row("http://bot:S3cretPw@127.0.0.1/f.pth?sig=S3cretSig", true), exitOK, []string{"http://***@127.0.0.1/f.pth?sig=***"})
	info.args = append(info.args[:2:2], "info", "mine")
	infoJSON := info
	infoJSON.name, infoJSON.args = "secrets: info as JSON", append(info.args, "--format", "json")
	env := situation{name: "secrets: env", args: []string{"--mirror", "https://bot:S3cretPw@mirror.example.org/x?t=S3cret", "env"}, status: exitOK,
		env: map[string]string{"HF_ENDPOINT": "https://bot:S3cretPw@hub.example.org"}, says: []string{"https://***@mirror.example.org", "https://***@hub"}, never: []string{"S3cret"}}
	envJSON := env
	envJSON.name, envJSON.args = "secrets: env as JSON", append(env.args, "--format", "json")
	list = append(list, tunnel, info, infoJSON, env, envJSON)
	for org, says := range map[string][]string{
		"gated-org": {"403", "restricted", "HF_TOKEN"}, "private-org": {"401", "Repository Not Found", "HF_TOKEN"},
	} {
		s := download("hub: "+org, row("hf://"+org+"/m/f.pth", true), exitNetwork, says)
		s.env["HF_ENDPOINT"] = host
		list = append(list, s)
	}
	play(t, t.TempDir(), list)

	if testing.Short() {
		return
	}
	busy := download("29 busy", row(host+"/busy/f.pth", true), exitNetwork, []string{"429", "rate limited", "attempt 2 of 5", "attempt 5 of 5"})
	busy.never = nil
	play(t, t.TempDir(), []situation{busy})

	// The root certificates are read once in a process.
	c := exec.Command(os.Args[0], "--cache-dir", t.TempDir(), "--config", row(inspected+"/f.pth", true), "download", "mine")
	c.Env = append(os.Environ(), asProgram+"=1", "SSL_CERT_FILE="+cert)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("with SSL_CERT_FILE: %v\n%s", err, out)
	}
}
