package dataset

import (
	"fmt"
	"path"
	"strings"
)

// A locator finds the images that a list names. It reads each folder once.
type locator struct {
	w       *walker
	bases   []string
	folders map[string]map[string]string // by path: what lies there, and what it is where it is no regular file
}

// folder marks an entry that is a folder.
const folder = "a folder"

// locator returns where the images of a list in dir may lie: there, or where sets have them
// below it; the folders around a set that is alone in an archive count as dir.
func (w *walker) locator(dir string) *locator {
	l := &locator{w: w, folders: make(map[string]map[string]string)}
	for range maxNesting {
		l.bases = append(l.bases, dir)
		for _, below := range append([]string{"images", "val/images"}, nested...) {
			if base := join(dir, below); l.isFolder(base) {
				l.bases = append(l.bases, base)
			}
		}
		only := ""
		for name, what := range l.read(dir) {
			if what != folder || only != "" {
				return l
			}
			only = name
		}
		if only == "" {
			return l
		}
		dir = join(dir, only)
	}
	return l
}

func (l *locator) isFolder(p string) bool { return l.read(path.Dir(p))[path.Base(p)] == folder }

// read returns what lies in a folder; nothing where it is none. It goes down from the root, so
// that a path which leads nowhere costs nothing.
func (l *locator) read(dir string) map[string]string {
	at := l.load(".")
	if dir == "." {
		return at
	}
	for end := 0; end < len(dir); {
		next := strings.IndexByte(dir[end:], '/')
		if next < 0 {
			next = len(dir) - end
		}
		if at[dir[end:end+next]] != folder {
			return nil
		}
		at = l.load(dir[:end+next])
		end += next + 1
	}
	return at
}

// load reads a folder that is there.
func (l *locator) load(dir string) map[string]string {
	if files, ok := l.folders[dir]; ok {
		return files
	}
	entries, err := l.w.entries(dir)
	if err != nil {
		l.w.shut = append(l.w.shut, fmt.Sprintf("%s (%v)", dir, cause(err)))
	}
	files := make(map[string]string, len(entries))
	for _, e := range entries {
		if files[e.name] = e.odd; e.folder {
			files[e.name] = folder
		}
	}
	l.folders[dir] = files
	return files
}

// find returns the path of a listed image, or why it cannot be evaluated. The error is about a
// path that no set can have.
func (l *locator) find(name string) (found, why string, err error) {
	for _, name := range spellings(name) {
		if len(name) > maxPath {
			return "", "", fmt.Errorf("a path of %d bytes, expected at most %d", len(name), maxPath)
		}
		if strings.HasPrefix(name, "/") || name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, ":/") {
			return "", "", fmt.Errorf("path %q leaves the set: name images by their path within it", name)
		}
		for _, base := range l.bases {
			p := join(base, name)
			what, ok := l.read(path.Dir(p))[path.Base(p)]
			if !ok || what == folder {
				continue
			}
			if what != "" {
				return "", "that are no regular files", nil
			}
			return p, "", nil
		}
	}
	return "", "that are not there", nil
}

// spellings are the ways to understand a listed path: as it is, with Windows' separators, and
// without a suffix, which Kaggle leaves off.
func spellings(name string) []string {
	names := []string{name}
	if strings.Contains(name, `\`) {
		names = append(names, clean(strings.ReplaceAll(name, `\`, "/")))
	}
	if !IsImage(name) && validation.MatchString(path.Base(name)) {
		names = append(names, name+".JPEG")
	}
	return names
}

// unlisted counts the images beside those of a set.
func (l *locator) unlisted(items []Item) int {
	dirs := make(map[string]bool)
	images := 0
	for _, it := range items {
		dirs[path.Dir(it.Path)] = true
		if IsImage(it.Path) {
			images++
		}
	}
	n := -images
	for dir := range dirs {
		for name, what := range l.folders[dir] {
			if what != folder && IsImage(name) {
				n++
			}
		}
	}
	return n
}
