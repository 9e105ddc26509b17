package pth

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
)

// Methods of compression.
const (
	methodStored  = 0
	methodDeflate = 8
)

// A record is one file of a zip archive.
type record struct {
	name   string
	flags  uint16
	method uint16
	crc    uint32
	size   int    // bytes of the content
	stored []byte // the bytes in the archive, compressed or not

	storage *storage // the one to fill, if any
}

// content returns the record's content once its checksum is right. Compressed
// content is at most limit bytes; what is stored as it is, is not copied.
func (r *record) content(limit int, unprotected bool) ([]byte, error) {
	if r.size > limit {
		return nil, fmt.Errorf("record %q: %d bytes, expected at most %d", clip(r.name), r.size, limit)
	}
	data := r.stored
	if r.method == methodDeflate {
		var err error
		if data, err = r.inflate(); err != nil {
			return nil, fmt.Errorf("record %q: %w", clip(r.name), err)
		}
	}
	if sum := crc32.ChecksumIEEE(data); sum != r.crc && !unprotected {
		return nil, fmt.Errorf("record %q: CRC-32 is %08x, expected %08x: the file is corrupt", clip(r.name), sum, r.crc)
	}
	return data, nil
}

// maxRatio is above what a deflate stream can reach: 258 bytes from two bits.
const maxRatio = 1032

// inflate returns exactly r.size bytes. The compressed ones must end there.
func (r *record) inflate() ([]byte, error) {
	if r.size/maxRatio > len(r.stored) {
		return nil, fmt.Errorf("%d compressed bytes cannot give %d", len(r.stored), r.size)
	}
	src := bytes.NewReader(r.stored)
	z := flate.NewReader(src)
	defer z.Close()
	out := make([]byte, r.size)
	if n, err := io.ReadFull(z, out); err != nil {
		return nil, fmt.Errorf("compressed data gave %d bytes of %d: %w", n, r.size, err)
	}
	var more [1]byte
	switch n, err := io.ReadFull(z, more[:]); {
	case n > 0:
		return nil, fmt.Errorf("compressed data give more than %d bytes", r.size)
	case err != io.EOF:
		return nil, fmt.Errorf("compressed data: %w", err)
	}
	if src.Len() > 0 {
		return nil, fmt.Errorf("%d bytes follow the compressed data", src.Len())
	}
	return out, nil
}

// readRecords checks all records and fills the storages, on all processors: the
// checksums are most of the work of opening a file.
func readRecords(dir []record, unprotected bool) error {
	idle := maxPickle // bytes of compressed records that no storage asks for
	for i := range dir {
		if r := &dir[i]; r.storage == nil && r.method == methodDeflate {
			if idle -= r.size; idle < 0 {
				return fmt.Errorf("record %q: nothing uses it, and with others it holds more than %d bytes", clip(r.name), maxPickle)
			}
		}
	}
	errs := make([]error, len(dir))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(dir)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(dir)); i = next.Add(1) - 1 {
				r := &dir[i]
				data, err := r.content(r.size, unprotected)
				if err == nil && r.storage != nil {
					r.storage.data = data
				}
				errs[i] = err
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the first in the archive, whichever was found first
		}
	}
	return nil
}
