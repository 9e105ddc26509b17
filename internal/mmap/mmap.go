// Package mmap maps files into memory for reading.
package mmap

import (
	"fmt"
	"os"

	mmapgo "github.com/edsrzf/mmap-go"
)

// A File is the content of a file, mapped read-only. Its bytes are valid until
// Close; reading them afterwards crashes the process.
type File struct {
	data mmapgo.MMap
}

// Open maps the regular file at path. An empty file has no bytes to map and
// yields an empty File.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a mapping outlives its descriptor
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: expected a regular file, found %s", path, st.Mode().Type())
	}
	if st.Size() == 0 {
		return &File{}, nil
	}
	data, err := mmapgo.Map(f, mmapgo.RDONLY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	return &File{data: data}, nil
}

// Bytes returns the whole content. It must not be written to.
func (f *File) Bytes() []byte { return f.data }

// Close unmaps the file. Closing twice is harmless.
func (f *File) Close() error {
	if f.data == nil {
		return nil
	}
	err := f.data.Unmap()
	f.data = nil
	return err
}
