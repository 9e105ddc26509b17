package imagenet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A numbering is a way of counting ImageNet's classes in lists of labels.
type numbering struct {
	name  string
	label func(number int) (label int, ok bool)
}

var (
	fromZero = numbering{"from 0, in the order of WordNet ids", func(n int) (int, bool) { return n, n >= 0 && n < len(table().ids) }}
	fromOne  = numbering{"from 1, in the order of WordNet ids", func(n int) (int, bool) { return n - 1, n >= 1 && n <= len(table().ids) }}
	fromKit  = numbering{"from 1, in the order of the ILSVRC development kit", ByKitNumber}
)

// validation matches the file names of ILSVRC's validation images.
var validation = regexp.MustCompile(`^ILSVRC2012_val_(\d{8})\.[A-Za-z]+$`)

// validationName is how ILSVRC names its validation images, from 1.
const validationName = "ILSVRC2012_val_%08d.JPEG"

// known are the labels of ILSVRC's first validation images, by which the numbering of
// a list is told. They stand at the beginning of every list of the set.
var known = map[int]int{1: 65, 2: 970, 3: 230, 4: 809, 5: 516, 6: 57}

// entry is one line of a list, its number not yet understood.
type entry struct {
	path   string
	number int
	line   int
}

// readList reads lines of "PATH LABEL". Numbers are labels from 0, unless ILSVRC's own
// images tell that they are numbered otherwise.
func (s *Set) readList(fsys fs.FS, text []byte, classes int) error {
	var entries []entry
	n := 0
	for line := range bytes.Lines(text) {
		n++
		trimmed := strings.TrimSpace(string(line))
		if trimmed == "" {
			continue
		}
		e, err := parseLine(trimmed)
		if err != nil {
			return fmt.Errorf("%s line %d: %w", ListFile, n, err)
		}
		e.line = n
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return fmt.Errorf("%s lists no image", ListFile)
	}
	by := fromZero
	if classes == len(table().ids) {
		var err error
		if by, err = s.tell(entries); err != nil {
			return err
		}
	}
	for _, e := range entries {
		label, ok := e.number, e.number >= 0 && e.number < classes
		if by.name != fromZero.name {
			label, ok = by.label(e.number)
		}
		if !ok {
			return fmt.Errorf("%s line %d: expected a label from 0 to %d, found %d", ListFile, e.line, classes-1, e.number)
		}
		p, err := locate(fsys, e.path)
		if err != nil {
			return fmt.Errorf("%s line %d: %w", ListFile, e.line, err)
		}
		s.Items = append(s.Items, Item{Path: p, Label: label})
	}
	return nil
}

// parseLine splits "PATH LABEL" at the last space: paths may hold spaces.
func parseLine(line string) (entry, error) {
	at := strings.LastIndexAny(line, " \t")
	if at < 0 {
		return entry{}, fmt.Errorf("expected PATH LABEL, found %.100q", line)
	}
	number, err := strconv.Atoi(line[at+1:])
	if err != nil {
		return entry{}, fmt.Errorf("expected a whole number as label, found %.100q", line[at+1:])
	}
	return entry{path: path.Clean(strings.TrimSpace(line[:at])), number: number}, nil
}

// tell returns how a list over ImageNet's classes numbers them.
func (s *Set) tell(entries []entry) (numbering, error) {
	numberings := []numbering{fromZero, fromKit, fromOne}
	seen := 0
	for _, e := range entries {
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
			label, ok := by.label(e.number)
			return !ok || label != want
		})
		if len(numberings) == 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("%s is labelled %d, which is not its class (%d) in any numbering of ImageNet: the labels look wrong", path.Base(e.path), e.number, want))
			return fromZero, nil
		}
	}
	if seen > 0 {
		if by := numberings[0]; by.name != fromZero.name {
			s.Notes = append(s.Notes, fmt.Sprintf("%s numbers the classes %s; they were renumbered from 0", ListFile, by.name))
			return by, nil
		}
		return fromZero, nil
	}
	low, high := entries[0].number, entries[0].number
	for _, e := range entries {
		low, high = min(low, e.number), max(high, e.number)
	}
	if low >= 1 && high == len(table().ids) {
		return fromZero, fmt.Errorf("%s numbers the classes from %d to %d, and cannot be told by its images to be the development kit's numbering or not: number them from 0, in the order of WordNet ids", ListFile, low, high)
	}
	return fromZero, nil
}

// readTruth reads the development kit's file: line i is the number of the class of
// validation image i.
func (s *Set) readTruth(fsys fs.FS, text []byte, classes int) error {
	if want := len(table().ids); classes != want {
		return fmt.Errorf("%s labels images with ImageNet's %d classes, the model has %d", TruthFile, want, classes)
	}
	image := 0
	for line := range bytes.Lines(text) {
		trimmed := strings.TrimSpace(string(line))
		if trimmed == "" {
			continue
		}
		image++
		number, err := strconv.Atoi(trimmed)
		label, ok := ByKitNumber(number)
		if err != nil || !ok {
			return fmt.Errorf("%s line %d: expected a number from 1 to %d, found %.100q", TruthFile, image, classes, trimmed)
		}
		p, err := locate(fsys, fmt.Sprintf(validationName, image))
		if err != nil {
			return fmt.Errorf("%s line %d: %w", TruthFile, image, err)
		}
		s.Items = append(s.Items, Item{Path: p, Label: label})
	}
	if image == 0 {
		return errors.New(TruthFile + " is empty")
	}
	return nil
}
