package registry

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Registry holds entries by name. It does not change, and may be used from
// several goroutines. The zero Registry is empty.
type Registry struct {
	rows  map[string]func() *Entry // each returns the same entry always
	names []string                 // sorted

	overrides map[string][]Override // of built-in rows
}

// Parse reads the text of a zoo.toml whose rows are all complete. Errors name the file, the
// entry and the key.
func Parse(file string, data []byte) (*Registry, error) {
	return new(Registry).Merge(file, data)
}

// Merge returns a registry with the rows of another zoo.toml over those of r. A
// row of a known name replaces the facts that it states and keeps the others; a
// new row must be complete. Errors name the entry and the key.
func (r *Registry) Merge(file string, data []byte) (*Registry, error) {
	entries, err := decode(string(data), r)
	if err != nil {
		return nil, fmt.Errorf("registry: %s: %w", file, err)
	}
	merged := &Registry{rows: make(map[string]func() *Entry, len(r.rows)+len(entries))}
	maps.Copy(merged.rows, r.rows)
	merged.overrides = maps.Clone(r.overrides)
	for name, e := range entries {
		merged.rows[name] = func() *Entry { return e }
		if e.Builtin != (Weights{}) {
			merged.override(name, file, changed(r.rows[name](), e))
		}
	}
	merged.names = slices.Sorted(maps.Keys(merged.rows))
	// Names become file names, and some file systems ignore case.
	folded := make(map[string]string, len(merged.names))
	for _, name := range merged.names {
		key := strings.ToLower(name)
		if other, ok := folded[key]; ok {
			return nil, fmt.Errorf("registry: %s: entries %q and %q differ in case only", file, other, name)
		}
		folded[key] = name
	}
	return merged, nil
}

// Lookup returns the entry of that name, or an *UnknownError.
func (r *Registry) Lookup(name string) (*Entry, error) {
	if entry, ok := r.rows[name]; ok {
		return entry(), nil
	}
	return nil, &UnknownError{Name: name, Near: nearest(name, r.names)}
}

// Match returns the entries whose names match a pattern of path.Match, sorted by
// name; none for a malformed pattern.
func (r *Registry) Match(glob string) []*Entry {
	var out []*Entry
	for _, name := range r.names {
		if ok, err := path.Match(glob, name); ok && err == nil {
			out = append(out, r.rows[name]())
		}
	}
	return out
}

// All returns every entry, sorted by name.
func (r *Registry) All() []*Entry {
	out := make([]*Entry, len(r.names))
	for i, name := range r.names {
		out[i] = r.rows[name]()
	}
	return out
}
