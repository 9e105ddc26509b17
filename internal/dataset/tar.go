package dataset

import (
	"archive/tar"
	"fmt"
	"io"
	"strings"
)

// readTar reads every header of a tar file. Between them the reader seeks, so that it stands where
// a file's bytes begin when it has returned its header. Entries that are neither files, folders nor
// links are left out.
func readTar(data io.ReaderAt, size int64, close func() error) (*Archive, error) {
	a := newArchive(close)
	section := io.NewSectionReader(data, 0, size)
	r := tar.NewReader(section)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return a.done()
		}
		if err != nil {
			return nil, fmt.Errorf("expected a tar file: %w", err)
		}
		if err := a.addTar(h, data, section, size); err != nil {
			return nil, err
		}
	}
}

func (a *Archive) addTar(h *tar.Header, data io.ReaderAt, section *io.SectionReader, size int64) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeLink, tar.TypeSymlink, tar.TypeGNUSparse:
	default:
		return nil
	}
	name, err := entryName(h.Name)
	if err != nil {
		return err
	}
	n := &node{size: h.Size, time: h.ModTime, link: h.Linkname, hard: h.Typeflag == tar.TypeLink}
	switch h.Typeflag {
	case tar.TypeDir:
		_, err := a.folder(name)
		return err
	case tar.TypeLink, tar.TypeSymlink:
		if n.size = 0; len(n.link) > maxPath || n.link == "" || strings.HasPrefix(n.link, "/") {
			n.link = nowhere
		}
		return a.add(name, n)
	}
	if sparse(h) {
		return fmt.Errorf("entry %.100q: sparse files are not read", name)
	}
	at, err := section.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if h.Size > size-at {
		return fmt.Errorf("entry %.100q: %d bytes, the archive ends after %d", name, h.Size, size-at)
	}
	n.link = ""
	n.open = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(data, at, n.size)), nil }
	return a.add(name, n)
}

// sparse reports whether an entry's bytes are not there as a whole.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}
