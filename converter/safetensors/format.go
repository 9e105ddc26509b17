// Package safetensors reads and writes the safetensors format: an 8-byte little
// endian header length, a JSON header, then the tensors' bytes.
//
// The reader refuses whatever the reference implementation refuses, and duplicate
// keys, unknown keys and numbers that are not plain integers besides. It returns
// views of the mapped file. The writer makes equal bytes from equal input.
//
//	f, err := safetensors.Open("model.safetensors")
//	defer f.Close()
//	w, ok := f.StateDict().Lookup("head.fc.weight")
package safetensors

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/tensor"
)

const (
	// maxHeader is the largest header the format allows, in bytes.
	maxHeader = 100_000_000
	// alignment of the first tensor byte in files that zoo writes.
	alignment = 64
	// metadataKey is the header's key for free text; no tensor may have it.
	metadataKey = "__metadata__"
	// maxRank bounds a shape, as PyTorch does.
	maxRank = 64
	// maxText bounds a name or a value of the metadata, and maxMetadata all of them, in
	// bytes. Nothing real comes near, and reading them takes several times as much.
	maxText     = 4 << 20
	maxMetadata = 8 << 20
	// metadataEntry is what an entry of the metadata takes besides.
	metadataEntry = 100
	// maxPlain bounds a number, or spaces between two marks, in bytes.
	maxPlain = 4096
	// textPerTensor bounds the text of a header, in bytes, and marksPerTensor its
	// punctuation marks, for each possible tensor.
	textPerTensor  = 200
	marksPerTensor = 24
	// fewTensors may be in any file. Of more, each must hold a kilobyte on average.
	fewTensors = 30_000
)

// An entry is one tensor of the header. Begin and End are offsets into the data
// that follow the header.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      tensor.Shape
	begin, end int
}

// validate checks that entries describe exactly the data bytes: every size fits
// its shape, and sorted by offset they follow one another from 0 to data without
// hole or overlap. It sorts entries by offset. Reader and writer both call it;
// nothing else needs to distrust a header.
func validate(entries []entry, data int) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), strings.Compare(a.name, b.name))
	})
	if len(entries) > mostTensors(data) {
		return fmt.Errorf("%d tensors in %d bytes of data", len(entries), data)
	}
	at := 0
	for _, e := range entries {
		if err := checkName(e.name); err != nil {
			return err
		}
		if len(e.shape) > maxRank {
			return fmt.Errorf("tensor %s: %d dimensions, at most %d are allowed", quote(e.name), len(e.shape), maxRank)
		}
		size, err := e.shape.Bytes(e.dtype)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(e.name), err)
		}
		if e.begin != at {
			return fmt.Errorf("tensor %s: begins at byte %d, the one before it ends at %d", quote(e.name), e.begin, at)
		}
		if e.end < e.begin || e.end-e.begin != size {
			return fmt.Errorf("tensor %s: %v %v needs %d bytes, header gives %d to %d", quote(e.name), e.dtype, e.shape, size, e.begin, e.end)
		}
		at = e.end
	}
	if at != data {
		return fmt.Errorf("tensors end at byte %d of the data, the file holds %d", at, data)
	}
	return nil
}

// mostTensors returns how many tensors may share so many bytes of data.
func mostTensors(data int) int { return fewTensors + data>>10 }

// checkName refuses names that cannot be written to a header and read again. The
// replacement character is what Go's decoder makes of an unpaired surrogate, which
// no JSON reader agrees on.
func checkName(name string) error {
	if len(name) > maxText {
		return fmt.Errorf("tensor name %s: %d bytes, at most %d are allowed", quote(name), len(name), maxText)
	}
	if name == metadataKey {
		return fmt.Errorf("tensor name %q is reserved", name)
	}
	if !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError) {
		return fmt.Errorf("tensor name %s is not valid UTF-8", quote(name))
	}
	return nil
}

// checkMetadata refuses more text than is read again.
func checkMetadata(metadata map[string]string) error {
	size := 0
	for key, value := range metadata {
		if len(key) > maxText || len(value) > maxText {
			return fmt.Errorf("metadata %s: %d bytes, at most %d are allowed", quote(key), len(value), maxText)
		}
		size += len(key) + len(value) + metadataEntry
	}
	if size > maxMetadata {
		return fmt.Errorf("metadata of %d bytes, at most %d are allowed", size, maxMetadata)
	}
	return nil
}

// quote returns the start of a text from a file, quoted for a message.
func quote(s string) string {
	const most = 100
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "…"
}
