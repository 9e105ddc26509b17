package imagenet

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A Tar is an uncompressed tar file as a file system: read where the files lie, not
// unpacked. It may be used from several goroutines.
type Tar struct {
	data  io.ReaderAt
	close func() error
	files map[string]tarFile
	dirs  map[string][]fs.DirEntry // by path, "." being the root; sorted by name
}

// maxPath bounds the paths of an archive, in bytes.
const maxPath = 4096

// tarFile is where a file lies in the archive.
type tarFile struct {
	info tarInfo
	at   int64
}

// OpenTar reads the directory of a tar file. Entries that are neither files nor folders
// are left out. Close it after use.
func OpenTar(name string) (*Tar, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("imagenet: %w", err)
	}
	st, err := f.Stat()
	if err == nil {
		var t *Tar
		if t, err = newTar(f, st.Size()); err == nil {
			t.close = f.Close
			return t, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("imagenet: %s: %w", name, err)
}

// newTar reads every header. Between them the reader seeks, so that it stands where a
// file's bytes begin when it has returned its header.
func newTar(data io.ReaderAt, size int64) (*Tar, error) {
	t := &Tar{data: data, files: make(map[string]tarFile), dirs: map[string][]fs.DirEntry{".": nil}}
	section := io.NewSectionReader(data, 0, size)
	r := tar.NewReader(section)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("expected an uncompressed tar file: %w", err)
		}
		name := path.Clean(strings.TrimPrefix(h.Name, "./"))
		switch {
		case h.Typeflag == tar.TypeDir && fs.ValidPath(name) && len(name) <= maxPath:
			t.addDir(name)
			continue
		case h.Typeflag != tar.TypeReg:
			continue
		case !fs.ValidPath(name) || name == "." || len(name) > maxPath:
			return nil, fmt.Errorf("entry %.100q: expected a path within the archive", h.Name)
		case slices.ContainsFunc(slices.Collect(maps.Keys(h.PAXRecords)), func(key string) bool { return strings.HasPrefix(key, "GNU.sparse.") }):
			return nil, fmt.Errorf("entry %q: sparse files are not read", name)
		}
		at, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if h.Size > size-at {
			return nil, fmt.Errorf("entry %q: %d bytes, the archive ends after %d", name, h.Size, size-at)
		}
		if _, ok := t.files[name]; ok {
			return nil, fmt.Errorf("entry %q is there twice", name)
		}
		info := tarInfo{name: path.Base(name), size: h.Size, mode: 0o444, time: h.ModTime}
		t.files[name] = tarFile{info, at}
		dir := path.Dir(name)
		t.addDir(dir)
		t.dirs[dir] = append(t.dirs[dir], fs.FileInfoToDirEntry(info))
	}
	if len(t.files) == 0 {
		return nil, errors.New("the archive holds no file")
	}
	for name, entries := range t.dirs {
		if _, ok := t.files[name]; ok {
			return nil, fmt.Errorf("entry %q is a file and a folder", name)
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return t, nil
}

// addDir makes a folder, and those that it lies in, known.
func (t *Tar) addDir(name string) {
	if _, ok := t.dirs[name]; ok {
		return
	}
	t.dirs[name] = nil
	parent := path.Dir(name)
	t.addDir(parent)
	t.dirs[parent] = append(t.dirs[parent], fs.FileInfoToDirEntry(dirInfo(name)))
}

// Close closes the archive. Its file system must not be used afterwards.
func (t *Tar) Close() error { return t.close() }

// Open opens a file or folder of the archive.
func (t *Tar) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if f, ok := t.files[name]; ok {
		return &openTarFile{f.info, io.NewSectionReader(t.data, f.at, f.info.size)}, nil
	}
	if entries, ok := t.dirs[name]; ok {
		return &openTarDir{dirInfo(name), entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile returns a file's bytes.
func (t *Tar) ReadFile(name string) ([]byte, error) {
	f, ok := t.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	var b bytes.Buffer // grows with what is there, whatever the header says
	if _, err := io.Copy(&b, io.NewSectionReader(t.data, f.at, f.info.size)); err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b.Bytes(), nil
}

// tarInfo is a file or folder of an archive.
type tarInfo struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func dirInfo(name string) tarInfo {
	return tarInfo{name: path.Base(name), mode: fs.ModeDir | 0o555}
}

func (i tarInfo) Name() string       { return i.name }
func (i tarInfo) Size() int64        { return i.size }
func (i tarInfo) Mode() fs.FileMode  { return i.mode }
func (i tarInfo) ModTime() time.Time { return i.time }
func (i tarInfo) IsDir() bool        { return i.mode.IsDir() }
func (i tarInfo) Sys() any           { return nil }

type openTarFile struct {
	info tarInfo
	*io.SectionReader
}

func (f *openTarFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openTarFile) Close() error               { return nil }

type openTarDir struct {
	info tarInfo
	left []fs.DirEntry
}

func (d *openTarDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openTarDir) Close() error               { return nil }
func (d *openTarDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errors.New("it is a folder")}
}

// ReadDir returns the next n entries, all that are left for n of 0 or less.
func (d *openTarDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.left)
	} else if len(d.left) == 0 {
		return nil, io.EOF
	}
	entries := slices.Clone(d.left[:min(n, len(d.left))])
	d.left = d.left[len(entries):]
	return entries, nil
}
