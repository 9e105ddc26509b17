package scan

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"os"
	"regexp"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/internal/mmap"
)

// compression names how data are compressed, empty where they are not.
func compression(data []byte) string {
	for _, c := range []struct{ magic, name string }{
		{"\x28\xb5\x2f\xfd", "zstd"}, {"\x1f\x8b\x08", "gzip"}, {"BZh", "bzip2"},
		{"\x78\x01", "zlib"}, {"\x78\x5e", "zlib"}, {"\x78\x9c", "zlib"}, {"\x78\xda", "zlib"},
	} {
		if bytes.HasPrefix(data, []byte(c.magic)) {
			return c.name
		}
	}
	return ""
}

// decompressor reads what data hold. Close is to be called after use.
func decompressor(kind string, data []byte) (r io.Reader, close func(), err error) {
	nothing := func() {}
	switch src := bytes.NewReader(data); kind {
	case "zstd":
		z, err := zstd.NewReader(src, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case "gzip":
		r, err = gzip.NewReader(src)
	case "zlib":
		r, err = zlib.NewReader(src)
	default:
		r = bzip2.NewReader(src)
	}
	return r, nothing, err
}

// How far the file itself may unpack: it is put beside the memory, into a temporary file.
const (
	unpackedSlack = 256 << 20
	maxGrowth     = 20
)

// compressed scans what a compressed part holds, and returns what that is.
func (s *scanner) compressed(p part, kind string) string {
	inner := p
	inner.name, inner.depth, inner.seen = unpackedName(p.name), p.depth+1, false
	if p.top && kind != "zstd" && ends(p.name, torchSuffixes) && !ends(p.name, pickleSuffixes) {
		s.wrong(p, RuleContainer, "compressed with %s, though its name does not say so", kind)
	}
	r, done, err := decompressor(kind, p.data)
	if err == nil {
		defer done()
		if p.top {
			var release func()
			inner.data, release, err = spill(r, unpackedSlack+maxGrowth*int64(len(p.data)))
			defer release()
		} else {
			inner.data, err = readAtMost(r, max(min(s.budget, maxMember), 1))
			s.budget -= len(inner.data)
		}
	}
	switch {
	case errors.Is(err, errLong):
		s.bounds(p)
	case err != nil && kind == "zlib" && len(inner.data) == 0: // told by two bytes only
		s.unknown(p)
		return "unknown"
	case err != nil:
		s.concerned = s.concerned || promises(p.name)
		s.wrong(p, RuleContainer, "%s: %v", kind, err)
	}
	if len(inner.data) == 0 {
		return "nothing"
	}
	return s.part(inner)
}

// spill writes what r gives, at most so much, to a temporary file, and returns its mapped bytes,
// valid until release: those before an error as well.
func spill(r io.Reader, limit int64) (data []byte, release func(), err error) {
	f, err := os.CreateTemp("", "zoo-scan-")
	if err != nil {
		return nil, func() {}, err
	}
	release = func() { os.Remove(f.Name()) }
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if n > limit {
		err = errLong
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	m, merr := mmap.Open(f.Name())
	if merr != nil {
		return nil, release, merr
	}
	remove := release
	return m.Bytes()[:min(n, limit)], func() { m.Close(); remove() }, err
}

// objects finds the dtype object in the header of a numpy array.
var objects = regexp.MustCompile(`['"][|<>=]?O\d*['"]`)

// numpy scans an array of numpy: one of objects is a pickle behind its header.
func (s *scanner) numpy(p part) string {
	s.concerned = true
	if len(p.data) < 12 {
		s.wrong(p, RuleContainer, "the numpy array is cut short")
		return "npy"
	}
	n, from := int(p.data[8])|int(p.data[9])<<8, 10
	if p.data[6] >= 2 {
		n, from = n|int(p.data[10])<<16|int(p.data[11])<<24, 12
	}
	if n > len(p.data)-from {
		s.wrong(p, RuleContainer, "the numpy array is cut short")
		return "npy"
	}
	header, content := p.data[from:from+n], p.data[from+n:]
	if !objects.Match(header) && !looksPickled(content) {
		return "npy"
	}
	inner := p.inside("objects", content)
	if objects.Match(header) {
		inner.name += ".pkl"
		s.pickles(inner)
		return "npy of objects"
	}
	s.content(inner, false, false)
	return "npy"
}
