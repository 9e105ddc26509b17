package imagenet

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// An Item is one labelled image.
type Item struct {
	Path  string // slash-separated, within the set's file system
	Label int
}

// A Set is a labelled set of images.
type Set struct {
	Items []Item // sorted by path
	// Notes are sentences about the set that its user should read: how labels were
	// understood, and what looks wrong.
	Notes []string
}

// Options says how to read a set.
type Options struct {
	// Classes is how many classes there are; labels must be below.
	Classes int
	// Names are the classes' names in label order, where folders may be named so;
	// may be nil.
	Names []string
	// List is the text of a list that is not in the set's file system; may be nil.
	List []byte
}

// Files that label a flat folder of images.
const (
	ListFile  = "val.txt"                                // lines of "PATH LABEL"
	TruthFile = "ILSVRC2012_validation_ground_truth.txt" // the development kit's: a number a line
)

// Walk returns the labelled images of a set. Three layouts are known: a file val.txt
// whose lines are "PATH LABEL", the development kit's file of numbers, or one folder
// per class named by WordNet id or by class name. Paths are relative to the root or to
// a folder val in it. An image that is listed twice, or that is not there, is an error.
func Walk(fsys fs.FS, o Options) (*Set, error) {
	set := &Set{}
	var err error
	list := o.List
	if list == nil {
		list, err = fs.ReadFile(fsys, ListFile)
	}
	switch {
	case err == nil:
		err = set.readList(fsys, list, o.Classes)
	case errors.Is(err, fs.ErrNotExist):
		var truth []byte
		if truth, err = fs.ReadFile(fsys, TruthFile); err == nil {
			err = set.readTruth(fsys, truth, o.Classes)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = set.walkClasses(fsys, o)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("imagenet: %w", err)
	}
	slices.SortFunc(set.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(set.Items); i++ {
		if set.Items[i].Path == set.Items[i-1].Path {
			return nil, fmt.Errorf("imagenet: image %q is listed twice", set.Items[i].Path)
		}
	}
	return set, nil
}

// locate returns the path of a listed image, in the root or in the folder val.
func locate(fsys fs.FS, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", fmt.Errorf("path %q leaves the set", name)
	}
	for _, p := range []string{name, path.Join("val", name)} {
		if info, err := fs.Stat(fsys, p); err == nil && !info.IsDir() {
			return p, nil
		}
	}
	return "", fmt.Errorf("image %q is not there", name)
}

// walkClasses reads folders named by class, in the root or in val.
func (s *Set) walkClasses(fsys fs.FS, o Options) error {
	root := "."
	if info, err := fs.Stat(fsys, "val"); err == nil && info.IsDir() {
		root = "val"
	}
	dirs, err := fs.ReadDir(fsys, root)
	if err != nil {
		return err
	}
	found := false
	for _, dir := range dirs {
		label, ok := o.class(dir.Name())
		if !ok || !dir.IsDir() {
			continue
		}
		found = true
		if label >= o.Classes {
			return fmt.Errorf("folder %q is class %d, the model has %d classes", dir.Name(), label, o.Classes)
		}
		files, err := fs.ReadDir(fsys, path.Join(root, dir.Name()))
		if err != nil {
			return err
		}
		before := len(s.Items)
		for _, f := range files {
			if f.IsDir() || strings.HasPrefix(f.Name(), ".") {
				continue
			}
			s.Items = append(s.Items, Item{Path: path.Join(root, dir.Name(), f.Name()), Label: label})
		}
		if len(s.Items) == before {
			s.Notes = append(s.Notes, fmt.Sprintf("class %d: the folder %s holds no image", label, path.Join(root, dir.Name())))
		}
	}
	switch {
	case !found:
		return fmt.Errorf("no %s and no folder of images named by class, such as n01440764", ListFile)
	case len(s.Items) == 0:
		return errors.New("the folders of classes hold no image")
	}
	return nil
}

// class returns the label of a folder's name: a WordNet id, or one of the given names.
func (o Options) class(folder string) (int, bool) {
	if label := slices.Index(o.Names, folder); label >= 0 {
		return label, true
	}
	return ByID(folder)
}
