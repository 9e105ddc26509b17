package converter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/internal/mmap"
)

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// How much a compressed checkpoint may grow. Weights barely compress; even a file
// of zeros and text stays below this.
const (
	maxGrowth   = 100
	growthSlack = 64 << 20
)

// inMemory is the largest content, in bytes, that is kept in memory.
const inMemory = 16 << 20

// openCompressed decompresses a file into memory where its content is small. Else it decompresses
// it into a temporary file and reads that: tensors are views of the mapped file, so that memory
// does not grow with it.
func openCompressed(base string, data []byte) (*Checkpoint, error) {
	fail := func(err error) (*Checkpoint, error) { return nil, fmt.Errorf("converter: %q: %w", base, err) }
	name := strings.TrimSuffix(base, ".zst")
	var small bytes.Buffer
	if len(data) < inMemory {
		small.Grow(len(data) + len(data)/4)
		n, err := decompress(&small, data, inMemory)
		switch {
		case err != nil:
			return fail(err)
		case n <= inMemory:
			c, err := parsePlain(name, small.Bytes())
			if err != nil {
				return fail(err)
			}
			return c, nil
		}
	}
	dir, err := os.MkdirTemp("", "zoo-")
	if err != nil {
		return fail(err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	path := filepath.Join(dir, "plain")
	if err := decompressTo(path, data); err != nil {
		remove()
		return fail(err)
	}
	plain, err := mmap.Open(path)
	if err != nil {
		remove()
		return fail(err)
	}
	c, err := parsePlain(name, plain.Bytes())
	if err != nil {
		plain.Close()
		remove()
		return fail(err)
	}
	// Where the system lets go of a file in use, nothing is left behind even when
	// the process is killed.
	if remove() != nil {
		c.close = append(c.close, remove) // after it is unmapped
	}
	c.close = append(c.close, plain.Close)
	return c, nil
}

// parsePlain is parse for what was compressed.
func parsePlain(name string, plain []byte) (*Checkpoint, error) {
	if bytes.HasPrefix(plain, zstdMagic) {
		return nil, errors.New("is compressed twice")
	}
	return parse(name, plain)
}

// decompressTo writes the content of data to the new file path.
func decompressTo(path string, data []byte) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	limit := growthSlack + maxGrowth*int64(len(data))
	n, err := decompress(out, data, limit)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil && n > limit {
		err = fmt.Errorf("zstd: %d bytes decompress to more than %d: not a checkpoint", len(data), limit)
	}
	return err
}

// decompress writes the content of data to w, up to one byte more than limit, and returns how many
// bytes that was.
func decompress(w io.Writer, data []byte, limit int64) (int64, error) {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	n, err := io.Copy(w, io.LimitReader(z, limit+1))
	if err != nil {
		return n, fmt.Errorf("zstd: %w", err)
	}
	return n, nil
}
