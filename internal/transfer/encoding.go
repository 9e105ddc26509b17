package transfer

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the largest window of the HTTP coding zstd, in bytes (RFC 9659).
const maxZstdWindow = 8 << 20

// codings undo what a server may do to a body though it was asked not to. Each begins only
// where the body looks like its own, since some servers declare a coding of a file that is
// stored as it is; the digest tells in the end.
var codings = map[string]struct {
	is   func(head []byte) bool
	open func(r *bufio.Reader) (io.ReadCloser, error)
}{
	"gzip":    {isGzip, openGzip},
	"x-gzip":  {isGzip, openGzip},
	"deflate": {isDeflate, openDeflate},
	"zstd":    {func(head []byte) bool { return bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) }, openZstd},
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b\x08")) }

// isZlib reports whether a body begins as RFC 1950 says.
func isZlib(head []byte) bool {
	return len(head) >= 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// isDeflate reports whether a body is one of HTTP's coding deflate: in the format that RFC 9110
// names, or bare, as some servers have it.
func isDeflate(head []byte) bool {
	if isZlib(head) {
		return true
	}
	_, err := flate.NewReader(bytes.NewReader(head)).Read(make([]byte, 1))
	return err == nil
}

func openDeflate(r *bufio.Reader) (io.ReadCloser, error) {
	if head, _ := r.Peek(2); isZlib(head) {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func openGzip(r *bufio.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

func openZstd(r *bufio.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

// encoded returns the coding of an answer's body that this package can undo; empty when there
// is none.
func encoded(h http.Header) string {
	coding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
	if _, ok := codings[coding]; ok {
		return coding
	}
	return ""
}

// undo makes an answer's body that of the file where the server has encoded it. Its length,
// and what would tell it from a later one, are those of the encoded body, and are forgotten:
// no range of the file can be asked for by them.
func undo(resp *http.Response) {
	coding := encoded(resp.Header)
	if coding == "" {
		return
	}
	b := bufio.NewReaderSize(resp.Body, 64<<10)
	head, _ := b.Peek(512) // an error comes again when the body is read
	if !codings[coding].is(head) {
		resp.Body = &decoded{Reader: b, body: resp.Body}
		return
	}
	resp.Body = &decoded{body: resp.Body, open: func() (io.ReadCloser, error) { return codings[coding].open(b) }}
	resp.ContentLength = -1
	for _, key := range []string{"Content-Encoding", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges"} {
		resp.Header.Del(key)
	}
}

// decoded is a body of which a coding is undone.
type decoded struct {
	io.Reader
	open   func() (io.ReadCloser, error) // of Reader, at the first read; nil: it is open
	closer io.Closer                     // of Reader; nil: none
	body   io.Closer
}

func (d *decoded) Read(p []byte) (int, error) {
	if d.open != nil {
		r, err := d.open()
		if err != nil {
			return 0, err
		}
		d.Reader, d.closer, d.open = r, r, nil
	}
	return d.Reader.Read(p)
}

func (d *decoded) Close() error {
	if d.closer != nil {
		d.closer.Close()
	}
	return d.body.Close()
}
