package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/internal/bounded"
)

// Open opens a folder, a zip file, or a tar file, which may be compressed by gzip or zstd, as a
// file system. What a file is its bytes say, not its name. Close it after use.
func Open(ctx context.Context, path string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return Dir(path), io.NopCloser(nil), nil
	}
	f, err := bounded.Open(path)
	if err != nil {
		return nil, nil, err
	}
	a, err := openArchive(ctx, f, info.Size())
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, a, nil
}

// openArchive opens an archive by its first bytes.
func openArchive(ctx context.Context, f *os.File, size int64) (*Archive, error) {
	var head [512]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	begins := func(magic string) bool { return bytes.HasPrefix(head[:n], []byte(magic)) }
	switch {
	case begins("PK"):
		a, err := readZip(f, size, f.Close)
		if err != nil {
			return nil, fmt.Errorf("expected a zip file: %w", err)
		}
		return a, nil
	case begins("\x1f\x8b"):
		return unpack(ctx, f, size, func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) })
	case begins("\x28\xb5\x2f\xfd"), begins("\x50\x2a\x4d\x18"):
		return unpack(ctx, f, size, func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		})
	}
	for magic, name := range map[string]string{"BZh": "bzip2", "\xfd7zXZ": "xz", "7z\xbc\xaf": "7-Zip", "Rar!": "RAR"} {
		if begins(magic) {
			return nil, fmt.Errorf("expected a folder, a .zip or a .tar file, found %s: unpack it and name the folder", name)
		}
	}
	if n < len(head) || !bytes.HasPrefix(head[257:], []byte("ustar")) && !strings.HasSuffix(strings.ToLower(f.Name()), ".tar") {
		return nil, errors.New("expected a folder, a .zip or a .tar file")
	}
	return readTar(f, size, f.Close)
}

// What a compressed tar file may unpack to: images are compressed already, so that more is a
// file made to fill a disk. maxWindow is how much zstd may keep of what was before.
const (
	maxWindow   = 128 << 20
	unpackTimes = 32
)

var unpackBase int64 = 256 << 20 // less in tests

// unpack writes a compressed tar file, whole, to a temporary file that is gone when it is
// closed, since images are read in any order. It closes f.
func unpack(ctx context.Context, f *os.File, size int64, decoder func(io.Reader) (io.ReadCloser, error)) (*Archive, error) {
	d, err := decoder(f)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	tmp, err := os.CreateTemp("", "zoo-*.tar")
	if err != nil {
		return nil, err
	}
	os.Remove(tmp.Name()) // where that can be done while it is open, nothing is left even by a kill
	remove := func() error {
		err := tmp.Close()
		os.Remove(tmp.Name())
		return err
	}
	limit := unpackBase + unpackTimes*size
	n, err := io.Copy(tmp, io.LimitReader(&reader{ctx, d}, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("it unpacks to more than %d bytes, of %d: unpack it and name the folder", limit, size)
	}
	var a *Archive
	if err == nil {
		a, err = readTar(tmp, n, remove)
	}
	if err != nil {
		remove()
		return nil, err
	}
	f.Close()
	return a, nil
}

// A reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
