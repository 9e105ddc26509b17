package bundle

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Suffix ends the name of a file that Compress writes.
const Suffix = ".zst"

const zstdMagic = "\x28\xb5\x2f\xfd"

// Compress returns a writer that compresses a bundle with zstd; Close ends it, and leaves w open. The same
// bundle gives the same bytes.
func Compress(w io.Writer) (io.WriteCloser, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return z, nil
}

// maxWindow bounds the memory that unpacking takes, in bytes. What comes out is bounded by the manifest,
// beyond which nothing is read.
const maxWindow = 128 << 20

// unpack returns the tar file that a bundle is, compressed with zstd or not. Other forms, that mail and web
// servers like best, are errors. done is to be called after use.
func unpack(r io.Reader) (tar io.Reader, done func(), err error) {
	var head []byte
	seeker, ok := r.(io.ReadSeeker)
	if ok { // of which archive/tar skips what nobody reads
		head = make([]byte, 6)
		n, _ := io.ReadFull(r, head) // an error comes again
		if _, err := seeker.Seek(-int64(n), io.SeekCurrent); err != nil {
			return nil, nil, &Error{"", "cannot be read twice", err}
		}
		head = head[:n]
	} else {
		b := bufio.NewReaderSize(r, 1<<20)
		head, _ = b.Peek(6)
		r = b
	}
	if bytes.HasPrefix(head, []byte(zstdMagic)) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("bundle: %w", err)
		}
		return z, z.Close, nil
	}
	for magic, name := range map[string]string{"\x1f\x8b": "gzip", "\xfd7zXZ\x00": "xz", "BZh": "bzip2", "PK\x03\x04": "zip"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, nil, &Error{"", fmt.Sprintf("it is compressed with %s: expected the tar file itself, "+
				"or one compressed with zstd: unpack it first", name), nil}
		}
	}
	return r, func() {}, nil
}
