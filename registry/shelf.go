package registry

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// A Shelf is the part of a catalogue that lists another zoo: its rows have names that begin with
// the zoo's and a slash, such as timm/resnet50.a1_in1k. It is read when one of them is asked for.
type shelf struct {
	zoo  string
	read func() *Registry // panics where the text is wrong, as Embedded does
}

// WithShelf returns a registry that also lists another zoo, whose catalogue is part of the program: text
// is asked for once, when a name that begins with the zoo's and a slash is. Patterns without a slash do not
// match its rows. Like Embedded's, a test has to have parsed the text.
func (r *Registry) WithShelf(zoo, file string, text func() string) *Registry {
	out := r.clone()
	out.shelves = append(slices.Clip(r.shelves), shelf{zoo, sync.OnceValue(func() *Registry { return Embedded(file, text()) })})
	return out
}

// Zoos returns the names of the other zoos that the registry lists, in the order in which they were added.
func (r *Registry) Zoos() []string {
	var zoos []string
	for _, s := range r.shelves {
		zoos = append(zoos, s.zoo)
	}
	return zoos
}

// shelf returns the rows of the zoo that a name begins with; nil where it begins with none.
func (r *Registry) shelf(name string) *Registry {
	zoo, _, ok := strings.Cut(name, "/")
	if !ok {
		return nil
	}
	for _, s := range r.shelves {
		if s.zoo == zoo {
			return s.read()
		}
	}
	return nil
}

// row returns the row of a name; nil for none.
func (r *Registry) row(name string) *row {
	if row := r.rows[name]; row != nil {
		return row
	}
	if s := r.shelf(name); s != nil {
		return s.rows[name]
	}
	return nil
}

// matching returns the names of rows that match a pattern of path.Match, sorted; none for a malformed one.
func (r *Registry) matching(glob string) []string {
	var names []string
	add := func(all []string) {
		for _, name := range all {
			if ok, err := path.Match(glob, name); ok && err == nil {
				names = append(names, name)
			}
		}
	}
	add(r.names)
	before, _, slash := strings.Cut(glob, "/")
	for _, s := range r.shelves {
		if ok, err := path.Match(before, s.zoo); slash && ok && err == nil {
			add(s.read().names)
		}
	}
	slices.Sort(names)
	return slices.Compact(names) // a file may have a row over one of a shelf
}

// all returns the names of all rows, sorted, those of other zoos among them.
func (r *Registry) all() []string {
	names := slices.Clone(r.names)
	for _, s := range r.shelves {
		names = append(names, s.read().names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
