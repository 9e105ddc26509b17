package zoo

import (
	"fmt"
	"path"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
)

// Lookup returns the entry of a name, or of an alias, and tells once what that stands for: it is the
// entry's name that files, locks, goldens and outputs carry. The errors are those of
// registry.Registry.Lookup.
func (z *Zoo) Lookup(name string) (*registry.Entry, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	row, isAlias := z.registry.Alias(name)
	if !isAlias {
		return entry, nil
	}
	if _, told := z.told.LoadOrStore("alias "+name, true); told {
		return entry, nil
	}
	if row == entry.Name {
		z.notice(fmt.Sprintf("%s stands for %s", name, row))
	} else {
		z.notice(fmt.Sprintf("%s is a row of its own here, and does not stand for %s", name, row))
	}
	return entry, nil
}

// Entries returns the entries of names, aliases and patterns of path.Match, each once, in the order
// given. A pattern stands for the rows whose names it matches, without those that are not right,
// of which notices tell; one that matches none is an *registry.UnknownError.
func (z *Zoo) Entries(names ...string) ([]*registry.Entry, error) {
	var out []*registry.Entry
	seen := make(map[*registry.Entry]bool)
	for _, name := range names {
		var found []*registry.Entry
		if registry.IsPattern(name) {
			if _, err := path.Match(name, ""); err != nil {
				return nil, option.Errorf("", "zoo: pattern %q: %w", name, err)
			}
			found = z.registry.Match(name)
			for _, err := range z.registry.Faults(name) {
				z.notice(fmt.Sprintf("left out: %v", err))
			}
		}
		if len(found) == 0 {
			entry, err := z.Lookup(name)
			if err != nil {
				return nil, err
			}
			found = append(found, entry)
		}
		for _, entry := range found {
			if !seen[entry] {
				seen[entry] = true
				out = append(out, entry)
			}
		}
	}
	return out, nil
}
