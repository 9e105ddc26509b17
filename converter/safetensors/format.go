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
	at := 0
	for _, e := range entries {
		if err := checkName(e.name); err != nil {
			return err
		}
		if len(e.shape) > maxRank {
			return fmt.Errorf("tensor %q: %d dimensions, at most %d are allowed", e.name, len(e.shape), maxRank)
		}
		size, err := e.shape.Bytes(e.dtype)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if e.begin != at {
			return fmt.Errorf("tensor %q: begins at byte %d, the one before it ends at %d", e.name, e.begin, at)
		}
		if e.end < e.begin || e.end-e.begin != size {
			return fmt.Errorf("tensor %q: %v %v needs %d bytes, header gives %d to %d", e.name, e.dtype, e.shape, size, e.begin, e.end)
		}
		at = e.end
	}
	if at != data {
		return fmt.Errorf("tensors end at byte %d of the data, the file holds %d", at, data)
	}
	return nil
}

// checkName refuses names that cannot be written to a header and read again. The
// replacement character is what Go's decoder makes of an unpaired surrogate, which
// no JSON reader agrees on.
func checkName(name string) error {
	if name == metadataKey {
		return fmt.Errorf("tensor name %q is reserved", name)
	}
	if !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError) {
		return fmt.Errorf("tensor name %q is not valid UTF-8", name)
	}
	return nil
}
