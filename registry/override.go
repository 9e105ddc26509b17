package registry

import "reflect"

// An Override says that a file changed facts of a row that is built into the program.
type Override struct {
	File string   // as Merge called it
	Keys []string // as in zoo.toml, such as "weights.url"; in the order of Entry
}

// A change is a row of a file over one of the same name.
type change struct {
	file     string
	old, new *row
}

// Overrides returns which files changed facts of the built-in row of that name, in the order in
// which they were merged; none where every fact is what the program itself says, and for rows
// that are not built in.
func (r *Registry) Overrides(name string) []Override {
	var overrides []Override
	for _, c := range r.changes[name] {
		old, err := c.old.get()
		if err != nil {
			continue // and so is the new one's
		}
		if new, err := c.new.get(); err == nil && new.Builtin != (Weights{}) {
			if keys := changed(old, new); len(keys) > 0 {
				overrides = append(overrides, Override{c.file, keys})
			}
		}
	}
	return overrides
}

// changed returns the keys of zoo.toml whose values differ between two entries.
func changed(old, new *Entry) []string {
	var keys []string
	var walk func(prefix string, x, y reflect.Value)
	walk = func(prefix string, x, y reflect.Value) {
		for i := range x.NumField() {
			tag := x.Type().Field(i).Tag.Get("toml")
			switch a, b := x.Field(i), y.Field(i); {
			case tag == "" || tag == "-":
			case isTable(a.Type()):
				walk(prefix+tag+".", a, b)
			case a.Kind() == reflect.Slice && reflect.DeepEqual(a.Interface(), b.Interface()):
			case a.Kind() == reflect.Slice || !a.Equal(b):
				keys = append(keys, prefix+tag)
			}
		}
	}
	walk("", reflect.ValueOf(old).Elem(), reflect.ValueOf(new).Elem())
	return keys
}

// isTable reports whether values of a type are tables of a row: structs with keys.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Tag.Get("toml") != ""
}
