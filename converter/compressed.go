package converter

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// How much a compressed checkpoint may grow. Weights barely compress; even a file
// of zeros and text stays below this.
const (
	maxGrowth   = 100
	growthSlack = 64 << 20
)

// openCompressed decompresses path into a temporary file and opens that. Tensors
// are views of the mapped file, so that memory does not grow with it.
func openCompressed(path string) (*Checkpoint, error) {
	base := filepath.Base(path)
	dir, err := os.MkdirTemp("", "zoo-")
	if err != nil {
		return nil, fmt.Errorf("converter: %q: %w", base, err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	name := strings.TrimSuffix(base, ".zst")
	plain := filepath.Join(dir, name)
	if err := decompress(plain, path); err != nil {
		remove()
		return nil, refused(base, fmt.Errorf("converter: %q: %w", base, err))
	}
	if head, err := firstBytes(plain); err == nil && bytes.HasPrefix(head, zstdMagic) {
		remove()
		return nil, refused(base, fmt.Errorf("converter: %q: is compressed twice", base))
	}
	c, err := Open(plain)
	if err != nil {
		remove()
		return nil, refused(base, fmt.Errorf("converter: %q: %w", base, err))
	}
	// Where the system lets go of a file in use, nothing is left behind even when
	// the process is killed.
	if remove() != nil {
		c.close = append([]func() error{remove}, c.close...) // after it is unmapped
	}
	return c, nil
}

// decompress writes the content of src to the new file dst.
func decompress(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	limit := growthSlack + maxGrowth*st.Size()
	n, err := io.Copy(out, io.LimitReader(z, limit+1))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	switch {
	case err != nil:
		return fmt.Errorf("zstd: %w", err)
	case n > limit:
		return fmt.Errorf("zstd: %d bytes decompress to more than %d: not a checkpoint", st.Size(), limit)
	}
	return nil
}
