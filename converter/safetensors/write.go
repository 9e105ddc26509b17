package safetensors

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/tensor"
)

// WriteFile writes sd and its metadata to path, which appears only once it is
// complete. See NewLayout for the order.
func WriteFile(path string, sd *tensor.StateDict, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return Write(w, sd, metadata) })
}

// Write writes sd and its metadata. Equal input gives equal bytes.
func Write(w io.Writer, sd *tensor.StateDict, metadata map[string]string) error {
	l, err := NewLayout(sd)
	if err != nil {
		return err
	}
	head, err := l.Header(metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	return l.WriteData(w)
}

// A Layout is where each tensor of a state dict lies in a file: by falling element
// size, then by name. The two parts of the file can be written in either order, for
// those who learn the metadata last.
type Layout struct {
	sd      *tensor.StateDict
	entries []entry
	size    int // of the data, in bytes
}

// NewLayout lays out sd. It is an error when a name or a size does not fit the
// format.
func NewLayout(sd *tensor.StateDict) (*Layout, error) {
	names := slices.Clone(sd.Names())
	slices.SortFunc(names, func(a, b string) int {
		ta, _ := sd.Lookup(a)
		tb, _ := sd.Lookup(b)
		return cmp.Or(cmp.Compare(tb.DType().Size(), ta.DType().Size()), strings.Compare(a, b))
	})
	entries := make([]entry, len(names))
	at := 0
	for i, name := range names {
		t, _ := sd.Lookup(name)
		entries[i] = entry{name: name, dtype: t.DType(), shape: t.Shape(), begin: at, end: at + t.Nbytes()}
		at = entries[i].end
	}
	if err := validate(entries, at); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return &Layout{sd: sd, entries: entries, size: at}, nil
}

// WriteData writes the tensors, which follow the header.
func (l *Layout) WriteData(w io.Writer) error {
	out := bufio.NewWriterSize(w, 256<<10) // larger tensors go past it
	for _, e := range l.entries {
		t, _ := l.sd.Lookup(e.name)
		if _, err := t.WriteTo(out); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Header returns the length and the header, with metadata sorted by key and padded
// with spaces so that the data start at a multiple of 64 bytes and every tensor is
// aligned to its element size. Replacing a value of the metadata by one that takes as
// many bytes in JSON does not change its length.
func (l *Layout) Header(metadata map[string]string) ([]byte, error) {
	head, err := encodeHeader(l.entries, metadata)
	if err == nil { // what is written is read again
		err = checkSizes(bytes.TrimRight(head[8:], " "), mostTensors(l.size))
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return head, nil
}

// encodeHeader returns length and header, padded.
func encodeHeader(entries []entry, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, once it is known
	sep := byte('{')
	field := func(key string, value any) error {
		b.WriteByte(sep)
		sep = ','
		k, err := marshal(key)
		if err != nil {
			return err
		}
		v, err := marshal(value)
		if err != nil {
			return err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
		return nil
	}
	if err := checkMetadata(metadata); err != nil {
		return nil, err
	}
	if len(metadata) > 0 {
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, fmt.Errorf("metadata %q is not valid UTF-8", key)
			}
		}
		if err := field(metadataKey, metadata); err != nil { // maps are encoded sorted
			return nil, err
		}
	}
	for _, e := range entries {
		shape := e.shape
		if shape == nil {
			shape = tensor.Shape{}
		}
		err := field(e.name, struct {
			DType   string       `json:"dtype"`
			Shape   tensor.Shape `json:"shape"`
			Offsets [2]int       `json:"data_offsets"`
		}{e.dtype.String(), shape, [2]int{e.begin, e.end}})
		if err != nil {
			return nil, err
		}
	}
	if sep == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	if pad := -b.Len() & (alignment - 1); pad > 0 {
		b.WriteString(strings.Repeat(" ", pad))
	}
	n := b.Len() - 8
	if n > maxHeader {
		return nil, fmt.Errorf("header of %d bytes is above the format's %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escapes that HTML wants.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
