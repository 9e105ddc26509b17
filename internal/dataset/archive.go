package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of an archive, whose index is kept in memory.
const (
	maxPath    = 4096    // bytes of an entry's path, and of a link's target
	maxDirs    = 1 << 18 // folders
	maxHops    = 40      // links that one path may lead through, as on Linux
	maxEntries = 1 << 24
)

// nowhere is what a link leads to that leaves the archive: no entry has such a name.
const nowhere = "\x00"

// An Archive is a zip or tar file as a file system: read where its files lie, not unpacked. It may
// be used from several goroutines, and takes names in any encoding. Links within it are followed.
type Archive struct {
	root  *node
	dirs  int
	count int
	close func() error
}

// A node is a file, folder or link of an archive.
type node struct {
	name     string
	parent   *node
	children map[string]*node // of a folder
	link     string           // target of a link
	hard     bool             // the target is a path in the archive
	size     int64
	time     time.Time
	open     func() (io.ReadCloser, error) // of a file
}

func newArchive(close func() error) *Archive {
	return &Archive{root: &node{name: ".", children: make(map[string]*node)}, close: close}
}

// entryName returns an entry's path without a leading "./", if it lies within the archive.
func entryName(name string) (string, error) {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsRune(clean, 0) || len(clean) > maxPath {
		return "", fmt.Errorf("entry %.100q: expected a path within the archive", name)
	}
	return clean, nil
}

// folder returns the folder of a path, which is made where it is not there.
func (a *Archive) folder(name string) (*node, error) {
	at := a.root
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		next := at.children[part]
		if next == nil {
			if a.dirs++; a.dirs > maxDirs {
				return nil, fmt.Errorf("more than %d folders", maxDirs)
			}
			next = &node{name: strings.Clone(part), parent: at, children: make(map[string]*node)}
			at.children[next.name] = next
		}
		if next.children == nil {
			return nil, fmt.Errorf("entry %.100q is a file and a folder", name)
		}
		at = next
	}
	return at, nil
}

// add enters a file or a link.
func (a *Archive) add(name string, n *node) error {
	if a.count++; a.count > maxEntries {
		return fmt.Errorf("more than %d entries", maxEntries)
	}
	if name == "." {
		return fmt.Errorf("entry %.100q: expected a path within the archive", name)
	}
	parent, err := a.folder(path.Dir(name))
	if err != nil {
		return err
	}
	n.name, n.parent = strings.Clone(path.Base(name)), parent
	switch old := parent.children[n.name]; {
	case old == nil:
	case old.children != nil:
		return fmt.Errorf("entry %.100q is a file and a folder", name)
	default:
		return fmt.Errorf("entry %.100q is there twice", name)
	}
	parent.children[n.name] = n
	return nil
}

// done returns the archive when it holds anything.
func (a *Archive) done() (*Archive, error) {
	if a.count == 0 {
		return nil, errors.New("the archive holds no file")
	}
	return a, nil
}

// find returns what a path leads to, links followed; nil where nothing is there.
func (a *Archive) find(name string) *node {
	hops := maxHops
	return a.from(a.root, name, &hops)
}

func (a *Archive) from(at *node, name string, hops *int) *node {
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case ".", "":
			continue
		case "..":
			if at = at.parent; at == nil { // a link that leaves the archive
				return nil
			}
			continue
		}
		if at = at.children[part]; at == nil {
			return nil
		}
		for at != nil && at.link != "" {
			if *hops--; *hops < 0 {
				return nil
			}
			base := at.parent
			if at.hard {
				base = a.root
			}
			at = a.from(base, at.link, hops)
		}
		if at == nil {
			return nil
		}
	}
	return at
}

// Close closes the archive. Its file system must not be used afterwards.
func (a *Archive) Close() error { return a.close() }

// Real returns which folder a path leads to when all links are followed.
func (a *Archive) Real(name string) (string, error) {
	n := a.find(name)
	if n == nil {
		return "", notThere("stat", name)
	}
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append(parts, n.name)
	}
	slices.Reverse(parts)
	return path.Join(append([]string{"."}, parts...)...), nil
}

func notThere(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Open opens a file or folder of the archive.
func (a *Archive) Open(name string) (fs.File, error) {
	n := a.find(name)
	if name == "" || strings.HasPrefix(name, "/") || path.Clean(name) != name || n == nil {
		return nil, notThere("open", name)
	}
	info := nodeInfo{n, path.Base(name)}
	if n.children != nil {
		return &openDir{info, n.list()}, nil
	}
	r, err := n.open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err) // of this file, not of the archive
	}
	return &openFile{info, r}, nil
}

// Stat describes what a path leads to.
func (a *Archive) Stat(name string) (fs.FileInfo, error) {
	n := a.find(name)
	if n == nil {
		return nil, notThere("stat", name)
	}
	return nodeInfo{n, path.Base(name)}, nil
}

// list returns what lies in a folder, sorted by name.
func (n *node) list() []fs.DirEntry {
	entries := make([]fs.DirEntry, 0, len(n.children))
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		entries = append(entries, fs.FileInfoToDirEntry(nodeInfo{n.children[name], name}))
	}
	return entries
}

// nodeInfo describes a node by the name that it was asked for by.
type nodeInfo struct {
	n    *node
	name string
}

func (i nodeInfo) Name() string       { return i.name }
func (i nodeInfo) Size() int64        { return i.n.size }
func (i nodeInfo) ModTime() time.Time { return i.n.time }
func (i nodeInfo) IsDir() bool        { return i.n.children != nil }
func (i nodeInfo) Sys() any           { return nil }
func (i nodeInfo) Mode() fs.FileMode {
	switch {
	case i.n.children != nil:
		return fs.ModeDir | 0o555
	case i.n.link != "":
		return fs.ModeSymlink | 0o777
	}
	return 0o444
}

type openFile struct {
	nodeInfo
	io.ReadCloser
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.nodeInfo, nil }

type openDir struct {
	nodeInfo
	left []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.nodeInfo, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("it is a folder")}
}

// ReadDir returns the next n entries, all that are left for n of 0 or less.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.left)
	} else if len(d.left) == 0 {
		return nil, io.EOF
	}
	entries := slices.Clone(d.left[:min(n, len(d.left))])
	d.left = d.left[len(entries):]
	return entries, nil
}
