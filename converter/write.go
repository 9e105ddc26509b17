package converter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Format is a kind of file that Write writes.
type Format string

// The formats.
const (
	Safetensors Format = "safetensors"
	PTH         Format = "pth"  // PyTorch's zip container, a state dict
	NPZ         Format = "npz"  // an archive of numpy arrays
	ONNX        Format = "onnx" // a network with its weights
)

// Formats lists all formats.
func Formats() []Format { return []Format{Safetensors, PTH, NPZ, ONNX} }

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	for _, f := range Formats() {
		if name == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("converter: unknown format %q: expected one of %q", name, Formats())
}

// FormatOf returns the format that the name of a file promises, and whether it
// promises one at all. What ends in ".zst" is named by what stands before.
func FormatOf(path string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(strings.TrimSuffix(path, zstdSuffix))) {
	case ".safetensors":
		return Safetensors, true
	case ".pth", ".pt":
		return PTH, true
	case ".npz":
		return NPZ, true
	case ".onnx":
		return ONNX, true
	}
	return "", false
}

const zstdSuffix = ".zst"

// An Output says what to write.
type Output struct {
	// Format is Safetensors when empty.
	Format Format
	// DType is what floating point tensors are cast to: F32, F16 or BF16. Invalid
	// keeps each as it is. Integers are never cast.
	DType tensor.DType
	// Graph is the network that the tensors belong to. ONNX needs it.
	Graph *nn.Graph
	// Zstd compresses the file. Write does so too where its path ends in ".zst".
	Zstd bool
	// Provenance becomes the file's metadata.
	Provenance Provenance
	// Digest returns the provenance's digest where Provenance.Digest is none. It is
	// called once, beside the writing.
	Digest func() digest.Digest
}

// Write writes the tensors of sd to path, which appears only once it is complete;
// an older file stays as it was until then. A path that ends in ".zst" is
// compressed with zstd. Equal input gives equal bytes on every machine. Memory does
// not grow with the tensors. A cancelled context stops it and leaves nothing behind.
// Links are followed; a device or a named pipe is written through, as by WriteTo.
func Write(ctx context.Context, path string, sd *tensor.StateDict, o Output) error {
	o.Zstd = o.Zstd || strings.HasSuffix(path, zstdSuffix)
	return o.write(sd, func(write func(*sink) error) error {
		err := atomicfile.WriteContext(ctx, path, func(w io.Writer) error {
			s := &sink{ctx: ctx, w: w}
			s.file, _ = w.(*os.File)
			return write(s)
		})
		if err != nil {
			return fmt.Errorf("converter: %s: %w: nothing was written there, and an older file is as it was", path, err)
		}
		return nil
	})
}

// WriteTo is Write to a stream, with the same bytes. What was written before an error is
// no file.
func WriteTo(ctx context.Context, w io.Writer, sd *tensor.StateDict, o Output) error {
	return o.write(sd, func(write func(*sink) error) error {
		if err := write(&sink{ctx: ctx, w: w}); err != nil {
			return fmt.Errorf("converter: %w", err)
		}
		return nil
	})
}

// write calls to with what writes the file, while the metadata's digest is being computed.
func (o *Output) write(sd *tensor.StateDict, to func(write func(*sink) error) error) error {
	if o.Format == "" {
		o.Format = Safetensors
	}
	sd, err := cast(sd, o.DType)
	if err != nil {
		return err
	}
	if err := checkWritable(sd, o.Format); err != nil {
		return refused(o.Provenance.Source, err)
	}
	write, err := o.writer(sd)
	if err != nil {
		return err
	}
	late := &lateMetadata{provenance: o.Provenance, digest: make(chan digest.Digest, 1)}
	late.computed = o.Provenance.Digest == (digest.Digest{}) && o.Digest != nil
	go func() {
		if late.computed {
			late.digest <- o.Digest()
		}
		close(late.digest)
	}()
	defer func() { <-late.digest }() // the caller may unmap what is still being read
	return to(func(s *sink) error {
		if !o.Zstd {
			return write(s, late)
		}
		return compressed(s, func(z io.Writer) error { return write(&sink{ctx: s.ctx, w: z}, late) })
	})
}

// A writer writes a file to w, with metadata that it asks for as late as it can.
type writer func(w *sink, metadata *lateMetadata) error

// lateMetadata is metadata whose digest is computed while tensors are written.
type lateMetadata struct {
	provenance Provenance
	computed   bool               // whether the digest is still to come
	digest     chan digest.Digest // by which it comes
}

// draft returns the metadata with zeros for a digest that is still to come.
func (m *lateMetadata) draft() map[string]string {
	p := m.provenance
	if m.computed {
		p.Digest = digest.Of([sha256.Size]byte{})
	}
	return p.metadata()
}

// final returns the metadata once the digest is known.
func (m *lateMetadata) final() map[string]string {
	if d, ok := <-m.digest; ok {
		m.provenance.Digest = d
	}
	return m.provenance.metadata()
}

// A sink is where a file is written: in pieces, so that a cancelled context stops a
// large tensor too.
type sink struct {
	ctx  context.Context
	w    io.Writer
	n    int64    // bytes written
	file *os.File // what w is, where it is a regular file and not compressed
}

func (s *sink) Write(p []byte) (int, error) {
	const piece = 4 << 20
	done := 0
	for done < len(p) {
		if err := s.ctx.Err(); err != nil {
			return done, err
		}
		n, err := s.w.Write(p[done:min(done+piece, len(p))])
		done += n
		s.n += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// writer returns the one of the format, or what keeps sd from being written so.
func (o *Output) writer(sd *tensor.StateDict) (writer, error) {
	switch o.Format {
	case Safetensors:
		return newSafetensors(sd)
	case PTH:
		return newPTH(sd)
	case NPZ:
		return newNPZ(sd)
	case ONNX:
		return newONNX(o.Graph, sd)
	}
	return nil, fmt.Errorf("converter: unknown format %q: expected one of %q", o.Format, Formats())
}

// newSafetensors writes the header with a draft of the metadata first and, where it
// can go back, again with the final one.
func newSafetensors(sd *tensor.StateDict) (writer, error) {
	layout, err := safetensors.NewLayout(sd)
	if err != nil {
		return nil, err
	}
	return func(w *sink, metadata *lateMetadata) error {
		first := metadata.draft
		if w.file == nil {
			first = metadata.final
		}
		head, err := layout.Header(forPyTorch(first()))
		if err != nil {
			return err
		}
		if _, err := w.Write(head); err != nil {
			return err
		}
		if err := layout.WriteData(w); err != nil {
			return err
		}
		if w.file == nil {
			return nil
		}
		if err := atomicfile.Sync(w.file); err != nil { // while the digest is being computed
			return err
		}
		again, err := layout.Header(forPyTorch(metadata.final()))
		if err != nil || bytes.Equal(head, again) {
			return err
		}
		if len(head) != len(again) {
			return fmt.Errorf("the digest takes %d bytes, expected %d: it is not all of a sha256", len(again), len(head))
		}
		_, err = w.file.WriteAt(again, 0)
		return err
	}, nil
}

// forPyTorch adds the entry by which other programs know whose layout and names the tensors
// have. Some refuse a file without it.
func forPyTorch(metadata map[string]string) map[string]string {
	metadata["format"] = "pt"
	return metadata
}

// cast returns sd with its floating point tensors cast to d.
func cast(sd *tensor.StateDict, d tensor.DType) (*tensor.StateDict, error) {
	if d == tensor.Invalid {
		return sd, nil
	}
	out := new(tensor.StateDict)
	for name, t := range sd.All() {
		if t.DType().IsFloat() {
			var err error
			if t, err = t.Cast(d); err != nil {
				return nil, fmt.Errorf("converter: tensor %q: %w", name, err)
			}
		}
		if err := out.Add(name, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// compressed calls write with a writer that compresses into w.
func compressed(w io.Writer, write func(io.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	err = write(z)
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	return err
}
