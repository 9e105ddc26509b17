package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gozoo/zoo/internal/bounded"
)

// Bounds of what is walked, so that links which multiply folders, or an archive of nothing but
// folders, end. ImageNet-21k has 14 million images.
const (
	maxFolders = 1 << 20
	maxImages  = 1 << 24
	maxLinks   = 8 // links in one path, where the file system cannot say what they lead to
)

// An entry is a file or folder of a folder, links followed.
type entry struct {
	name   string
	path   string
	folder bool
	link   bool
	odd    string // what it is where it is neither a folder nor a regular file
}

// A walker goes through the folders of a set.
type walker struct {
	ctx     context.Context
	fsys    fs.FS
	folders int
	images  int
	others  map[string]int // files that are no images, by suffix
	odd     []string       // paths of what is no regular file, and what it is instead
	twice   []string       // folders that were met before, by a link
	shut    []string       // folders that cannot be read, and why
}

func newWalker(ctx context.Context, fsys fs.FS) *walker {
	return &walker{ctx: ctx, fsys: fsys, others: make(map[string]int)}
}

// A realFS says which folder a path leads to when all links are followed.
type realFS interface {
	Real(name string) (string, error)
}

// entries returns what lies in a folder, by name, without what is hidden.
func (w *walker) entries(dir string) ([]entry, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	if w.folders++; w.folders > maxFolders {
		return nil, fmt.Errorf("more than %d folders: links may lead to the same ones again and again", maxFolders)
	}
	list, err := fs.ReadDir(w.fsys, dir)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(list))
	for _, d := range list {
		if hidden(d.Name()) {
			continue
		}
		e := entry{name: d.Name(), path: join(dir, d.Name())}
		mode := d.Type()
		if e.link = mode&fs.ModeSymlink != 0 || mode&fs.ModeIrregular != 0; e.link { // irregular: a junction of Windows
			if st, err := fs.Stat(w.fsys, e.path); err == nil {
				mode = st.Mode().Type()
			}
		}
		e.folder, e.odd = mode.IsDir(), kind(mode)
		entries = append(entries, e)
	}
	return entries, nil
}

// cause returns what the system says of a path, without the path.
func cause(err error) error {
	if perr := (*fs.PathError)(nil); errors.As(err, &perr) {
		return perr.Err
	}
	return err
}

// join is path.Join of a clean folder and a name as it is.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// kind names what is neither a folder nor a regular file; empty for those. A link is one that was
// followed, and led nowhere.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir(), m.IsRegular():
		return ""
	case m&fs.ModeSymlink != 0:
		return "a link that leads nowhere"
	}
	return bounded.Kind(m)
}

// each calls f with the path of each image in a folder and below, in the order of names. What
// counts as an image but is no regular file is passed to f too, and noted.
func (w *walker) each(dir string, f func(path, odd string) error) error {
	return w.below(dir, w.real(dir), 0, make(map[string]bool), f)
}

// real returns which folder a path leads to.
func (w *walker) real(dir string) string {
	if r, ok := w.fsys.(realFS); ok {
		if name, err := r.Real(dir); err == nil {
			return name
		}
	}
	return dir
}

// within reports whether a folder is another one or lies in it.
func within(dir, outer string) bool {
	return outer == "." || strings.HasPrefix(dir+"/", strings.TrimSuffix(outer, "/")+"/")
}

// below walks a folder that leads to real. Folders that were seen before, because a link leads
// to them or round in a circle, are not entered again: no image counts twice.
func (w *walker) below(dir, real string, links int, seen map[string]bool, f func(path, odd string) error) error {
	if seen[real] || links > maxLinks {
		w.twice = append(w.twice, dir)
		return nil
	}
	seen[real] = true
	entries, err := w.entries(dir)
	if err != nil {
		if !errors.As(err, new(*fs.PathError)) {
			return err
		}
		w.shut = append(w.shut, fmt.Sprintf("%s (%v)", dir, cause(err)))
		return nil
	}
	for _, e := range entries {
		switch {
		case e.folder:
			below, through := join(real, e.name), links
			if e.link {
				if below = w.real(e.path); below == e.path {
					through++
				}
				if within(real, below) { // the folder that the link lies in, again
					w.twice = append(w.twice, e.path)
					continue
				}
			}
			if err := w.below(e.path, below, through, seen, f); err != nil {
				return err
			}
		case IsImage(e.name):
			if w.images++; w.images > maxImages {
				return fmt.Errorf("more than %d images: evaluate them in several sets", maxImages)
			}
			if e.odd != "" {
				w.odd = append(w.odd, fmt.Sprintf("%s (%s)", e.path, e.odd))
			}
			if err := f(e.path, e.odd); err != nil {
				return err
			}
		case e.odd != "":
			w.odd = append(w.odd, fmt.Sprintf("%s (%s)", e.path, e.odd))
		default:
			w.others[strings.ToLower(path.Ext(e.name))]++
		}
	}
	return nil
}

// notes says what was met on the way that is no image.
func (w *walker) notes() []string {
	var notes []string
	if len(w.odd) > 0 {
		notes = append(notes, fmt.Sprintf("not opened, being no regular files: %s", some(w.odd)))
	}
	if len(w.twice) > 0 {
		notes = append(notes, fmt.Sprintf("links lead to folders that they lie in, or that were walked already, and were not followed: %s", some(w.twice)))
	}
	if len(w.others) > 0 {
		var kinds []string
		total := 0
		for _, suffix := range slices.Sorted(maps.Keys(w.others)) {
			n := w.others[suffix]
			total += n
			if suffix == "" {
				suffix = "no suffix"
			}
			kinds = append(kinds, fmt.Sprintf("%d of %s", n, suffix))
		}
		notes = append(notes, fmt.Sprintf("%s by the suffix: %s", count(total, "file is no image", "files are no images"), some(kinds)))
	}
	return notes
}

// ListImages returns the paths of the images in a folder and below, links followed, in the
// order of names. What is named as an image but cannot be opened as one is listed too.
func ListImages(ctx context.Context, fsys fs.FS, dir string) ([]string, error) {
	w := newWalker(ctx, fsys)
	var paths []string
	err := w.each(dir, func(path, _ string) error {
		paths = append(paths, path)
		return nil
	})
	if err == nil && len(w.shut) > 0 {
		err = fmt.Errorf("a folder cannot be read: %s", some(w.shut))
	}
	return paths, err
}
