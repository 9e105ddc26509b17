// Package imagenet knows ImageNet-1k's classes and reads labelled image folders.
package imagenet

import (
	_ "embed"
	"strings"
	"sync"
)

// classes.tsv has one line per class, in label order: WordNet id, tab, the
// lemmas joined by ", ". The order is that of the sorted ids, and the names are
// those that upstream's inference prints. They are not unique: "crane" is both
// class 134 and class 517.
//
//go:embed classes.tsv
var classesTSV string

var table = sync.OnceValue(func() (t struct {
	ids, names []string
	index      map[string]int
}) {
	t.index = make(map[string]int)
	for line := range strings.Lines(classesTSV) {
		id, name, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		t.index[id] = len(t.ids)
		t.ids = append(t.ids, id)
		t.names = append(t.names, name)
	}
	return t
})

// Names returns the names of the 1000 classes in label order. The caller must
// not change the slice.
func Names() []string { return table().names }

// ByID returns the label of a WordNet id such as "n01440764", and whether it is
// one of the 1000.
func ByID(id string) (label int, ok bool) {
	label, ok = table().index[id]
	return label, ok
}
