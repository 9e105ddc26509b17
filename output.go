package zoo

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
)

// WriteFile writes a file that appears whole or not at all: write gets a temporary file beside
// it. Links are followed, and an existing file keeps its permissions. A device, a named pipe or
// a path such as /dev/stdout is written through; a folder, a socket, a disk and a terminal are
// refused. The context ends the waiting for who reads from a named pipe.
func WriteFile(ctx context.Context, path string, write func(w io.Writer) error) error {
	return atomicfile.WriteContext(ctx, path, write)
}

// deliver writes the file to where the options say, or finds out what would be written.
func (j *conversion) deliver(ctx context.Context, o ConvertOptions) error {
	if o.Stream == nil && !o.DryRun {
		return j.write(ctx, o.Output)
	}
	to := o.Stream
	if o.DryRun {
		to = io.Discard
		if o.Output != "" {
			if err := atomicfile.Check(o.Output); err != nil {
				return err
			}
		}
	}
	return j.stream(ctx, to, o)
}

// stream writes the file to a stream, and notes its size and its digest.
func (j *conversion) stream(ctx context.Context, w io.Writer, o ConvertOptions) error {
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(w, sum)}
	j.output.Zstd = strings.HasSuffix(o.Output, ".zst")
	if err := j.convert(func() error { return converter.WriteTo(ctx, counted, j.sd, j.output) }); err != nil {
		return err
	}
	j.done.Path, j.done.Size, j.done.digest = o.Output, counted.n, digest.Of([sha256.Size]byte(sum.Sum(nil)))
	if o.Stream != nil {
		j.done.Path = StreamPath
	}
	return nil
}

// A counter counts the bytes that are written to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// write writes the file.
func (j *conversion) write(ctx context.Context, path string) error {
	if err := j.convert(func() error { return converter.Write(ctx, path, j.sd, j.output) }); err != nil {
		return err
	}
	j.done.Path = path
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		j.done.Size = st.Size()
	}
	return nil
}

// convert calls write. The source is read for its digest only where that is not known.
func (j *conversion) convert(write func() error) error {
	if !j.done.SourceDigest.Full() {
		j.output.Digest = j.digest
	}
	if err := write(); err != nil {
		return err
	}
	if !j.done.SourceDigest.Full() {
		j.done.SourceDigest = j.digest()
	}
	return nil
}
