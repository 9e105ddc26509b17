package converter

import (
	"bytes"
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

// openCompressed decompresses a file into a temporary one and reads that. Tensors
// are views of the mapped file, so that memory does not grow with it.
func openCompressed(base string, data []byte) (*Checkpoint, error) {
	fail := func(err error) (*Checkpoint, error) { return nil, fmt.Errorf("converter: %q: %w", base, err) }
	dir, err := os.MkdirTemp("", "zoo-")
	if err != nil {
		return fail(err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	name := strings.TrimSuffix(base, ".zst")
	path := filepath.Join(dir, "plain")
	if err := decompress(path, data); err != nil {
		remove()
		return fail(err)
	}
	plain, err := mmap.Open(path)
	if err != nil {
		remove()
		return fail(err)
	}
	c := &Checkpoint{}
	if bytes.HasPrefix(plain.Bytes(), zstdMagic) {
		err = fmt.Errorf("is compressed twice")
	} else {
		c, err = parse(name, plain.Bytes())
	}
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

// decompress writes the content of data to the new file path.
func decompress(path string, data []byte) error {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	limit := growthSlack + maxGrowth*int64(len(data))
	n, err := io.Copy(out, io.LimitReader(z, limit+1))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	switch {
	case err != nil:
		return fmt.Errorf("zstd: %w", err)
	case n > limit:
		return fmt.Errorf("zstd: %d bytes decompress to more than %d: not a checkpoint", len(data), limit)
	}
	return nil
}
