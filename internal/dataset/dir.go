package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/internal/bounded"
)

// A Dir is a folder of the system as a file system. Unlike os.DirFS it takes names in any
// encoding, and opens nothing but folders and regular files.
type Dir string

func (d Dir) path(name string) string {
	if name == "." {
		return string(d)
	}
	return string(d) + string(filepath.Separator) + filepath.FromSlash(name)
}

// Open opens a folder or a regular file.
func (d Dir) Open(name string) (fs.File, error) {
	f, err := bounded.Open(d.path(name))
	if errors.Is(err, bounded.ErrIrregular) {
		if st, serr := os.Stat(d.path(name)); serr == nil && st.IsDir() {
			f, err = os.Open(d.path(name))
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Stat describes what a path leads to, links followed.
func (d Dir) Stat(name string) (fs.FileInfo, error) { return os.Stat(d.path(name)) }

// ReadDir returns what lies in a folder, sorted by name.
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(d.path(name)) }

// Real returns which folder a path leads to when all links are followed.
func (d Dir) Real(name string) (string, error) {
	real, err := filepath.EvalSymlinks(d.path(name))
	if err == nil {
		real, err = filepath.Abs(real)
	}
	return filepath.ToSlash(real), err
}
