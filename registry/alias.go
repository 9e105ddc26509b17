package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// aliasTable is the table of a zoo.toml that holds aliases: no row is called so.
const aliasTable = "aliases"

// An Alias is another name of a row. It stands for the row where a name is asked for, and nowhere
// else: files, locks, goldens and outputs carry the name of the row.
type Alias struct {
	Name, Row string
	file      string
}

// Aliases returns all aliases in the order in which they were listed: of names that are equally
// near to what was asked for, the one that is listed first is meant.
func (r *Registry) Aliases() []Alias { return slices.Clone(r.aliases) }

// Alias returns the row that a name is an alias of, also where a row of that very name comes
// before the alias: see Lookup.
func (r *Registry) Alias(name string) (row string, ok bool) {
	i := slices.IndexFunc(r.aliases, func(a Alias) bool { return a.Name == name })
	if i >= 0 {
		return r.aliases[i].Row, true
	}
	if s := r.shelf(name); s != nil {
		return s.Alias(name)
	}
	return "", false
}

// alias adds the aliases that a file lists to those of the files below. Folded holds the rows' names in
// lower case. An alias that is known already for the same row is left as it is, so that a file may be read
// twice.
func (r *Registry) alias(s *source, folded map[string]string) error {
	var tables map[string]any
	meta, err := toml.Decode(s.piece.text(s.text), &tables)
	if err != nil {
		return fmt.Errorf("%s: %w", aliasTable, s.located(err))
	}
	table, ok := tables[aliasTable].(map[string]any)
	if !ok {
		return fmt.Errorf("%s: expected one table [%[1]s], found several", aliasTable)
	}
	r.aliases = slices.Clone(r.aliases) // which the registry below has, too
	known := make(map[string]Alias, len(r.aliases)+len(table))
	for _, a := range r.aliases {
		known[strings.ToLower(a.Name)] = a
	}
	for _, key := range meta.Keys() {
		if len(key) == 1 {
			continue
		}
		row, ok := table[key[1]].(string)
		if !ok {
			return fmt.Errorf("alias %q: expected the name of a row in quotes, found %v", key[1], table[key[1]])
		}
		a := Alias{key[1], row, s.file}
		other, twice := known[strings.ToLower(a.Name)]
		if twice && other.Name == a.Name && other.Row == a.Row {
			continue
		}
		err := CheckName(a.Name)
		switch row, taken := folded[strings.ToLower(a.Name)]; {
		case err != nil:
		case r.row(a.Row) == nil:
			err = fmt.Errorf("no row is called so: %s", hint(r.Near(a.Row)))
		case taken:
			err = fmt.Errorf("there is a row %q, and a row comes before an alias: choose another", row)
		case twice:
			err = fmt.Errorf("%q is an alias of %s already, in %s: choose another", other.Name, other.Row, other.file)
		}
		if err != nil {
			return fmt.Errorf("alias %q of %q: %w", a.Name, a.Row, err)
		}
		known[strings.ToLower(a.Name)] = a
		r.aliases = append(r.aliases, a)
	}
	return nil
}
