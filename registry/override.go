package registry

import (
	"reflect"
	"slices"
)

// An Override says that a file changed facts of a row that is built into the program.
type Override struct {
	File string   // as Merge called it
	Keys []string // as in zoo.toml, such as "weights.url"; in the order of Entry
}

// Overrides returns which files changed facts of the built-in row of that name, in the order in
// which they were merged; none where every fact is what the program itself says, and for rows
// that are not built in.
func (r *Registry) Overrides(name string) []Override { return r.overrides[name] }

// override notes what a file changed. A Registry that others hold stays as it is.
func (r *Registry) override(name, file string, keys []string) {
	if len(keys) == 0 {
		return
	}
	if r.overrides == nil {
		r.overrides = make(map[string][]Override)
	}
	r.overrides[name] = append(slices.Clip(r.overrides[name]), Override{file, keys})
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
			case !a.Equal(b):
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
