package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Embedded returns the registry of a zoo.toml that is part of the program. It equals the one
// that Parse returns but for Entry.Builtin, and parses a row when the row is first asked for. A test has to call
// Parse on the text. Where the text is wrong, Embedded panics, like regexp.MustCompile; where
// a row is wrong, the first look at that row panics.
//
// The header of a table begins a line, which nothing else does with a bracket, and the
// tables of a row follow one another.
func Embedded(file, text string) *Registry {
	r := &Registry{rows: make(map[string]func() *Entry)}
	name, begin := "", 0
	add := func(end int) {
		if name == "" {
			return // nothing but comments so far
		}
		if r.rows[name] != nil {
			panic(fmt.Sprintf("registry: %s: entry %q: its tables do not follow one another", file, name))
		}
		name, text := name, text[begin:end]
		r.rows[name] = sync.OnceValue(func() *Entry {
			rows, err := decode(text, new(Registry))
			if err != nil {
				panic(fmt.Sprintf("registry: %s: %v", file, err))
			}
			entry := rows[name]
			entry.Builtin = entry.Weights
			return entry
		})
	}
	const header = "\n["
	lines := "\n" + text // so that every header follows a newline: the bracket is at its place in text
	for at := 0; ; at++ {
		next := strings.Index(lines[at:], header)
		if next < 0 {
			break
		}
		at += next
		if table := firstKey(text[at+1:]); table != name {
			add(at)
			name, begin = table, at
		}
	}
	add(len(text))
	r.names = slices.Sorted(maps.Keys(r.rows))
	return r
}

// firstKey returns the first part of the key that s begins with: a table's, without its
// bracket.
func firstKey(s string) string {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		key, _, _ := strings.Cut(quoted, `"`)
		return key
	}
	return s[:max(0, strings.IndexAny(s, ".]"))]
}
