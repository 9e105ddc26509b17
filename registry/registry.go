package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Registry holds entries by name. It does not change, and may be used from
// several goroutines. The zero Registry is empty.
//
// A row is decoded when it is first asked for, so that a catalogue of many rows costs little
// and one bad row nothing else: whoever asks for it gets a *RowError.
type Registry struct {
	rows  map[string]*row
	names []string // sorted
	// aliases are in the order in which files list them. Where a later file has a row of an alias's
	// name, the alias stays, and Lookup finds the row.
	aliases []Alias

	changes map[string][]change // of rows that were there before, in the order of the files
	shelves []shelf             // of other zoos
}

// A row is an entry once it has been asked for.
type row struct {
	read  func(depth int) (*Entry, error)
	once  sync.Once
	entry *Entry
	err   error
}

// get returns the entry, always the same.
func (r *row) get() (*Entry, error) {
	r.once.Do(func() { r.entry, r.err = r.read(0) })
	return r.entry, r.err
}

// A RowError says that a row of a file is not one: it names the file, the row and the key.
type RowError struct {
	File, Name string
	Err        error
}

func (e *RowError) Error() string {
	return fmt.Sprintf("registry: %s: entry %q: %v", e.File, e.Name, e.Err)
}

// Unwrap returns what is wrong with the row.
func (e *RowError) Unwrap() error { return e.Err }

// Parse reads the text of a zoo.toml whose rows are all complete and right. The error is a
// *RowError where a row is not; else it names the file and the line.
func Parse(file string, data []byte) (*Registry, error) {
	r, err := new(Registry).Merge(file, data)
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Embedded returns the registry of a zoo.toml that is part of the program. It equals the one
// that Parse returns but for Entry.Builtin. A test has to call Parse on the text: where the
// text is wrong, Embedded panics, like regexp.MustCompile.
func Embedded(file, text string) *Registry {
	r, err := new(Registry).merge(file, text, true)
	if err != nil {
		panic(err.Error())
	}
	return r
}

// Merge returns a registry with the rows of another zoo.toml over those of r. A
// row of a known name replaces the facts that it states and keeps the others; a
// new row must be complete, or name the row that it is like as its base. Rows are looked at
// when they are asked for: see Check. Aliases are looked at here. The error says in which line the
// text cannot be taken apart into rows, or which alias cannot be one.
func (r *Registry) Merge(file string, data []byte) (*Registry, error) {
	return r.merge(file, string(data), false)
}

func (r *Registry) merge(file, text string, builtin bool) (*Registry, error) {
	pieces, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("registry: %s: %w", file, err)
	}
	merged := &Registry{
		rows: make(map[string]*row, len(r.rows)+len(pieces)), aliases: r.aliases, changes: maps.Clone(r.changes), shelves: r.shelves,
	}
	maps.Copy(merged.rows, r.rows)
	// Names become file names, and some file systems ignore case.
	folded := make(map[string]string, len(merged.rows))
	for name := range r.rows {
		folded[strings.ToLower(name)] = name
	}
	var aliases *source
	for i := range pieces {
		s := &source{file: file, text: text, piece: &pieces[i], below: r, beside: merged, builtin: builtin}
		name := s.piece.name
		if name == aliasTable {
			aliases = s
			continue
		}
		key := strings.ToLower(name)
		if other, ok := folded[key]; ok && other != name {
			s.twin = other
		} else {
			folded[key] = name
		}
		new := &row{read: s.entry}
		if old := r.row(name); old != nil {
			if merged.changes == nil {
				merged.changes = make(map[string][]change)
			}
			merged.changes[name] = append(slices.Clip(merged.changes[name]), change{file, old, new})
		}
		merged.rows[name] = new
	}
	merged.names = slices.Sorted(maps.Keys(merged.rows))
	if aliases != nil {
		if err := merged.alias(aliases, folded); err != nil {
			return nil, fmt.Errorf("registry: %s: %w", file, err)
		}
	}
	return merged, nil
}

// Check returns the *RowError of the first row, by name, that is not right.
func (r *Registry) Check() error {
	for _, name := range r.names {
		if _, err := r.rows[name].get(); err != nil {
			return err
		}
	}
	return nil
}

// Lookup returns the entry of that name, else of that alias: its Name tells which. The error is an
// *UnknownError, or the *RowError of the row.
func (r *Registry) Lookup(name string) (*Entry, error) {
	if row, ok := r.Alias(name); ok && r.row(name) == nil {
		name = row
	}
	return r.Row(name)
}

// Row is Lookup without aliases, for names that nobody typed.
func (r *Registry) Row(name string) (*Entry, error) {
	if row := r.row(name); row != nil {
		return row.get()
	}
	return nil, &UnknownError{Name: name, Near: r.Near(name)}
}

// Names returns the names of all rows, sorted, without a look at them, but for those of other zoos.
func (r *Registry) Names() []string { return slices.Clone(r.names) }

// Match returns the entries whose names match a pattern of path.Match, in which * stands for no slash, sorted by
// name; none for a malformed pattern. Rows that are not right are left out: see Faults.
func (r *Registry) Match(glob string) []*Entry {
	entries, _ := r.match(glob)
	return entries
}

// Faults returns the *RowErrors of the rows that Match leaves out, sorted by name.
func (r *Registry) Faults(glob string) []error {
	_, faults := r.match(glob)
	return faults
}

func (r *Registry) match(glob string) (entries []*Entry, faults []error) {
	for _, name := range r.matching(glob) {
		if entry, err := r.row(name).get(); err != nil {
			faults = append(faults, err)
		} else {
			entries = append(entries, entry)
		}
	}
	return entries, faults
}

// All returns every entry, sorted by name, but those of other zoos and of rows that are not right.
func (r *Registry) All() []*Entry {
	entries, _ := r.match("*")
	return entries
}
