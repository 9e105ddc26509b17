package safetensors

import (
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/gozoo/zoo/internal/mmap"
	"github.com/gozoo/zoo/tensor"
)

// A File is an opened safetensors file. Its tensors are views of the mapped
// bytes, valid until Close.
type File struct {
	metadata map[string]string
	state    tensor.StateDict
	mapped   *mmap.File // nil when the bytes were given
}

// Open maps and checks the file at path.
func Open(path string) (*File, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(filepath.Base(path), m.Bytes())
	if err != nil {
		m.Close()
		return nil, err
	}
	f.mapped = m
	return f, nil
}

// Parse checks a file in memory. Its tensors are views of data. The name is for
// messages.
func Parse(name string, data []byte) (*File, error) {
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %q: %w", name, err)
	}
	return f, nil
}

func parse(file []byte) (*File, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("%d bytes are too few for a header length", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	rest := file[8:]
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("header length %d is above the format's %d", n, maxHeader)
	case n > uint64(len(rest)):
		return nil, fmt.Errorf("header length %d, but only %d bytes follow", n, len(rest))
	}
	head, data := rest[:n], rest[n:]
	entries, metadata, err := decodeHeader(head, mostTensors(len(data)))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if err := validate(entries, len(data)); err != nil {
		return nil, err
	}
	f := &File{metadata: metadata}
	for _, e := range entries {
		t, err := tensor.New(e.dtype, e.shape, data[e.begin:e.end:e.end])
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if err := f.state.Add(e.name, t); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Metadata returns a copy of the header's free text.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// StateDict returns the tensors in the order of their bytes.
func (f *File) StateDict() *tensor.StateDict { return &f.state }

// Close unmaps the file. Tensors must not be used afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return nil
	}
	return f.mapped.Close()
}
