package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/textfile"
)

// ReadImage reads an image file of at most bounded.Image bytes; before is told how many it has. An
// error of the file system is a *fs.PathError or one of the system's; others are about this image.
func ReadImage(fsys fs.FS, name string, before func(size int64)) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > bounded.Image {
		return nil, fmt.Errorf("%s: %d bytes, an image may have %d", name, st.Size(), bounded.Image)
	}
	before(st.Size())
	data := make([]byte, st.Size())
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return data[:n], nil // its own end, which the decoder judges
	}
	if err != nil {
		return nil, err
	}
	// A zip file checks what it unpacked at the end, and not before.
	var more [1]byte
	if n, err := f.Read(more[:]); n > 0 {
		return nil, fmt.Errorf("%s: more than the %d bytes that it is said to have", name, st.Size())
	} else if err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}

// ReadList reads a list, of at most bounded.List bytes, as UTF-8.
func ReadList(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.ReadAll(f, bounded.List)
	if err != nil {
		return nil, err
	}
	return textfile.Decode(data)
}
