// Package dataset reads labelled sets of images: folders and archives, in the layouts that
// ImageNet and what came after it are published in.
package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gozoo/zoo/printable"
)

// An Item is one labelled image.
type Item struct {
	Path  string // slash-separated, within the set's file system
	Label int    // row of the classifier
	Also  []int  // rows that are right too; nil for none
}

// A Set is a labelled set of images.
type Set struct {
	Items []Item // sorted by path
	// Left are images that are there, or are listed, and have no place among Items.
	Left []Left
	// Notes are sentences about the set that its user should read: how labels were
	// understood, and what looks wrong.
	Notes []string
	// Benchmark names the set that ImageNet's classifiers are measured on beside ImageNet's own,
	// such as "ImageNet-A"; empty for none. Figures published for ImageNet say nothing of it.
	Benchmark string
	// Scored are the rows, in order, of the classes that the benchmark is about: it is defined as
	// the best among these. Nil means all rows.
	Scored []int

	dir string // that the classes' folders, or the list, lie in
}

// Left says of some images why they are not evaluated.
type Left struct {
	Why   string
	Count int
	Where []string // the first folders, images or lines
}

func (l Left) String() string {
	return fmt.Sprintf("%s %s: %s", count(l.Count, "image", "images"), l.Why, listed(l.Where))
}

// LeftOut returns how many images are not evaluated.
func (s *Set) LeftOut() int {
	n := 0
	for _, l := range s.Left {
		n += l.Count
	}
	return n
}

// leave notes that n images are not evaluated.
func (s *Set) leave(why, where string, n int) {
	i := slices.IndexFunc(s.Left, func(l Left) bool { return l.Why == why })
	if i < 0 {
		i, s.Left = len(s.Left), append(s.Left, Left{Why: why})
	}
	l := &s.Left[i]
	if l.Count += n; len(l.Where) < shown+1 {
		l.Where = append(l.Where, where)
	}
}

func (s *Set) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// Options says how to read a set.
type Options struct {
	// Classes is how many rows the classifier has; labels must be below.
	Classes int
	// Offset is how many rows stand before that of the first class, such as 1 where row 0
	// means background. Labels in sets count classes, without these rows.
	Offset int
	// Names are the names, and IDs the WordNet ids or other short names, that folders and
	// lists may label images by, in the order of the rows, with those before the first class
	// or without them. Each may be nil.
	Names, IDs []string
	// List is the text of a list that is not in the set's file system, and ListName what
	// messages call it; may be nil.
	List     []byte
	ListName string
	// Name is what the set is called, such as its path.
	Name string
}

// Walk returns the labelled images of a set, in one of the layouts of evaluate.OpenData. They
// may lie below a folder that is alone, or called val, or as the archives of ImageNet have them.
// An image that is listed twice is an error; images that cannot be labelled are in Left.
func Walk(ctx context.Context, fsys fs.FS, o Options) (*Set, error) {
	s := &Set{}
	w := newWalker(ctx, fsys)
	var err error
	if o.List != nil {
		err = s.readList(w, o, ".", o.ListName, o.List)
	} else {
		err = s.find(w, o, ".", 0)
	}
	if err != nil {
		return nil, fmt.Errorf("data set: %w", err)
	}
	for _, shut := range w.shut {
		s.leave("in folders that cannot be read", shut, 1)
	}
	s.Notes = append(s.Notes, w.notes()...)
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(s.Items); i++ {
		if s.Items[i].Path == s.Items[i-1].Path {
			return nil, fmt.Errorf("data set: image %q is listed twice", s.Items[i].Path)
		}
	}
	s.recognise(o)
	s.missing(o)
	return s, nil
}

// nested are folders that the labelled images lie in where there are others beside them, the
// likeliest first. The longer ones are those of ILSVRC's archives.
var nested = []string{"val", "validation", "ILSVRC/Data/CLS-LOC/val", "Data/CLS-LOC/val", "CLS-LOC/val"}

// maxNesting bounds how many folders lie around a set.
const maxNesting = 8

// find reads the set that lies in a folder: labelled by a list, by folders, or below.
func (s *Set) find(w *walker, o Options, dir string, depth int) error {
	for _, name := range []string{ListFile, KaggleFile, TinyFile, TruthFile} {
		list, err := ReadList(w.fsys, join(dir, name))
		if err == nil {
			s.dir = dir
			return s.readList(w, o, dir, name, list)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	entries, err := w.entries(dir)
	if err != nil {
		return err
	}
	var folders []entry
	images := 0
	for _, e := range entries {
		if e.folder {
			folders = append(folders, e)
		} else if IsImage(e.name) {
			images++
		}
	}
	labels, how, err := s.folderLabels(w, o, folders)
	if err != nil {
		return err
	}
	if len(labels) > 0 {
		if how != "" {
			s.note("%s", how)
		}
		s.dir = dir
		return s.readFolders(w, o, entries, labels)
	}
	for _, below := range nested {
		inside := join(dir, below)
		if st, err := fs.Stat(w.fsys, inside); err != nil || !st.IsDir() || depth == maxNesting {
			continue
		}
		if first, _, _ := strings.Cut(below, "/"); len(folders) > 1 && first == below {
			s.note("the set is the folder %s; others lie beside it: %s", inside, some(without(folders, first)))
		}
		return s.find(w, o, inside, depth+1)
	}
	if len(folders) == 1 && images == 0 && depth < maxNesting && !wordNet.MatchString(folders[0].name) {
		if err := s.find(w, o, folders[0].path, depth+1); !errors.Is(err, errNoFolders) {
			return err
		}
	}
	return o.unknown(folders, images)
}

func without(folders []entry, name string) []string {
	var names []string
	for _, f := range folders {
		if f.name != name {
			names = append(names, printable.Text(f.name))
		}
	}
	return names
}

// missing notes which classes have no image.
func (s *Set) missing(o Options) {
	have := make(map[int]bool)
	for _, it := range s.Items {
		have[it.Label] = true
	}
	scored, whose := s.Scored, s.Benchmark+"'s"
	if scored == nil {
		whose = "the"
		for label := o.Offset; label < o.Classes; label++ {
			scored = append(scored, label)
		}
	}
	if len(have) >= len(scored) || len(have) == 0 {
		return
	}
	var names []string
	for _, label := range scored {
		if !have[label] {
			name, _, _ := strings.Cut(o.named(label), ",")
			names = append(names, name)
		}
	}
	s.note("%d of %s %d classes have no image in the set: %s", len(names), whose, len(scored), listed(names))
}
