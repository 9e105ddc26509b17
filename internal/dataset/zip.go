package dataset

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/gozoo/zoo/internal/bounded"
)

// readZip reads the directory of a zip file. Backslashes, which programs of Windows write,
// divide paths as slashes do.
func readZip(data io.ReaderAt, size int64, close func() error) (*Archive, error) {
	z, err := zip.NewReader(data, size)
	if err != nil {
		return nil, err
	}
	a := newArchive(close)
	for _, f := range z.File {
		raw := strings.ReplaceAll(f.Name, `\`, "/")
		name, err := entryName(raw)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(raw, "/") || f.Mode().IsDir() {
			if _, err := a.folder(name); err != nil {
				return nil, err
			}
			continue
		}
		n := &node{size: int64(min(f.UncompressedSize64, math.MaxInt64)), time: f.Modified}
		switch {
		case f.Mode()&fs.ModeSymlink != 0:
			if n.link, err = linkTarget(f); err != nil {
				return nil, err
			}
			n.size = 0
		case !f.Mode().IsRegular():
			continue
		case f.Flags&1 != 0:
			n.open = func() (io.ReadCloser, error) {
				return nil, errors.New("it is encrypted: unpack the archive with its password")
			}
		default:
			n.open = f.Open
		}
		if err := a.add(name, n); err != nil {
			return nil, err
		}
	}
	return a.done()
}

// linkTarget reads what a link leads to, which is the content of its entry.
func linkTarget(f *zip.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	target, err := bounded.ReadAll(r, maxPath)
	if err != nil {
		return "", err
	}
	if len(target) == 0 || target[0] == '/' {
		return nowhere, nil
	}
	return string(target), nil
}
