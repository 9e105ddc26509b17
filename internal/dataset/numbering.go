package dataset

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/gozoo/zoo/internal/imagenet"
)

// A numbering is a way of counting classes in lists of labels.
type numbering struct {
	name  string
	label func(number int) (label int, ok bool)
}

var (
	fromZero = numbering{"from 0, in the order of WordNet ids", func(n int) (int, bool) { return n, n >= 0 }}
	fromOne  = numbering{"from 1, in the order of WordNet ids", func(n int) (int, bool) { return n - 1, n >= 1 }}
	fromKit  = numbering{"from 1, in the order of the ILSVRC development kit", imagenet.ByKitNumber}
)

// validation matches the file names of ILSVRC's validation images.
var validation = regexp.MustCompile(`^ILSVRC2012_val_(\d{8})(\.[A-Za-z]+)?$`)

// validationName is how ILSVRC names its validation images, from 1.
const validationName = "ILSVRC2012_val_%08d.JPEG"

// known are the labels of ILSVRC's first validation images, by which the numbering of
// a list is told. They stand at the beginning of every list of the set.
var known = map[int]int{1: 65, 2: 970, 3: 230, 4: 809, 5: 516, 6: 57}

// tell returns how a list numbers the classes. Numbers are labels from 0, unless the classes
// are ImageNet's and ILSVRC's own images tell that they are numbered otherwise.
func (s *Set) tell(r *listReader, entries []listEntry) (numbering, error) {
	switch {
	case r.kit:
		return fromKit, nil
	case r.o.Classes-r.o.Offset != len(imagenet.IDs()):
		return fromZero, nil
	}
	numberings := []numbering{fromZero, fromKit, fromOne}
	seen, low, high := 0, -1, -1
	for _, e := range entries {
		number, err := strconv.Atoi(e.label)
		if err != nil {
			continue
		}
		if low < 0 {
			low, high = number, number
		}
		low, high = min(low, number), max(high, number)
		m := validation.FindStringSubmatch(path.Base(e.path))
		if m == nil {
			continue
		}
		image, _ := strconv.Atoi(m[1]) // eight digits
		want, ok := known[image]
		if !ok {
			continue
		}
		seen++
		numberings = slices.DeleteFunc(numberings, func(by numbering) bool {
			label, ok := by.label(number)
			return !ok || label != want
		})
		if len(numberings) == 0 {
			s.note("%s is labelled %d, which is not its class (%d) in any numbering of ImageNet: the labels look wrong", path.Base(e.path), number, want)
			return fromZero, nil
		}
	}
	if seen > 0 {
		if by := numberings[0]; by.name != fromZero.name {
			s.note("%s numbers the classes %s; they were renumbered from 0", r.name, by.name)
			return by, nil
		}
		return fromZero, nil
	}
	if n := len(imagenet.IDs()); low >= 1 && high == n {
		return fromZero, fmt.Errorf("%s numbers the classes from %d to %d, and cannot be told by its images to be the development kit's numbering or not: number them from 0, in the order of WordNet ids", r.name, low, high)
	}
	return fromZero, nil
}
