// Package imagenet knows ImageNet-1k's classes.
package imagenet

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// classes.tsv has one line per class, in label order: WordNet id, tab, the number in
// the ILSVRC development kit (from 1), tab, the lemmas joined by ", ", tab, the marks of the
// subsets that have the class, which gen/subsets.py writes. The order is that of the sorted
// ids, and the names are those that upstream's inference prints. They are not unique: "crane"
// is both class 134 and class 517.
//
//go:embed classes.tsv
var classesTSV string

// classTable is classes.tsv. Its slices are in label order.
type classTable struct {
	ids, names, subsets []string
	label               map[string]int // by WordNet id
	kit                 []int          // label of each number of the development kit; kit[0] is -1
}

var table = sync.OnceValue(func() *classTable {
	t := &classTable{label: make(map[string]int), kit: []int{-1}}
	byKit := make(map[int]int)
	for line := range strings.Lines(classesTSV) {
		cells := strings.SplitN(strings.TrimRight(line, "\r\n"), "\t", 4)
		number, err := strconv.Atoi(cells[1])
		if err != nil {
			panic(err) // the file is ours, and tested
		}
		label := len(t.ids)
		t.label[cells[0]], byKit[number] = label, label
		t.ids = append(t.ids, cells[0])
		t.names = append(t.names, cells[2])
		t.subsets = append(t.subsets, cells[3])
	}
	for number := range len(t.ids) {
		t.kit = append(t.kit, byKit[number+1])
	}
	return t
})

// Names returns the names of the 1000 classes in label order. The caller must
// not change the slice.
func Names() []string { return table().names }

// IDs returns the WordNet ids of the 1000 classes in label order, which is that of the
// sorted ids. The caller must not change the slice.
func IDs() []string { return table().ids }

// subsets are the benchmarks that have some of the classes, and their marks in classes.tsv.
var subsets = []struct{ name, mark string }{
	{"ImageNet-A", "a"}, {"ImageNet-R", "r"}, {"imagenette", "n"}, {"imagewoof", "w"},
}

// editions are what follows the name of imagenette or imagewoof: the second one has another
// validation set, and images of some have a shorter edge of so many pixels.
var editions = regexp.MustCompile(`^(imagenette|imagewoof)2?(-160|-320)?$`)

// Subset returns the name of the benchmark that has exactly the given labels as its classes;
// empty for any other set of labels.
func Subset(labels map[int]bool) string {
	for _, s := range subsets {
		all := SubsetLabels(s.name)
		if len(labels) == len(all) && !slices.ContainsFunc(all, func(label int) bool { return !labels[label] }) {
			return s.name
		}
	}
	return ""
}

// SubsetLabels returns the labels, in order, of the classes of a benchmark by its name, such as
// "ImageNet-A" or "imagenette2-160"; nil for one that has all 1000, and for a name of none.
func SubsetLabels(benchmark string) []int {
	if m := editions.FindStringSubmatch(benchmark); m != nil {
		benchmark = m[1]
	}
	var labels []int
	for _, s := range subsets {
		if s.name != benchmark {
			continue
		}
		for label, marks := range table().subsets {
			if strings.Contains(marks, s.mark) {
				labels = append(labels, label)
			}
		}
	}
	return labels
}

// ByID returns the label of a WordNet id such as "n01440764", and whether it is
// one of the 1000.
func ByID(id string) (label int, ok bool) {
	label, ok = table().label[id]
	return label, ok
}

// ByKitNumber returns the label of a class by its number, 1 to 1000, in the ILSVRC
// development kit, and whether there is such a number.
func ByKitNumber(number int) (label int, ok bool) {
	kit := table().kit
	if number < 1 || number >= len(kit) {
		return 0, false
	}
	return kit[number], true
}
