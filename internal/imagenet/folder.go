package imagenet

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// An Item is one labelled image.
type Item struct {
	Path  string // slash-separated, within the dataset's file system
	Label int
}

// ListFile is the name of the file that labels a flat folder of images.
const ListFile = "val.txt"

// Walk returns the labelled images of a dataset, sorted by path. Two layouts are
// known: a file val.txt whose lines are "PATH LABEL", paths being relative to the
// root or to a folder val beside it; or one folder per class named by WordNet id.
// Labels must be below classes. An image that val.txt names twice, or that is
// not there, is an error.
func Walk(fsys fs.FS, classes int) ([]Item, error) {
	f, err := fsys.Open(ListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return walkClassFolders(fsys, classes)
	}
	if err != nil {
		return nil, fmt.Errorf("imagenet: %w", err)
	}
	defer f.Close()
	var items []Item
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		item, err := parseLine(line, classes)
		if err == nil {
			item.Path, err = locate(fsys, item.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("imagenet: %s line %d: %w", ListFile, n, err)
		}
		items = append(items, item)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("imagenet: %s: %w", ListFile, err)
	}
	slices.SortFunc(items, byPath)
	for i := 1; i < len(items); i++ {
		if items[i].Path == items[i-1].Path {
			return nil, fmt.Errorf("imagenet: %s: image %q is listed twice", ListFile, items[i].Path)
		}
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("imagenet: %s lists no image", ListFile)
	}
	return items, nil
}

func byPath(a, b Item) int { return strings.Compare(a.Path, b.Path) }

// parseLine splits "PATH LABEL" at the last space: paths may hold spaces.
func parseLine(line string, classes int) (Item, error) {
	at := strings.LastIndexAny(line, " \t")
	if at < 0 {
		return Item{}, fmt.Errorf("expected PATH LABEL, found %q", line)
	}
	label, err := strconv.Atoi(line[at+1:])
	if err != nil || label < 0 || label >= classes {
		return Item{}, fmt.Errorf("expected a label from 0 to %d, found %q", classes-1, line[at+1:])
	}
	return Item{Path: path.Clean(strings.TrimSpace(line[:at])), Label: label}, nil
}

// locate returns the path of a listed image, in the root or in the folder val.
func locate(fsys fs.FS, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", fmt.Errorf("path %q leaves the dataset", name)
	}
	for _, p := range []string{name, path.Join("val", name)} {
		if _, err := fs.Stat(fsys, p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("image %q is not there", name)
}

// walkClassFolders reads folders named by WordNet id, in the root or in val.
func walkClassFolders(fsys fs.FS, classes int) ([]Item, error) {
	root := "."
	if info, err := fs.Stat(fsys, "val"); err == nil && info.IsDir() {
		root = "val"
	}
	dirs, err := fs.ReadDir(fsys, root)
	if err != nil {
		return nil, fmt.Errorf("imagenet: %w", err)
	}
	var items []Item
	for _, dir := range dirs {
		label, ok := ByID(dir.Name())
		if !ok || !dir.IsDir() {
			continue
		}
		if label >= classes {
			return nil, fmt.Errorf("imagenet: folder %q is class %d, the model has %d classes", dir.Name(), label, classes)
		}
		files, err := fs.ReadDir(fsys, path.Join(root, dir.Name()))
		if err != nil {
			return nil, fmt.Errorf("imagenet: %w", err)
		}
		for _, f := range files {
			if f.IsDir() || strings.HasPrefix(f.Name(), ".") {
				continue
			}
			items = append(items, Item{Path: path.Join(root, dir.Name(), f.Name()), Label: label})
		}
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("imagenet: no %s and no folder of images named by WordNet id (such as n01440764)", ListFile)
	}
	slices.SortFunc(items, byPath)
	return items, nil
}
